"""Many bodies in one buffer, each with its place. They may be unproved: only the kernel reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.kernel import PADDING


@dataclass(frozen=True)
class Bodies:
    """N bodies. `buffer` uint8[B], read-only, with at least 8 bytes behind the last body; `starts`, `ends`
    int64[N], the byte each begins at and the byte after its last.

    Raises ValueError where a body lies outside of the buffer.
    """

    buffer: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.ends):
            raise ValueError(f"{len(self.starts)} starts and {len(self.ends)} ends")
        if len(self.starts) and not (
            self.starts.min() >= 0
            and bool(np.all(self.starts <= self.ends))
            and self.ends.max() + PADDING <= len(self.buffer)
        ):
            raise ValueError(f"bodies lie outside of their buffer of {len(self.buffer)} bytes, {PADDING} of padding")
        # One type for the kernel, whatever the buffer was made from; and what was proved stays as it is.
        buffer = self.buffer.view()
        buffer.flags.writeable = False
        object.__setattr__(self, "buffer", buffer)

    @staticmethod
    def join(messages: Sequence[bytes], header_lengths: Sequence[int] | NDArray[np.int64] | int = 0) -> Bodies:
        """Bodies from messages: all joined, each without its header (one length for all, or one a message)."""
        buffer = np.frombuffer(b"".join((*messages, bytes(PADDING))), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1]
        return Bodies(buffer, starts + np.asarray(header_lengths, np.int64), ends)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:
        """One body's bytes."""
        return self.buffer[self.starts[index] : self.ends[index]].tobytes()

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Bodies:
        """Some of the bodies, by index or mask, over the same buffer."""
        return Bodies(self.buffer, self.starts[rows], self.ends[rows])
