"""Blocks of events: how they stand in a segment, and how they are read back, damaged ones too.

    marker, CRC-32 of what follows up to the keys, number of the first event in the segment, count,
    bytes of all keys, bytes of all values, CRC-32 of all keys; per event: length of key, length of value, CRC-32 of
    the value; the keys; the values

All numbers little-endian. Built and read by a few calls over whole lists: a host that emits at full speed leaves
the interpreter to this code for a small part of the time.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import add
from typing import Final, NamedTuple
from zlib import crc32

from headwater.producer._outbox import Message

MARKER: Final = b"\xf5HWb"
_HEAD: Final = struct.Struct("<4sIQIIII")
#: The least that a block takes, and what it takes beside an event's bytes.
HEAD: Final = _HEAD.size
PER_EVENT: Final = 12
#: Where the part begins that the block's checksum covers.
_CHECKED: Final = 8
#: A block is closed when it holds so much; a single event may be larger.
BLOCK_BYTES: Final = 512 * 1024
BLOCK_EVENTS: Final = 2048
_PIECE: Final = 4096
#: A block cannot be larger: what claims to be is damaged.
_LARGEST: Final = 16 * 1024 * 1024


class Columns:
    """Events as lists of keys, values and their lengths, to be cut into blocks."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.keys = [message["key"] for message in messages]
        self.values = [message["value"] for message in messages]
        self._key_lengths = list(map(len, self.keys))
        self._value_lengths = list(map(len, self.values))
        self._ends = list(accumulate(map(add, self._key_lengths, self._value_lengths)))

    def __len__(self) -> int:
        return len(self.keys)

    def size(self, count: int) -> int:
        """Bytes of the first so many keys and values."""
        return self._ends[count - 1] if count else 0

    def fitting(self, start: int, room: int) -> int:
        """Where to stop, from `start` on, so that keys and values are no more than `room`; at least after one event."""
        return max(start + 1, bisect_right(self._ends, self.size(start) + room))

    def needed(self, start: int, stop: int) -> int:
        """Bytes that the blocks of these events take, or a little more."""
        size = self.size(stop) - self.size(start)
        blocks = 1 + 2 * size // BLOCK_BYTES + (stop - start) // BLOCK_EVENTS
        return size + PER_EVENT * (stop - start) + HEAD * blocks

    def encode(self, number: int, start: int, stop: int) -> list[bytes]:
        """The events from `start` to `stop` as blocks; `number` is the number of the first one in its segment."""
        encoded: list[bytes] = []
        while start < stop:
            end = min(stop, start + BLOCK_EVENTS, self.fitting(start, BLOCK_BYTES))
            keys, values = self.keys[start:end], self.values[start:end]
            count = end - start
            sums = map(crc32, values)
            index = struct.pack(f"<{3 * count}I", *self._key_lengths[start:end], *self._value_lengths[start:end], *sums)
            joined = b"".join(keys)
            value_bytes = self.size(end) - self.size(start) - len(joined)
            head = struct.pack("<QIIII", number, count, len(joined), value_bytes, _sum(joined))
            encoded += (MARKER, struct.pack("<I", _sum(head + index)), head, index, joined, *values)
            number += count
            start = end
        return encoded


def _sum(data: bytes) -> int:
    """CRC-32, piece by piece: for more than 5 KB at once zlib lets go of the interpreter, and a busy host's threads
    give it back 5 ms later.
    """
    total = 0
    for start in range(0, len(data), _PIECE):
        total = crc32(data[start : start + _PIECE], total)
    return total


class Block(NamedTuple):
    """One block as it was read. `end`: where the next one begins."""

    messages: list[Message]
    #: Events that should be here and cannot be read.
    lost: int
    #: Number of the event after this block.
    following: int
    end: int


class Incomplete(Exception):
    """The data ends within a block; `needed` bytes from the block's beginning would be enough to go on."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class Damaged(Exception):
    """No block begins here."""


def decode(data: bytes, start: int, *, last: bool) -> Block:
    """The block at `start`.

    Raises Incomplete where the data ends within it, unless it is the `last` data there is: then the events that
    are whole are given, the others are lost. Raises Damaged where no block begins there.
    """
    if len(data) - start < HEAD:
        if last:
            raise Damaged
        raise Incomplete(HEAD)
    marker, checksum, first, count, key_bytes, value_bytes, keys_checksum = _HEAD.unpack_from(data, start)
    body = start + HEAD + PER_EVENT * count
    end = body + key_bytes + value_bytes
    if marker != MARKER or end - start > _LARGEST:
        raise Damaged
    if body > len(data):
        if last:
            raise Damaged
        raise Incomplete(end - start)
    if _sum(data[start + _CHECKED : body]) != checksum:
        raise Damaged
    if end > len(data) and not last:
        raise Incomplete(end - start)
    index = struct.unpack_from(f"<{3 * count}I", data, start + HEAD)
    keys = [data[a:b] for a, b in pairwise(accumulate(index[:count], initial=body))]
    values = [data[a:b] for a, b in pairwise(accumulate(index[count : 2 * count], initial=body + key_bytes))]
    sums = index[2 * count :]
    found = tuple(map(crc32, values))
    messages: list[Message] = [{"key": key, "value": value} for key, value in zip(keys, values, strict=True)]
    if _sum(data[body : body + key_bytes]) != keys_checksum:
        messages = []
    elif found != sums:
        # What is cut off has another checksum, too, or another length.
        lengths = index[count : 2 * count]
        messages = [
            message
            for message, is_, should, length in zip(messages, found, sums, lengths, strict=True)
            if is_ == should and len(message["value"]) == length
        ]
    return Block(messages, count - len(messages), first + count, min(end, len(data)))


def next_marker(data: bytes, start: int) -> int:
    """Where the next block may begin; −1 where none does."""
    return data.find(MARKER, start)
