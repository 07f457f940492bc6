"""A reader of some parts of a record gives what the plain path gives of them, and nothing else."""

from __future__ import annotations

import json
import math
import random
from typing import Any, TypeGuard, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ContractError
from headwater.schemas import plain, records
from headwater.schemas.decoding import reader
from headwater.schemas.records import Schema
from headwater.schemas.types import Types
from headwater.schemas.varints import encode as long
from tests.schemas.strategies import schemas
from tests.schemas.values import Values


def chosen(types: Types, kind: Any, chance: random.Random, path: str = "") -> list[str]:
    """Paths of some of a record's fields, of those within records and lists too."""
    found: list[str] = []
    for one in types.definition(kind)["fields"]:
        _, inner = types.resolve(one["type"])
        if types.name(inner) == "array":
            _, inner = types.resolve(inner["items"])
        name = f"{path}{one['name']}"
        way = chance.random()
        if way < 0.4:
            found.append(name)
        elif way < 0.7 and types.name(inner) == "record":
            found += chosen(types, inner, chance, f"{name}.")
    return found


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def picked(value: Any, paths: list[str]) -> Any:
    """Of a value as it was decoded whole what the paths name."""
    if value is None or not paths:
        return value
    if is_list(value):
        return [picked(item, paths) for item in value]
    steps: dict[str, list[str]] = {}
    for path in paths:
        name, _, further = path.partition(".")
        steps.setdefault(name, []).extend([further] if further else [])
    return {name: picked(value[name], further) for name, further in steps.items()}


def is_same(one: Any, other: Any) -> bool:
    """Equal, also in its types; a number that is none is itself."""
    if isinstance(one, dict):
        fields = cast("dict[str, Any]", one)
        return fields.keys() == other.keys() and all(is_same(fields[name], other[name]) for name in fields)
    if is_list(one):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def agrees(schema: Schema, chance: random.Random) -> None:
    value = Values(schema, chance, fullness=chance.random(), longest=5).record()
    body = plain.encode(schema, value)
    types = Types(schema)
    paths = chosen(types, types.top, chance)
    assert is_same(reader(schema, paths)(body), picked(plain.decode(schema, body), paths))


@settings(max_examples=100, deadline=None)
@given(schemas(), st.integers(0, 2**32))
def test_parts_of_any_schema(schema: Schema, seed: int) -> None:
    """Of any schema of the contract's types, any parts, any values."""
    agrees(schema, random.Random(seed))


@pytest.mark.parametrize("record", records.RECORDS)
def test_parts_of_our_records(record: str) -> None:
    """Of each record of the contract."""
    for seed in range(40):
        agrees(records.current(record), random.Random(seed))


def test_a_block_that_says_its_size() -> None:
    """A list in several blocks, with their sizes, read and passed over; and in a map."""
    fields = [
        {"name": "a", "type": {"type": "array", "items": "long"}},
        {"name": "b", "type": {"type": "map", "values": "string"}},
        {"name": "c", "type": "long"},
    ]
    schema = records.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))
    one, other = long(-2) + long(3) + long(5) + long(300), long(1) + long(-7)
    entry = long(-1) + long(4) + b"\x02k\x02v"
    body = one + other + b"\x00" + entry + b"\x00" + long(2**63 - 1)
    assert plain.decode(schema, body) == {"a": [5, 300, -7], "b": {"k": "v"}, "c": 2**63 - 1}
    assert reader(schema, ())(body) == plain.decode(schema, body)
    assert reader(schema, ("c",))(body) == {"c": 2**63 - 1}
    assert reader(schema, ("a",))(body) == {"a": [5, 300, -7]}


def test_what_is_not_there_is_refused() -> None:
    """A path that the schema does not have, and a type that the contract does not allow."""
    with pytest.raises(ContractError, match="has no nothing"):
        reader(records.current("run_event"), ("run.nothing",))
    logical = {"type": "long", "logicalType": "timestamp-micros"}
    schema = records.parse(json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": logical}]}))
    with pytest.raises(ContractError, match="logical type"):
        reader(schema, ("a",))
