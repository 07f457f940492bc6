"""Bytes put together from fragments are the bytes that fastavro writes."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.errors import ContractError
from headwater.producer import _avro
from headwater.schemas import encoding, plain, records
from tests.schemas.values import Values

RECORDS = ("run_event", "prediction", "profile", "producer_event")


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**64), fullness=st.sampled_from((0.0, 0.2, 0.4)))
def test_any_record_is_encoded_as_by_fastavro(record: str, seed: int, fullness: float) -> None:
    """Whole records with random values in every field, byte for byte, on each record that the producer writes."""
    schema = records.current(record)
    value = Values(schema, random.Random(seed), fullness, longest=3).record()
    assert _avro.encoders(record).message.encode(value) == plain.encode(schema, value)


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**64), data=st.data())
def test_left_out_fields_get_their_defaults(record: str, seed: int, data: st.DataObject) -> None:
    """A field with a default may be left out, as with fastavro; one without may not."""
    schema = records.current(record)
    value = Values(schema, random.Random(seed), 0.2, longest=2).record()
    # fastavro takes the default of a bytes for text, and refuses it.
    fields = {f["name"]: "default" in f for f in schema.definition["fields"] if f["type"] != "bytes"}
    left_out = data.draw(st.sets(st.sampled_from(sorted(fields))))
    for name in left_out:
        del value[name]
    if all(fields[name] for name in left_out):
        assert _avro.encoders(record).message.encode(value) == plain.encode(schema, value)
    else:
        with pytest.raises(ContractError, match="needs"):
            _avro.encoders(record).message.encode(value)


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-(2**63))
@example((1 << 48) - 1)
@example(1 << 48)
@example((1 << 55) - 1)
@example(1 << 55)
def test_longs_and_times(value: int) -> None:
    """Both ways of encoding a long agree with fastavro over all 64 bits."""
    schema = records.parse('{"type": "record", "name": "L", "fields": [{"name": "v", "type": "long"}]}')
    assert encoding.long(value) == _avro.time(value) == plain.encode(schema, {"v": value})


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**80])
def test_a_number_beyond_64_bits_is_refused(value: int) -> None:
    """No silent truncation."""
    with pytest.raises(ContractError):
        encoding.long(value)
    with pytest.raises(ContractError):
        _avro.time(value)


@given(st.floats(width=64))
@example(3.4028235677973366e38)
@example(3.4028235e38)
def test_floats_beyond_their_range_become_infinite(value: float) -> None:
    """A float that a float32 cannot hold becomes infinite, as IEEE rounds it; others are rounded to the nearest."""
    (back,) = struct.unpack("<f", _avro.single(value))
    try:
        (expected,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        expected = float("inf") if value > 0 else float("-inf")
    assert back == expected or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize(("value", "text"), [("a\ud800b", "a?b"), (7, "7"), (None, "None")])
def test_what_is_no_text_becomes_text(value: Any, text: str) -> None:
    """A host's odd value never makes an event impossible."""
    assert _avro.string(value) == encoding.long(len(text)) + text.encode()
