"""Parts of a record's schema as schemas of their own: Avro has no field tags, so a record's bytes are its parts' bytes,
one after the other, and a part that is said again and again is encoded once.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import fastavro

from headwater.errors import ContractError
from headwater.schemas.records import Schema
from headwater.schemas.types import Types, is_definition, is_union
from headwater.schemas.varints import encode as varint

_fastavro = cast("Any", fastavro)


class Piece:
    """Some fields of a record, encoded by fastavro; see `run_of` and `record_in`."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.names = tuple(str(field["name"]) for field in definition["fields"])
        self._parsed = _fastavro.parse_schema(dict(definition))

    def encode(self, value: Mapping[str, Any]) -> bytes:
        """The bytes of these fields; others in `value` are left out. Raises ContractError for what does not fit."""
        out = io.BytesIO()
        given = {name: value[name] for name in self.names if name in value}
        try:
            _fastavro.schemaless_writer(out, self._parsed, given, strict_allow_default=True)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise ContractError(f"not {self.names[0]} to {self.names[-1]}: {error}") from error
        return out.getvalue()


@cache
def run_of(schema: Schema, first: str | None, last: str | None) -> Piece:
    """The fields of the message from `first` (None: its first) to before `last` (None: to its end)."""
    fields = cast("list[Mapping[str, Any]]", schema.definition["fields"])
    names = [field["name"] for field in fields]
    some = fields[names.index(first) if first else 0 : names.index(last) if last else len(fields)]
    return _piece(schema, some)


@cache
def record_in(schema: Schema, name: str) -> Piece:
    """A record type within the message, by its name without namespace."""
    definition = Types(schema).definition(f"{schema.name.rpartition('.')[0]}.{name}")
    return _piece(schema, definition["fields"])


def _piece(schema: Schema, fields: Sequence[Mapping[str, Any]]) -> Piece:
    types = Types(schema)
    namespace = schema.name.rpartition(".")[0]
    defined: set[str] = set()

    def spelt_out(kind: Any) -> Any:
        """The type with each named one defined where it stands first."""
        if is_union(kind):
            return [spelt_out(branch) for branch in kind]
        if isinstance(kind, str):
            full = kind if kind in types.named else f"{namespace}.{kind}"
            if full not in types.named or full in defined:
                return kind if full not in types.named else full
            kind = types.named[full]
        if not is_definition(kind):
            raise ContractError(f"{kind!r} is not a type of Avro")
        if "name" in kind:
            full = kind["name"] if "." in kind["name"] else f"{namespace}.{kind['name']}"
            if full in defined:
                return full
            defined.add(full)
            kind = {**kind, "name": full}
        return {
            key: [{**field, "type": spelt_out(field["type"])} for field in of]
            if key == "fields"
            else spelt_out(of)
            if key in ("items", "values")
            else of
            for key, of in kind.items()
            if not key.startswith("__")
        }

    parts = [{**field, "type": spelt_out(field["type"])} for field in fields]
    return Piece({"type": "record", "name": "headwater.pieces.Piece", "fields": parts})


def block(items: Sequence[bytes]) -> bytes:
    """An array from its encoded entries, as fastavro writes it."""
    return b"".join((varint(len(items)), *items, b"\x00")) if items else b"\x00"
