"""Runs in several records, put together again from the state topic: of each, the write that was whole last stands."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.stitching import parked
from headwater.stitching.state_records import Part


class _Write:
    """The records of one write that are there. What they carry is kept until all are."""

    def __init__(self) -> None:
        self.count = 0
        self.numbers: set[int] = set()
        self._pieces: dict[int, bytes] = {}

    def put(self, number: int, record: bytes) -> bytes | None:
        """Take a record; what all carry together, once they are there."""
        self.count, piece = parked.piece(record)
        self.numbers.add(number)
        self._pieces[number] = piece
        if len(self._pieces) < self.count:
            return None
        whole = b"".join(self._pieces[at] for at in sorted(self._pieces))
        self._pieces.clear()
        return whole

    def drop(self, number: int) -> None:
        """A record was taken back."""
        self.numbers.discard(number)
        self._pieces.pop(number, None)


class Rejoining:
    """Takes records in their order. What a torn write left, and what was replaced and not yet taken back, is `left`."""

    def __init__(self) -> None:
        self._writes: dict[bytes, dict[bytes, _Write]] = {}
        #: By identity, the name of the write that stands.
        self._stands: dict[bytes, bytes] = {}

    def take(self, identity: bytes, part: Part, record: bytes) -> bytes | None:
        """The run, where it is whole with this record; empty, where it stood thus and is gone; else None.

        Raises StateError for another version.
        """
        if record:
            whole = self._writes.setdefault(identity, {}).setdefault(part.write, _Write()).put(part.number, record)
            if whole is not None:
                self._stands[identity] = part.write
            return whole
        writes = self._writes.get(identity, {})
        if part.write in writes:
            writes[part.write].drop(part.number)
            if not writes[part.write].numbers:
                del writes[part.write]
        if self._stands.get(identity) != part.write:
            return None
        del self._stands[identity]
        return b""

    def stands(self, identity: bytes) -> bool:
        """Whether what stands of this run is in several records."""
        return identity in self._stands

    def replaced(self, identity: bytes) -> bool:
        """Something else stands of it from here on; whether it stood thus."""
        return self._stands.pop(identity, None) is not None

    def standing(self) -> Iterator[tuple[bytes, bytes, int]]:
        """Of the runs that stand thus: identity, the write's name, how many records it has."""
        for identity, write in self._stands.items():
            yield identity, write, self._writes[identity][write].count

    def left(self) -> Iterator[tuple[bytes, Part]]:
        """Records that are there and do not count."""
        for identity, writes in self._writes.items():
            for name, write in writes.items():
                if self._stands.get(identity) != name:
                    yield from ((identity, Part(name, number)) for number in sorted(write.numbers))
