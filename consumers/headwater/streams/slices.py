"""Many byte strings side by side in one buffer, made into `bytes` only where somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

#: Behind the last byte string, so that a header or a word can be read of every place in the buffer.
PADDING = bytes(16)

Numbers = NDArray[np.int64]


class Slices(Sequence[bytes]):
    """`text` holds them, with PADDING behind the last; `starts`, `ends` int64[N]. `buffer`: `text` as array."""

    def __init__(self, text: bytes, starts: Numbers, ends: Numbers) -> None:
        self.text = text
        self.buffer: NDArray[np.uint8] = np.frombuffer(text, np.uint8)
        self.starts = starts
        self.ends = ends

    @staticmethod
    def of(parts: Sequence[bytes]) -> Slices:
        """As they are where they are slices; else joined."""
        if isinstance(parts, Slices):
            return parts
        ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1]
        return Slices(b"".join([*parts, PADDING]), starts, ends)

    @property
    def lengths(self) -> Numbers:
        """Bytes of each."""
        return self.ends - self.starts

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Slices: ...
    def __getitem__(self, index: int | slice) -> bytes | Slices:
        if isinstance(index, slice):
            return Slices(self.text, self.starts[index], self.ends[index])
        return self.text[self.starts[index] : self.ends[index]]

    def __iter__(self) -> Iterator[bytes]:
        text = self.text
        return iter([text[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)])


class Keys(Sequence[bytes | None]):
    """Slices of which some are None: those that start below 0."""

    def __init__(self, slices: Slices) -> None:
        self.slices = slices

    @staticmethod
    def of(keys: Sequence[bytes | None]) -> Keys:
        """As they are where they are Keys; else joined."""
        if isinstance(keys, Keys):
            return keys
        slices = Slices.of([key or b"" for key in keys])
        none = np.fromiter((key is None for key in keys), np.bool_, len(keys))
        slices.starts[none] = slices.ends[none] = -1
        return Keys(slices)

    def __len__(self) -> int:
        return len(self.slices)

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> Keys: ...
    def __getitem__(self, index: int | slice) -> bytes | Keys | None:
        if isinstance(index, slice):
            return Keys(self.slices[index])
        return self.slices[index] if self.slices.starts[index] >= 0 else None

    def __iter__(self) -> Iterator[bytes | None]:
        text, slices = self.slices.text, self.slices
        if not (slices.starts < 0).any():
            return iter(slices)
        return iter(
            [
                text[start:end] if start >= 0 else None
                for start, end in zip(slices.starts.tolist(), slices.ends.tolist(), strict=True)
            ]
        )
