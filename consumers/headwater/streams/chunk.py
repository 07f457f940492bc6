"""A fetched chunk before it is read: the raw messages of one partition, in offset order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """`topic` without the prefix. All lists have one place a message; `timestamps` in ms since 1970 UTC."""

    topic: str
    partition: int
    keys: list[bytes | None]
    values: list[bytes]
    offsets: list[int]
    timestamps: list[int]

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def end(self) -> int:
        """The offset after the last message: what to commit."""
        return self.offsets[-1] + 1
