"""The hashing of values and rows is what its definition says, against a second one written from the text alone."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.producer.profiles import hashing, profile

MASK = 2**64 - 1


def mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def tag(name: bytes, number: bytes = b"\0\1") -> int:
    return int.from_bytes(name + number, "big")


NULL = mix(tag(b"null", b"\0\0\0\1"))
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def of_text(content: bytes) -> int:
    h = mix(tag(b"text", b"\0\0\0\1") ^ len(content))
    if len(content) > 256:
        return mix(h ^ int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little"))
    for start in range(0, len(content), 8):
        h = mix(h ^ int.from_bytes(content[start : start + 8], "little"))
    return h


def of_float(value: float) -> int:
    if math.isnan(value):
        return NULL
    (bits,) = struct.unpack("<Q", struct.pack("<d", value or 0.0))
    return mix(tag(b"number") ^ bits)


def of_integer(value: int) -> int:
    try:
        if int(float(value)) == value:
            return of_float(float(value))
    except OverflowError:
        pass
    magnitude = abs(value)
    code = magnitude if magnitude < 2**64 else of_text(f"{magnitude:x}".encode())
    return mix(tag(b"negatv" if value < 0 else b"integr") ^ code)


def of_decimal(value: decimal.Decimal) -> int:
    if value.is_nan():
        return NULL
    if value.is_infinite():
        return of_float(float(value))
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    while text.endswith("0"):
        text, exponent = text[:-1], exponent + 1
    if len(text) <= 15:
        return of_float(float(value))
    if exponent >= 0:
        return of_integer(int(value))
    return mix(tag(b"deciml") ^ of_text(f"{'-' * sign}{text}E{exponent}".encode()))


def of_value(value: Any) -> int:
    match value:
        case None:
            return NULL
        case float():
            return of_float(value)
        case bool() | int():
            return of_integer(int(value))
        case decimal.Decimal():
            return of_decimal(value)
        case str():
            return of_text(value.encode("utf-8", "replace"))
        case bytes():
            return of_text(value)
        case dt.datetime():
            return mix(tag(b"time", b"\0\0\0\1") ^ ((value - EPOCH) // dt.timedelta(microseconds=1) & MASK))
        case dt.timedelta():
            return of_integer(value // dt.timedelta(microseconds=1))
        case _:
            return of_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def fingerprint(table: dict[str, list[Any]]) -> bytes:
    rows: list[int] = []
    for row in zip(*table.values(), strict=True):
        total = 0
        for name, value in zip(table, row, strict=True):
            h = of_value(value)
            total += mix(h ^ of_text(name.encode())) if h != NULL else 0
        rows.append(mix(total & MASK))
    folded = 0
    for row_hash in rows:
        folded ^= row_hash
    return struct.pack("<QQQ", len(rows), sum(rows) & MASK, folded)


TIMES = st.datetimes(min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2200, 1, 1)).map(
    lambda time: time.replace(tzinfo=dt.UTC)
)
CELLS = {
    "floats": st.floats(),
    "integers": st.integers(-(2**70), 2**70) | st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**64 - 1, -(2**63)]),
    "decimals": st.decimals(places=4) | st.decimals(allow_nan=False),
    "texts": st.text(max_size=40) | st.text("ab", min_size=250, max_size=300),
    "bytes": st.binary(max_size=20),
    "times": TIMES,
    "durations": st.timedeltas(),
    "booleans": st.booleans(),
    "lists": st.lists(st.integers(-5, 5), max_size=3),
    "anything": st.integers() | st.text(max_size=5) | st.booleans() | TIMES | st.binary(max_size=3),
}


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 12))
def test_hashes_are_those_of_the_definition(data: st.DataObject, rows: int) -> None:
    """Every type, nulls among them, mixed types too."""
    table = {
        name: data.draw(st.lists(cells | st.none(), min_size=rows, max_size=rows)) for name, cells in CELLS.items()
    }
    found = profile(table).fingerprint
    assert found is not None
    assert found["digest"] == fingerprint(table)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=40))
def test_texts_side_by_side_do_not_touch(texts: list[bytes]) -> None:
    """Of any lengths, in one buffer."""
    lengths = np.array([len(text) for text in texts], np.int64)
    assert hashing.slices(b"".join(texts), lengths).tolist() == [of_text(text) for text in texts]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = np.frombuffer(b"".join(texts), np.uint8)
    assert hashing.buffer(data, offsets).tolist() == [of_text(text) for text in texts]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_integers_of_each_width(dtype: Any) -> None:
    """Up to the ends of their ranges."""
    limits = np.iinfo(dtype)
    values = [limits.min, limits.max, 0, limits.max // 3, limits.max - 1]
    values += [
        v for v in (2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, 2**60, -(2**53) - 1) if limits.min <= v <= limits.max
    ]
    assert hashing.integers(np.array(values, dtype)).tolist() == [of_integer(value) for value in values]


def test_many_rows_are_hashed_as_few() -> None:
    """What is done in pieces has no seams."""
    count = hashing.CHUNK * 2 + 7
    floats = np.arange(count) / 7
    texts = [f"text {'x' * (i % 30)} {i}" for i in range(count)]
    some = [0, hashing.CHUNK - 1, hashing.CHUNK, count - 1]
    assert [hashing.numbers(floats)[i] for i in some] == [of_float(float(floats[i])) for i in some]
    assert [hashing.texts(texts)[i] for i in some] == [of_text(texts[i].encode()) for i in some]
