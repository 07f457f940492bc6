"""Runs on the worker's disk: files without a name, gone with the process. What is in them is on the state topic too."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Sequence
from typing import BinaryIO, cast

import numpy as np

from headwater.stitching.hashing import IDENTITY, Numbers, Table, Words

#: A file's size, about; a file is given back when nothing in it counts any more.
FILE_BYTES = 64 * 1024 * 1024
#: What no longer counts may take so much, and as much as what counts.
_SLACK = 4 * FILE_BYTES
_HEAD = struct.Struct("<I16s")


class Spill:
    """Values by identity, each with when its run was last touched (ms) and whether it had ended. One thread.

    Writing raises OSError where the disk is full or broken.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder or None
        #: How many of the runs have ended.
        self.ended = 0
        #: File and position, length, touched and ended.
        self._table = Table(3)
        self._files: dict[int, BinaryIO] = {}
        self._sizes: dict[int, int] = {}
        self._live: dict[int, int] = {}
        self._current = -1

    def __len__(self) -> int:
        return self._table.count

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self._table.nbytes

    @property
    def disk_bytes(self) -> int:
        """What it takes on the disk."""
        return sum(self._sizes.values())

    def put(self, ids: Words, values: Sequence[bytes], touched: Sequence[int], ended: Sequence[bool]) -> None:
        """Put or replace. Identities are different from one another."""
        places = self._append(ids, values)
        self.remove(ids)
        marks = (np.array(touched, np.int64) << 1) | np.array(ended, np.int64)
        self._table.put(ids, np.stack((places, np.fromiter(map(len, values), np.int64, len(values)), marks), 1))
        self.ended += int((marks & 1).sum())
        if self.disk_bytes > 2 * sum(self._live.values()) + _SLACK:
            self._move_out()

    def _append(self, ids: Words, values: Sequence[bytes]) -> Numbers:
        if self._current < 0 or self._sizes[self._current] > FILE_BYTES:
            file = tempfile.TemporaryFile(dir=self._folder, prefix="headwater-", buffering=0)  # noqa: SIM115 — closed when nothing in it counts
            self._current += 1
            self._files[self._current] = cast("BinaryIO", file)
            self._sizes[self._current] = self._live[self._current] = 0
        raw = ids.tobytes()
        parts: list[bytes] = []
        for at, value in enumerate(values):
            parts += (_HEAD.pack(len(value), raw[IDENTITY * at : IDENTITY * at + IDENTITY]), value)
        block = b"".join(parts)
        handle, begin = self._files[self._current].fileno(), self._sizes[self._current]
        written = 0
        while written < len(block):
            written += os.pwrite(handle, memoryview(block)[written:], begin + written)
        lengths: Numbers = np.fromiter(map(len, values), np.int64, len(values)) + _HEAD.size
        self._sizes[self._current] += len(block)
        self._live[self._current] += len(block)
        return (self._current << 40) + begin + np.cumsum(lengths) - lengths + _HEAD.size

    def marks(self, ids: Words) -> Numbers:
        """int64[N, 3]: file and position (-1: not there), length, touched << 1 | ended."""
        return self._table.get(ids)

    def read(self, place: int, length: int) -> bytes:
        """The value at a place that `marks` gave."""
        return os.pread(self._files[place >> 40].fileno(), length, place & (1 << 40) - 1)

    def remove(self, ids: Words) -> None:
        """Forget these, where they are there."""
        if not self._table.count:
            return
        there = self._table.get(ids)
        there = there[there[:, 0] >= 0]
        if not len(there):
            return
        self._table.remove(ids)
        self.ended -= int((there[:, 2] & 1).sum())
        files = there[:, 0] >> 40
        for number in np.unique(files).tolist():
            of_file = files == number
            self._live[number] -= int(there[of_file, 1].sum()) + _HEAD.size * int(of_file.sum())
            if not self._live[number] and number != self._current:
                self._give_back(number)

    def items(self) -> tuple[Words, Numbers]:
        """All identities, with what `marks` gives."""
        return self._table.items()

    def close(self) -> None:
        """Give all files back."""
        for number in list(self._files):
            self._give_back(number)
        self._table, self._current, self.ended = Table(3), -1, 0

    def _give_back(self, number: int) -> None:
        self._files.pop(number).close()
        del self._sizes[number], self._live[number]

    def _move_out(self) -> None:
        """Write what still counts in the file with the least of it again, behind all others."""
        old = min((n for n in self._files if n != self._current), key=self._live.__getitem__, default=None)
        if old is None:
            return
        at, size = 0, self._sizes[old]
        file = self._files[old].fileno()
        found: list[tuple[bytes, bytes, int]] = []
        while at < size:
            length, one = _HEAD.unpack(os.pread(file, _HEAD.size, at))
            at += _HEAD.size
            found.append((one, os.pread(file, length, at), (old << 40) + at))
            at += length
        ids = np.frombuffer(b"".join([one for one, _, _ in found]), np.uint64).reshape(-1, 2)
        there = self._table.get(ids)
        counts = np.flatnonzero(there[:, 0] == np.fromiter((place for _, _, place in found), np.int64, len(found)))
        if len(counts):
            places = self._append(ids[counts], [found[at][1] for at in counts.tolist()])
            self._table.put(ids[counts], np.column_stack((places, there[counts, 1:])))
        self._give_back(old)
