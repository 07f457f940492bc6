"""A fetched chunk before it is read: the raw messages of one partition, in offset order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.streams.records import Numbers, RecordSet, unpack

#: Whole numbers, as they came.
Whole = Sequence[int] | Numbers


@dataclass(frozen=True)
class Chunk:
    """`topic` without the prefix. All sequences have one place a message; `timestamps` in ms since 1970 UTC.

    `keys` and `values` are lists, or `Keys` and `Slices` where they stand side by side already.
    """

    topic: str
    partition: int
    keys: Sequence[bytes | None]
    values: Sequence[bytes]
    offsets: Whole
    timestamps: Whole
    #: The offset to commit, where it is not the one after the last message.
    after: int = -1

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def first(self) -> int:
        """The offset from which it was fetched."""
        return int(self.offsets[0])

    @property
    def end(self) -> int:
        """The offset after the last message: what to commit."""
        return self.after if self.after >= 0 else int(self.offsets[-1]) + 1

    def opened(self) -> Chunk:
        """Itself."""
        return self


@dataclass(frozen=True)
class Sealed:
    """A chunk whose messages are still in Kafka's record batches. `topic` without the prefix."""

    topic: str
    partition: int
    record_set: RecordSet

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def first(self) -> int:
        """The offset from which it was fetched."""
        return self.record_set.first

    @property
    def end(self) -> int:
        """The offset after the last message: what to commit."""
        return self.record_set.end

    def opened(self) -> Chunk:
        """The messages; there may be none. Raises CorruptRecordException, UnsupportedCodecError."""
        keys, values, offsets, timestamps = unpack(self.record_set)
        return Chunk(self.topic, self.partition, keys, values, offsets, timestamps, self.end)


#: What a feed gives.
Fetched = Chunk | Sealed
