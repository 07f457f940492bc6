"""Kafka's record batches (format v2) as columns: found, checked and unpacked without an object a record.

A fetch answers with whole batches, one after another, and perhaps a piece of one more, which is fetched again. `survey`
says where they stand; `unpack` checks their CRC-32C, unpacks what is compressed and finds keys and values. Everything
that is compiled stands in this file (see `headwater.schemas.codec.compiled`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from aiokafka import codec
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record import util
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled
from headwater.streams.slices import PADDING, Keys, Slices

#: A batch begins with its first offset (8 bytes), its length behind these twelve (4), the leader's epoch (4), the
#: format (1), the checksum of all that follows (4), attributes (2), last offset − first (4), first and last time (8
#: each), producer id, epoch and sequence (14), records (4).
_HEADER = 61
_CHECKED_FROM = 21
#: Bits of the attributes.
_CODEC, _APPEND_TIME, _CONTROL = 7, 8, 32

#: What `survey` says of each batch: the byte it begins at, the byte after it, its first offset, its first and last
#: time, its attributes and how many records it holds.
BEGIN, END, OFFSET, FIRST_TIME, LAST_TIME, ATTRIBUTES, COUNT = range(7)
_FIELDS = 7
#: What `_rows` finds of each record.
_KEY, _KEY_END, _VALUE, _VALUE_END, _AT, _TIME = range(6)

Numbers = NDArray[np.int64]
Place = Any


@dataclass(frozen=True)
class RecordSet:
    """What a fetch of one partition answered with: `raw`, the whole `batches` in it (see above), the offset to read
    from, and the one after the last batch.
    """

    topic: str
    partition: int
    raw: bytes
    batches: Numbers
    first: int
    end: int


@compiled
def _number(buffer: NDArray[np.uint8], at: Place, width: Place) -> int:
    """A big-endian signed number."""
    value = np.int64(buffer[at]) - ((np.int64(buffer[at]) & 128) << 1)
    for i in range(1, width):
        value = (value << 8) | np.int64(buffer[at + i])
    return int(value)


@compiled
def _survey(buffer: NDArray[np.uint8], batches: Numbers) -> tuple[int, int]:
    """Fill `batches` int64[B, 7] with whole batches; how many there are (-1: one is of an older format, or none at
    all), which may be more than B, and the offset after the last.
    """
    at = 0
    count = 0
    after = -1
    while at + 12 <= len(buffer):
        end = at + 12 + _number(buffer, at + 8, 4)
        if end > len(buffer):
            break
        if end < at + _HEADER or buffer[at + 16] != 2:
            return -1, 0
        records = _number(buffer, at + 57, 4)
        # A record takes seven bytes at least, unless it is compressed.
        if records < 0 or (buffer[at + 22] & _CODEC == 0 and 7 * records > end - at - _HEADER):
            return -1, 0
        if count < len(batches):
            batches[count, BEGIN] = at
            batches[count, END] = end
            batches[count, OFFSET] = _number(buffer, at, 8)
            batches[count, FIRST_TIME] = _number(buffer, at + 27, 8)
            batches[count, LAST_TIME] = _number(buffer, at + 35, 8)
            batches[count, ATTRIBUTES] = _number(buffer, at + 21, 2)
            batches[count, COUNT] = records
        after = _number(buffer, at, 8) + _number(buffer, at + 23, 4) + 1
        count += 1
        at = end
    return count, after


@compiled
def _varint(buffer: NDArray[np.uint8], at: Place, end: Place) -> tuple[int, int]:
    """A zigzag number and the place after it; -1 as place where there is none."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < np.uint64(70):
        byte = np.uint64(buffer[at])
        at += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return int(np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))), at
        shift += np.uint64(7)
    return 0, -1


@compiled
def _rows(buffer: NDArray[np.uint8], batches: Numbers, first: Place, rows: Numbers) -> int:
    """Fill `rows` int64[6, R] with the records from offset `first` on; how many, -1 where one is not whole."""
    row = 0
    for batch in range(len(batches)):
        at = batches[batch, BEGIN]
        stop = batches[batch, END]
        for _ in range(batches[batch, COUNT]):
            length, at = _varint(buffer, at, stop)
            if at < 0 or length < 1 or length > stop - at:
                return -1
            end = at + length
            later, at = _varint(buffer, at + 1, end)
            if at < 0:
                return -1
            further, at = _varint(buffer, at, end)
            if at < 0:
                return -1
            length, at = _varint(buffer, at, end)
            if at < 0 or length < -1 or length > end - at:
                return -1
            rows[_KEY, row] = at if length >= 0 else -1
            at += max(length, 0)
            rows[_KEY_END, row] = at if length >= 0 else -1
            length, at = _varint(buffer, at, end)
            if at < 0 or length < -1 or length > end - at:
                return -1
            rows[_VALUE, row] = at
            rows[_VALUE_END, row] = at + max(length, 0)
            offset = batches[batch, OFFSET] + further
            rows[_AT, row] = offset
            append_time = batches[batch, ATTRIBUTES] & _APPEND_TIME
            rows[_TIME, row] = batches[batch, LAST_TIME] if append_time else batches[batch, FIRST_TIME] + later
            # Headers are left out. What stands before the offset asked for belongs to a batch that holds it, too.
            at = end
            if offset >= first:
                row += 1
        if at != stop:
            return -1
    return row


#: Takes any buffer, whatever its signature says.
_checksum = cast("Callable[[memoryview], int]", util.calc_crc32c)


def survey(topic: str, partition: int, raw: bytes, first: int) -> RecordSet | None:
    """The record set that is read from offset `first` on; None without a whole batch, and for older formats."""
    buffer = np.frombuffer(raw, np.uint8)
    batches = np.empty((16, _FIELDS), np.int64)
    count, end = _survey(buffer, batches)
    if count > len(batches):
        batches = np.empty((count, _FIELDS), np.int64)
        count, end = _survey(buffer, batches)
    return RecordSet(topic, partition, raw, batches[:count], first, end) if count > 0 else None


def unpack(record_set: RecordSet) -> tuple[Keys, Slices, Numbers, Numbers]:
    """Keys, values, offsets and timestamps (ms) of its records; a null value is an empty one.

    Raises CorruptRecordException, UnsupportedCodecError.
    """
    raw, batches = record_set.raw, record_set.batches
    view = memoryview(raw)
    for begin, end in batches[:, (BEGIN, END)].tolist():
        if _checksum(view[begin + _CHECKED_FROM : end]) != int.from_bytes(view[begin + 17 : begin + 21], "big"):
            raise CorruptRecordException(f"a batch of {end - begin} bytes is not what its checksum says")
    batches = batches[batches[:, ATTRIBUTES] & _CONTROL == 0]
    if (batches[:, ATTRIBUTES] & _CODEC).any():
        text, batches = _uncompressed(view, batches)
    else:
        text = b"".join((raw, PADDING))
        batches[:, BEGIN] += _HEADER
    rows = np.empty((6, int(batches[:, COUNT].sum())), np.int64)
    count = _rows(np.frombuffer(text, np.uint8), batches, record_set.first, rows)
    if count < 0:
        raise CorruptRecordException("a batch holds other records than it says")
    rows = rows[:, :count]
    return (
        Keys(Slices(text, rows[_KEY], rows[_KEY_END])),
        Slices(text, rows[_VALUE], rows[_VALUE_END]),
        rows[_AT],
        rows[_TIME],
    )


def _uncompressed(view: memoryview, batches: Numbers) -> tuple[bytes, Numbers]:
    """The records of all batches, unpacked, side by side; the batches with their places in them."""
    parts: list[bytes | memoryview] = []
    at = 0
    placed = batches.copy()
    for place, (begin, end, attributes) in enumerate(batches[:, (BEGIN, END, ATTRIBUTES)].tolist()):
        part = _decode(attributes & _CODEC, view[begin + _HEADER : end])
        # A record takes seven bytes at least.
        if 7 * placed[place, COUNT] > len(part):
            raise CorruptRecordException("a batch holds fewer records than it says")
        parts.append(part)
        placed[place, BEGIN], placed[place, END] = at, at + len(part)
        at += len(part)
    return b"".join((*parts, PADDING)), placed


def _decode(how: int, part: memoryview) -> bytes | memoryview:
    if how == 0:
        return part
    decoders = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}
    there = {1: codec.has_gzip, 2: codec.has_snappy, 3: codec.has_lz4, 4: codec.has_zstd}
    if how not in decoders or not there[how]():
        raise UnsupportedCodecError(f"records are compressed by codec {how}, which this worker has not")
    try:
        return bytes(decoders[how](part.tobytes()))
    except Exception as error:  # each decoder has its own
        raise CorruptRecordException(f"records of codec {how} cannot be unpacked: {error}") from error
