"""A writer schema as ClickHouse reads it in the format Avro: the columns and types of its fields.

`null|record` becomes a plain Tuple: the engine reads null as a tuple of defaults. Each record of the contract
that may be null has a text or id that is never empty, or only fields that may be null themselves, so that
nothing is lost; the raw body tells the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from headwater.errors import ContractError
from headwater.schemas.records import Schema

_PLAIN = {
    "long": "Int64",
    "int": "Int32",
    "string": "String",
    "bytes": "String",
    "double": "Float64",
    "float": "Float32",
    "boolean": "Bool",
}


def columns(schema: Schema) -> dict[str, str]:
    """Type of each top-level field, spelt as `normal` spells it. Raises ContractError for a type we never use."""
    names: dict[str, Mapping[str, Any]] = {}
    return {field["name"]: normal(_type(field["type"], names)) for field in schema.definition["fields"]}


def normal(spelt: str) -> str:
    """A type's spelling without backticks and blanks, which the engine adds where it likes."""
    return "".join(spelt.replace("`", "").split())


def _type(kind: Any, names: dict[str, Mapping[str, Any]]) -> str:
    nullable = False
    if isinstance(kind, list):
        branches = [branch for branch in cast("Sequence[Any]", kind) if branch != "null"]
        if len(branches) != 1:
            raise ContractError(f"a union of the contract is null|T, this is {kind}")
        kind, nullable = branches[0], True
    if isinstance(kind, str) and kind in names:
        kind = names[kind]
    if isinstance(kind, str):
        if kind not in _PLAIN:
            raise ContractError(f"the contract has no type {kind!r}")
        spelt = _PLAIN[kind]
    else:
        definition = cast("Mapping[str, Any]", kind)
        spelt, scalar = _definition(definition, names)
        nullable = nullable and scalar
    return f"Nullable({spelt})" if nullable else spelt


def _definition(kind: Mapping[str, Any], names: dict[str, Mapping[str, Any]]) -> tuple[str, bool]:
    """The type, and whether Nullable may stand around it."""
    match kind["type"]:
        case "record":
            names[kind["name"]] = kind
            fields = ", ".join(f"{field['name']} {_type(field['type'], names)}" for field in kind["fields"])
            return f"Tuple({fields})", False
        case "fixed":
            names[kind["name"]] = kind
            return f"FixedString({kind['size']})", True
        case "array":
            return f"Array({_type(kind['items'], names)})", False
        case "map":
            return f"Map(String, {_type(kind['values'], names)})", False
        case inner:
            return _type(inner, names), not isinstance(inner, list)
