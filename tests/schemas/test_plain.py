"""What a sender leaves out is the contract's default."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.schemas import plain
from headwater.schemas.records import RECORDS, current
from headwater.schemas.types import Types

_LEAST: dict[str, Any] = {"string": "", "bytes": b"", "long": 0, "int": 0, "double": 0.0, "boolean": False}


def _least(types: Types, kind: Any) -> Any:
    """The smallest value of a type: in a record, of the fields without a default."""
    name = types.name(kind)
    if name == "fixed":
        return bytes(types.definition(kind)["size"])
    if name == "record":
        fields = types.definition(kind)["fields"]
        return {one["name"]: _least(types, one["type"]) for one in fields if "default" not in one}
    return _LEAST[name]


@pytest.mark.parametrize("record", RECORDS)
def test_fields_left_out_have_their_defaults(record: str) -> None:
    """The fields that have no default are enough; the others come back as the schema says, bytes as bytes."""
    schema = current(record)
    types = Types(schema)
    decoded = plain.decode(schema, plain.encode(schema, _least(types, types.top)))
    for one in types.top["fields"]:
        if "default" in one:
            default = one["default"].encode("latin-1") if one["type"] == "bytes" else one["default"]
            assert decoded[one["name"]] == default, one["name"]
