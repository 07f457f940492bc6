"""Kafka's record batches read as columns: as aiokafka reads them one by one, and none that is damaged."""

from __future__ import annotations

import inspect
import random
from collections.abc import Sequence

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from headwater.streams.chunk import Sealed
from headwater.streams.records import survey, unpack

Record = tuple[int, int, "bytes | None", bytes]

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
#: Bytes before what the checksum covers, and where the attributes and the length stand.
_CHECKED_FROM, _ATTRIBUTES, _LENGTH, _OFFSET, _LAST_TIME = 21, 22, 8, 0, 35


def test_the_longest_fetch_is_ours() -> None:
    """aiokafka asks for as long as an attribute says that is set on it: its name is private, and the version pinned."""
    assert "                self._fetch_max_wait_ms,\n" in inspect.getsource(fetcher)


def batch(rows: Sequence[tuple[bytes | None, bytes | None]], offset: int, codec: int = 0, attributes: int = 0) -> bytes:
    """A batch of records with these keys and values, 10 ms apart; every third has headers."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 30)
    for place, (key, value) in enumerate(rows):
        headers: list[tuple[str, bytes | None]] = [("trace", b"x"), ("none", None)] if place % 3 == 0 else []
        assert builder.append(place, 1_700_000_000_000 + 10 * place, key, value, headers)
    raw = bytearray(builder.build())
    raw[:8] = offset.to_bytes(8, "big")
    raw[_ATTRIBUTES] |= attributes
    return sealed(raw)


def sealed(raw: bytearray) -> bytes:
    """The batch with the checksum that it should have."""
    raw[17:21] = calc_crc32c(bytes(raw[_CHECKED_FROM:])).to_bytes(4, "big")
    return bytes(raw)


def some(chance: random.Random, many: int) -> list[tuple[bytes | None, bytes | None]]:
    return [
        (chance.choice([None, b"", chance.randbytes(16)]), chance.choice([None, b"", chance.randbytes(900)]))
        for _ in range(many)
    ]


def plainly(raw: bytes, first: int) -> list[Record]:
    """As aiokafka reads them."""
    found: list[Record] = []
    memory = MemoryRecords(raw)
    while memory.has_next():
        one = memory.next_batch()
        assert one is not None
        if not one.is_control_batch:
            found += [(r.offset, r.timestamp or 0, r.key, r.value or b"") for r in one if r.offset >= first]
    return found


def columns(raw: bytes, first: int = 0) -> list[Record]:
    """As we read them."""
    record_set = survey("topic", 0, raw, first)
    assert record_set is not None
    keys, values, offsets, timestamps = unpack(record_set)
    assert list(keys) == [keys[i] for i in range(len(keys))]
    assert list(values) == [values[i] for i in range(len(values))]
    return list(zip(offsets.tolist(), timestamps.tolist(), keys, values, strict=True))


@pytest.mark.parametrize("codec", CODECS)
def test_records_are_those_that_aiokafka_reads(codec: str, seed: int) -> None:
    """Of every codec: null and empty keys and values, headers, append time, control batches, an offset in the middle
    of a batch, a piece of a further batch.
    """
    chance = random.Random(seed)
    append_time, control = 8, 32
    raw = b"".join(
        (
            batch(some(chance, 40), 100, CODECS[codec]),
            batch(some(chance, 30), 140, CODECS[codec], append_time),
            batch([(b"\0\0\0\1", b"marker")], 170, 0, control),
            batch(some(chance, 5), 171),
        )
    )
    for first in (0, 117, 141, 170, 176):
        assert columns(raw + batch(some(chance, 9), 176)[:-3], first) == plainly(raw, first)


def test_many_small_batches(seed: int) -> None:
    """A batch a record, as producers make that do not wait."""
    chance = random.Random(seed)
    raw = b"".join(batch(some(chance, 1), offset) for offset in range(300))
    assert columns(raw) == plainly(raw, 0)
    assert len(columns(raw)) == 300


def test_only_control_batches_are_a_chunk_to_commit() -> None:
    """Nothing to read, and the offset behind them."""
    record_set = survey("t", 3, batch([(b"\0\0\0\1", b"marker")], 7, 0, 32), 7)
    assert record_set is not None
    chunk = Sealed("lineage.runs", 3, record_set).opened()
    assert (len(chunk.values), chunk.end, chunk.place) == (0, 8, ("lineage.runs", 3))


def test_older_formats_and_pieces_are_left_to_aiokafka() -> None:
    """No whole batch, or one of format v1: None."""
    whole = batch([(b"k", b"v")], 0)
    older = bytearray(whole)
    older[16] = 1
    for raw in (b"", whole[:11], whole[:-1], bytes(older), whole + bytes(older)):
        assert survey("t", 0, raw, 0) is None


def test_a_wrong_checksum_is_told(seed: int) -> None:
    """Any bit that turns, of what the checksum covers."""
    chance = random.Random(seed)
    raw = bytearray(batch(some(chance, 3), 0))
    raw[chance.randrange(_CHECKED_FROM, len(raw))] ^= 1 << chance.randrange(8)
    record_set = survey("t", 0, bytes(raw), 0)
    if record_set is not None:
        with pytest.raises(CorruptRecordException):
            unpack(record_set)


@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_damage_under_a_right_checksum_harms_nobody(codec: str, seed: int) -> None:
    """Bytes that are no records, sealed with the right checksum: an error, or records within the buffer."""
    chance = random.Random(seed)
    good = batch(some(chance, 6), 0, CODECS[codec])
    for _ in range(3000):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(57, len(raw))] = chance.randrange(256)
        record_set = survey("t", 0, sealed(raw), 0)
        if record_set is None:
            continue
        try:
            keys, values, _, _ = unpack(record_set)
        except CorruptRecordException:
            continue
        for slices in (keys.slices, values):
            assert (slices.starts <= slices.ends).all()
            assert slices.ends.max(initial=0) <= len(slices.text) - 16
