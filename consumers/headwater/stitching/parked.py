"""A run as bytes: what stands on the state topic and on the worker's disk of a run that is not in memory.

Its messages as they came, each with its offset; of a folded run, messages that say what it was told, in the current
schema. So the format of what was said is the events' own, and evolves as they do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from headwater.errors import StateError
from headwater.stitching.hashing import Numbers

VERSION = 2
_ENDED, _FOLDED = 1, 2
#: Version, flags, length of the key, messages, when the run was last touched (ms), the last offset, their count.
_HEAD = struct.Struct("<BBHIqq")
#: What a record begins with: version, how many records carry the run.
_RECORD = struct.Struct("<BxH")
#: So much of a run is in a record, which keeps it below what a topic takes.
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
        numbers = struct.pack(f"<{count}q{count}I", *self.offsets, *map(len, self.messages))
        flags = _ENDED * self.ended | _FOLDED * self.folded
        return _packed(self.key, flags, count, self.touched, max(self.offsets, default=-1), numbers, self.messages)

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


def pack_folded(
    key: bytes, touched: int, offsets: Numbers, lengths: Numbers, said: Iterable[bytes | memoryview], *, ended: bool
) -> bytes:
    """What `Parked.pack` makes of a folded run, without an object for each of its messages: their offsets and
    lengths, int64[N] each, and `said`, which are all of them in that order, in pieces as may be.
    """
    numbers = offsets.astype("<i8").tobytes() + lengths.astype("<u4").tobytes()
    flags = _ENDED * ended | _FOLDED
    return _packed(key, flags, len(offsets), touched, int(np.max(offsets, initial=-1)), numbers, said)


def _packed(
    key: bytes, flags: int, count: int, touched: int, last: int, numbers: bytes, said: Iterable[bytes | memoryview]
) -> bytes:
    return b"".join((_HEAD.pack(VERSION, flags, len(key), count, touched, last), key, numbers, *said))


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


def records(packed: bytes) -> list[bytes]:
    """The records that carry it, each below the size of a message, in order."""
    count = max(1, -(-len(packed) // PART_BYTES))
    head, view = _RECORD.pack(VERSION, count), memoryview(packed)
    return [b"".join((head, view[at * PART_BYTES : (at + 1) * PART_BYTES])) for at in range(count)]


def piece(record: bytes) -> tuple[int, bytes]:
    """Of a record: how many carry the run, and what this one carries. Raises StateError for another version."""
    # Of another version, the version may be all that can be read.
    if record[0] != VERSION:
        raise _other(record[0])
    return _RECORD.unpack_from(record)[1], record[_RECORD.size :]
