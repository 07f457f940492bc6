"""Parts of a record, encoded by themselves: the bytes are fastavro's."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import ContractError
from headwater.schemas import pieces, plain
from headwater.schemas.records import RECORDS, Schema, current
from tests.schemas.strategies import schemas
from tests.schemas.values import Values


def whole(schema: Schema, value: dict[str, Any]) -> bytes:
    return pieces.run_of(schema, None, None).encode(value)


@given(schemas(), st.integers(0, 2**32))
def test_a_record_of_any_schema_has_fastavros_bytes(schema: Schema, seed: int) -> None:
    """All types of the contract, nested, named before they are used again, null or not."""
    value = Values(schema, random.Random(seed)).record()
    assert whole(schema, value) == plain.encode(schema, value)


@pytest.mark.parametrize("record", RECORDS)
def test_the_contracts_records_have_fastavros_bytes(record: str, seed: int) -> None:
    """Full and sparse ones, and with fields left out that have a default; in parts, too."""
    schema, source = current(record), random.Random(seed)
    defaults = {one["name"] for one in schema.definition["fields"] if "default" in one}
    names = [one["name"] for one in schema.definition["fields"]]
    for fullness in (0.1, 0.5, 0.9) * 5:
        value = Values(schema, source, fullness, longest=5).record()
        sparse = {name: of for name, of in value.items() if name not in defaults or source.random() < 0.5}
        for one in (value, sparse):
            assert whole(schema, one) == plain.encode(schema, one)
            middle = source.choice(names[1:])
            parts = pieces.run_of(schema, None, middle), pieces.run_of(schema, middle, None)
            assert b"".join(part.encode(one) for part in parts) == plain.encode(schema, one)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_id": bytes(16)},
        {"run_id": bytes(15), "state": "START"},
        {"run_id": bytes(16), "state": None},
        {"run_id": bytes(16), "state": "\ud800"},
        {"run_id": bytes(16), "state": "START", "nominal_start": 2**63},
        {"run_id": bytes(16), "state": "START", "parent": {"run_id": bytes(16), "unheard": 1}},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    """Missing, of another size or type, beyond 64 bits, no UTF-8, a field that is none: as fastavro refuses it."""
    schema = current("run_event")
    with pytest.raises(ContractError):
        pieces.record_in(schema, "Run").encode(wrong)
    event = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, "event_id": bytes(16), "event_time": 0}
    with pytest.raises(ContractError):
        plain.encode(schema, {**event, "run": wrong})


@pytest.mark.parametrize("power", range(64))
def test_numbers_of_each_length(power: int) -> None:
    """Around each power of two, of either sign."""
    piece, schema = pieces.run_of(current("run_event"), "sequence", "event_id"), current("decision")
    for number in {sign * 2**power + near for sign in (1, -1) for near in (-1, 0, 1)}:
        if -(2**63) <= number < 2**63:
            expected = plain.encode(schema, {**_DECISION, "sequence": number})
            assert expected.startswith(bytes(17) + piece.encode({"sequence": number}))


_DECISION: dict[str, Any] = {
    "emit_time": 0,
    "producer_id": bytes(16),
    "event_id": bytes(16),
    "event_time": 0,
    "kind": "accept",
    "actor": "a",
    "reason": "r",
}
