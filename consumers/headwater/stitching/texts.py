"""Texts, each once, in one piece of memory: tens of bytes each beside their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from headwater.stitching.kernel import texts as stores

Scalar = TypeVar("Scalar", np.uint8, np.int64, np.uint64)
#: What compiled code may read behind the last byte.
_PADDING = 16
_FEWEST = 64


class Texts:
    """Different texts by number, from 0 on. A text may have a first part, which tells it from others."""

    def __init__(self) -> None:
        self._data = np.zeros(1024, np.uint8)
        self._ends = np.zeros(_FEWEST, np.int64)
        self._marks = np.zeros(_FEWEST, np.int64)
        self._hashes = np.zeros(_FEWEST, np.uint64)
        self._slots = np.full(2 * _FEWEST, -1, np.int32)
        self._size = np.zeros(2, np.int64)

    def __len__(self) -> int:
        return int(self._size[0])

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(one.nbytes for one in self.store)

    @property
    def store(self) -> stores.Store:
        """As compiled functions take it."""
        return self._data, self._ends, self._marks, self._hashes, self._slots, self._size

    @property
    def packed(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All of them, one after the other, and where each ends."""
        return self._data, self._ends

    def reserve(self, count: int, nbytes: int) -> None:
        """Make room for so many more texts, with so many bytes together."""
        count += len(self)
        nbytes += int(self._size[1]) + _PADDING
        if nbytes > len(self._data):
            self._data = _longer(self._data, nbytes)
        if count > len(self._ends):
            self._ends, self._marks = _longer(self._ends, count), _longer(self._marks, count)
            self._hashes = _longer(self._hashes, count)
        if 2 * count > len(self._slots):
            self._slots = np.full(1 << (2 * count).bit_length(), -1, np.int32)
            stores.fill(self._hashes, len(self), self._slots)

    def add(self, texts: Iterable[bytes]) -> None:
        """Add those that are not there."""
        for text in texts:
            self.reserve(1, len(text))
            stores.add(self.store, np.frombuffer(text + bytes(_PADDING), np.uint8), len(text))

    def number(self, first: bytes) -> int:
        """Which text has this first part; -1 for none."""
        buffer = np.frombuffer(first + bytes(_PADDING), np.uint8)
        return stores.number_of(self.store, buffer, len(first))

    def beginning(self, wanted: bytes) -> list[bytes]:
        """All texts that begin so."""
        buffer = np.frombuffer(wanted + bytes(_PADDING), np.uint8)
        found = np.empty(len(self), np.int64)
        count = int(stores.beginning(self.store, buffer, len(wanted), found))
        return [self.between(one, one + 1)[0] for one in found[:count].tolist()]

    def between(self, first: int, last: int) -> list[bytes]:
        """The texts from `first` on, before `last`."""
        begin = int(self._ends[first - 1]) if first else 0
        ends = self._ends[first:last].tolist()
        if not ends:
            return []
        whole = self._data[begin : ends[-1]].tobytes()
        starts = [0, *(end - begin for end in ends[:-1])]
        return [whole[start : end - begin] for start, end in zip(starts, ends, strict=True)]


def _longer(array: NDArray[Scalar], length: int) -> NDArray[Scalar]:
    made = np.zeros(length + length // 4, array.dtype)
    made[: len(array)] = array
    return made
