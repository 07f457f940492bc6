"""What a whole body is, case by case: the codec and the plain path decide alike where Avro's readers differ."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import plain, records
from headwater.schemas.codec import ERRORS, Bodies, compile_schema, reason, validate
from headwater.schemas.records import Schema
from tests.schemas.columns import outcomes


def _schema(kind: Any) -> Schema:
    return records.parse(json.dumps({"type": "record", "name": "Thing", "fields": [{"name": "a", "type": kind}]}))


LONGS = {"type": "array", "items": "long"}

CASES = [
    ("a long of 10 bytes", "long", b"\xff" * 9 + b"\x01", ""),
    ("a long of 65 bits", "long", b"\xff" * 9 + b"\x02", "invalid_value"),
    ("a long of 11 bytes", "long", b"\x80" * 10 + b"\x01", "invalid_value"),
    ("a long of 10 bytes that goes on, cut", "long", b"\x80" * 9, "truncated"),
    ("a long with a byte too many", "long", b"\x80\x00", "invalid_value"),
    ("the largest int", "int", b"\xfe\xff\xff\xff\x0f", ""),
    ("an int of 33 bits", "int", b"\x80\x80\x80\x80\x10", "invalid_value"),
    ("nothing", "int", b"", "truncated"),
    ("true", "boolean", b"\x01", ""),
    ("a boolean of 2", "boolean", b"\x02", "invalid_value"),
    ("no boolean", "boolean", b"", "truncated"),
    ("null", ["null", "string"], b"\x00", ""),
    ("a branch of 2", ["null", "string"], b"\x04\x02a", "invalid_value"),
    ("a branch of -1", ["null", "string"], b"\x01\x02a", "invalid_value"),
    ("a branch with a byte too many", ["null", "string"], b"\x82\x00\x02a", "invalid_value"),
    ("a branch with nothing behind it", ["null", "string"], b"\x02", "truncated"),
    ("a length of -1", "bytes", b"\x01", "invalid_value"),
    ("a length of 2^62", "bytes", b"\x80" * 8 + b"\x80\x01", "truncated"),
    ("text of two bytes a sign", "string", b"\x04\xc3\xa9", ""),
    ("text of four bytes a sign", "string", b"\x08\xf0\x9f\x8c\x8a", ""),
    ("the last sign of all", "string", b"\x08\xf4\x8f\xbf\xbf", ""),
    ("a sign beyond the last", "string", b"\x08\xf4\x90\x80\x80", "invalid_value"),
    ("a surrogate", "string", b"\x06\xed\xa0\x80", "invalid_value"),
    ("slash in two bytes", "string", b"\x04\xc0\xaf", "invalid_value"),
    ("slash in three bytes", "string", b"\x06\xe0\x80\xaf", "invalid_value"),
    ("half a sign at the end", "string", b"\x12aaaaaaaa\xc3", "invalid_value"),
    ("a byte that begins nothing", "string", b"\x02\xff", "invalid_value"),
    ("a sign after eight plain ones", "string", b"\x14aaaaaaaa\xc3\xa9", ""),
    ("bytes that are not text", "bytes", b"\x02\xff", ""),
    ("a fixed", {"type": "fixed", "name": "F", "size": 4}, b"abcd", ""),
    ("a fixed cut", {"type": "fixed", "name": "F", "size": 4}, b"abc", "truncated"),
    ("a double", "double", b"12345678", ""),
    ("a double cut", "double", b"1234567", "truncated"),
    ("one byte more", "double", b"123456789", "surplus_bytes"),
    ("two blocks", LONGS, b"\x04\x02\x04\x02\x06\x00", ""),
    ("a block with its size", LONGS, b"\x03\x04\x02\x04\x00", ""),
    ("a block with its size, then one without", LONGS, b"\x01\x02\x02\x02\x06\x00", ""),
    ("a block with too small a size", LONGS, b"\x03\x02\x02\x04\x00", "invalid_value"),
    ("a block with too large a size", LONGS, b"\x03\x06\x02\x04\x00", "invalid_value"),
    ("a block with a size beyond the body", LONGS, b"\x03\x40\x02\x04\x00", "truncated"),
    ("a block with a negative size", LONGS, b"\x03\x01\x02\x04\x00", "invalid_value"),
    ("a block of -2^63 items", LONGS, b"\xff" * 9 + b"\x01\x02\x02\x00", "invalid_value"),
    ("a block of 2^60 items", LONGS, b"\x80" * 8 + b"\x20\x00", "truncated"),
    ("a list without its end", LONGS, b"\x02\x02", "truncated"),
    ("a map", {"type": "map", "values": "int"}, b"\x02\x02k\x02\x00", ""),
    ("a map whose key is not text", {"type": "map", "values": "int"}, b"\x02\x02\xff\x02\x00", "invalid_value"),
    ("a list that may be null", ["null", LONGS], b"\x02\x02\x02\x00", ""),
    ("a list of lists", {"type": "array", "items": LONGS}, b"\x04\x02\x02\x00\x02\x04\x00\x00", ""),
]


@pytest.mark.parametrize(("kind", "body", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_body(kind: Any, body: bytes, expected: str) -> None:
    """Each body passes or is refused for its reason, on both paths, and its neighbours are whole."""
    schema = _schema(kind)
    good = next(case for _, other, case, outcome in CASES if other == kind and not outcome)
    batch = compile_schema(schema).decode(Bodies.join([good, body, good]))
    assert outcomes(batch.error) == ["", expected, ""]
    assert reason(schema, body)[0] == expected
    if expected:
        with pytest.raises(InvalidMessage) as refused:
            plain.decode(schema, body)
        assert refused.value.reason == expected
    else:
        plain.decode(schema, body)


def test_blocks_are_one_list() -> None:
    """However a list is cut into blocks, it is one list."""
    schema = _schema(LONGS)
    for body in (b"\x06\x02\x04\x06\x00", b"\x02\x02\x04\x04\x06\x00", b"\x03\x04\x02\x04\x01\x02\x06\x00"):
        batch = compile_schema(schema, ["a[].item"]).decode(Bodies.join([body]))
        assert batch.integers("a[].item").values.tolist() == [1, 2, 3] == plain.decode(schema, body)["a"]
        assert batch.offsets("a[]").tolist() == [0, 3]


def test_a_repeated_key_counts_once_in_a_map_and_twice_in_its_columns() -> None:
    """fastavro keeps the last of a key's values; the columns hold every pair, in order."""
    schema = _schema({"type": "map", "values": "int"})
    body = b"\x04\x02k\x02\x02k\x04\x00"
    batch = compile_schema(schema, ["a[].key", "a[].value"]).decode(Bodies.join([body]))
    assert plain.decode(schema, body) == {"a": {"k": 2}}
    assert [batch.text("a[].key", row) for row in range(2)] == [b"k", b"k"]
    assert batch.integers("a[].value").values.tolist() == [1, 2]


LEFT_OUT: list[tuple[str, Any, bytes, dict[str, Any]]] = [
    ("another union", ["string", "long"], b"\x02\x06", {"a": 3}),
    ("null second", ["string", "null"], b"\x02", {"a": None}),
    ("an enum", {"type": "enum", "name": "E", "symbols": ["x", "y"]}, b"\x02", {"a": "y"}),
    ("null", "null", b"", {"a": None}),
    ("a fixed of nothing", {"type": "fixed", "name": "F", "size": 0}, b"", {"a": b""}),
    ("a record of nothing", {"type": "record", "name": "R", "fields": []}, b"", {"a": {}}),
    (
        "a list of other unions",
        {"type": "array", "items": ["null", "long", "string"]},
        b"\x02\x04\x02x\x00",
        {"a": ["x"]},
    ),
]


@pytest.mark.parametrize(("kind", "body", "value"), [case[1:] for case in LEFT_OUT], ids=[case[0] for case in LEFT_OUT])
def test_what_the_codec_leaves_out_goes_by_the_plain_path(kind: Any, body: bytes, value: dict[str, Any]) -> None:
    """Types that the contract does not allow: no program, and `validate` proves the bodies one by one."""
    schema = _schema(kind)
    with pytest.raises(ContractError):
        compile_schema(schema)
    assert plain.decode(schema, body) == value
    assert outcomes(validate(schema, Bodies.join([body, body + b"\x00"]))) == ["", "surplus_bytes"]


def test_logical_types_go_by_the_plain_path() -> None:
    """A logical type is read as fastavro reads it, and a value that it cannot mean is refused."""
    kind = {"type": "string", "logicalType": "uuid"}
    text = json.dumps({"type": "record", "name": "Logical", "fields": [{"name": "a", "type": kind}]})
    schema = records.parse(text)
    with pytest.raises(ContractError, match="uuid"):
        compile_schema(schema)
    known = uuid.UUID(int=7)
    assert plain.decode(schema, b"\x48" + str(known).encode()) == {"a": known}
    with pytest.raises(InvalidMessage) as refused:
        plain.decode(schema, b"\x02x")
    assert refused.value.reason == "invalid_value"


def test_enums_and_unions_have_no_negative_members() -> None:
    """A member counted from the end, as fastavro reads one, is refused."""
    for kind in (["string", "long"], {"type": "enum", "name": "E", "symbols": ["x", "y"]}):
        assert reason(_schema(kind), b"\x01\x06")[0] == "invalid_value"
        assert reason(_schema(kind), b"\x04\x06")[0] == "invalid_value"


NEVER_READ: dict[str, Any] = {
    "a record that holds itself": {"type": "array", "items": "Thing"},
    "a list of nothing": {"type": "array", "items": "null"},
    "a list of records of nothing": {"type": "array", "items": {"type": "record", "name": "R", "fields": []}},
    "a fixed of less than nothing": {"type": "fixed", "name": "F", "size": -1},
}


@pytest.mark.parametrize("kind", NEVER_READ.values(), ids=NEVER_READ.keys())
def test_schemas_whose_work_has_no_bound_are_refused(kind: Any) -> None:
    """A schema under which a few bytes could mean endless work is refused, for every body and at once."""
    schema = _schema(kind)
    bomb = b"\xfe" + b"\xff" * 7 + b"\x7f" + b"\x00" * 9
    with pytest.raises(ContractError):
        compile_schema(schema)
    with pytest.raises(ContractError):
        plain.decode(schema, bomb)
    assert reason(schema, bomb)[0] == "refused_schema"
    assert outcomes(validate(schema, Bodies.join([bomb, b""]))) == ["refused_schema"] * 2


def test_types_nested_too_deep_are_left_to_the_plain_path() -> None:
    """The kernel's stack has a bound; a schema beyond it is refused by the compiler and read without it."""
    kind: Any = "int"
    for _ in range(40):
        kind = {"type": "array", "items": kind}
    with pytest.raises(ContractError, match="deep"):
        compile_schema(_schema(kind))
    assert plain.decode(_schema(kind), b"\x00") == {"a": []}
    assert validate(_schema(kind), Bodies.join([b"\x00", b"\x02"])).tolist() == [0, ERRORS.index("truncated")]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "1", "null", '"string"', "[" * 5000, '{"type": "fixed", "name": "F", "size": 4}',
     '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "nothing"}]}',
     '{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": {"type": "int"}}}]}',
     '{"type": "record", "name": "R", "fields": 3}', '{"type": "record", "fields": []}'],
)  # fmt: skip
def test_what_is_no_schema_is_refused(text: str) -> None:
    """Whatever stands on the schema topic, it is a record's schema or a ContractError."""
    with pytest.raises(ContractError):
        records.parse(text)
