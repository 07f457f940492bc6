"""A run as bytes: what stands on the state topic and on the worker's disk of a run that is not in memory.

Its messages as they came, each with its offset; of a folded run, messages that say what it was told, in the current
schema. So the format of what was said is the events' own, and evolves as they do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headwater.errors import StateError

VERSION = 1
_ENDED, _FOLDED = 1, 2
#: Version, flags, length of the key, messages, when the run was last touched (ms), the last offset, their count.
_HEAD = struct.Struct("<BBHIqq")
#: A part: version, its number, how many there are, when the run was last touched (of all parts the same).
_PART = struct.Struct("<BxHHq")
#: Parts keep a record below what a topic takes.
PART_BYTES = 900_000


@dataclass(frozen=True)
class Parked:
    """`messages` with their offsets in the partition, in order of arrival; `touched` in ms since 1970 UTC."""

    key: bytes
    touched: int
    ended: bool
    folded: bool
    offsets: tuple[int, ...]
    messages: tuple[bytes, ...]

    def pack(self) -> bytes:
        """As bytes."""
        count = len(self.messages)
        return b"".join(
            (
                _HEAD.pack(
                    VERSION,
                    _ENDED * self.ended | _FOLDED * self.folded,
                    len(self.key),
                    count,
                    self.touched,
                    max(self.offsets, default=-1),
                ),
                self.key,
                struct.pack(f"<{count}q{count}I", *self.offsets, *map(len, self.messages)),
                *self.messages,
            )
        )

    def below(self, offset: int) -> Parked:
        """Without the messages at or behind an offset. Whether it had ended is then unknown: it counts as open."""
        known = [at for at, one in enumerate(self.offsets) if one < offset]
        return Parked(
            self.key,
            self.touched,
            False,
            self.folded,
            tuple(self.offsets[at] for at in known),
            tuple(self.messages[at] for at in known),
        )


def head(packed: bytes) -> tuple[int, bool, int]:
    """When the run was last touched, whether it had ended, its newest offset. Raises StateError for another version."""
    version, flags, _, _, touched, last = _HEAD.unpack_from(packed)
    if version != VERSION:
        raise _other(version)
    return touched, bool(flags & _ENDED), last


def unpack(packed: bytes) -> Parked:
    """What `pack` made. Raises StateError for another version."""
    version, flags, length, count, touched, _ = _HEAD.unpack_from(packed)
    if version != VERSION:
        raise _other(version)
    at = _HEAD.size + length
    numbers = struct.unpack_from(f"<{count}q{count}I", packed, at)
    messages: list[bytes] = []
    begin = at + 12 * count
    for size in numbers[count:]:
        messages.append(packed[begin : begin + size])
        begin += size
    key = packed[_HEAD.size : at]
    return Parked(key, touched, bool(flags & _ENDED), bool(flags & _FOLDED), numbers[:count], tuple(messages))


def _other(version: int) -> StateError:
    return StateError(
        f"runs on the state topic are written in version {version}, this worker knows {VERSION}: "
        "run the version that wrote them, or a newer one"
    )


def parts(packed: bytes) -> Iterator[bytes]:
    """The records that carry it, each below the size of a message."""
    touched = head(packed)[0]
    count = max(1, -(-len(packed) // PART_BYTES))
    for number in range(count):
        piece = packed[number * PART_BYTES : (number + 1) * PART_BYTES]
        yield _PART.pack(VERSION, number, count, touched) + piece


def part_count(length: int) -> int:
    """How many records carry so many bytes."""
    return max(1, -(-length // PART_BYTES))


def single(record: bytes) -> bytes | None:
    """What a record carries, where it carries all; None where it is one part of several.

    Raises StateError for another version.
    """
    version, _, count, _ = _PART.unpack_from(record)
    if version != VERSION:
        raise _other(version)
    return record[_PART.size :] if count == 1 else None


def joined(records: Mapping[int, bytes]) -> bytes | None:
    """What the parts carry together, by their numbers; None where one is missing or of another time."""
    heads = {number: _PART.unpack_from(record) for number, record in records.items()}
    if 0 not in heads:
        return None
    _, _, count, touched = heads[0]
    if any(number not in heads or heads[number][2:] != (count, touched) for number in range(count)):
        return None
    return b"".join(records[number][_PART.size :] for number in range(count))
