"""Parts of a record's schema, each encoded by itself: a part that is said again and again is encoded once."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from headwater.errors import ContractError
from headwater.schemas.encoding import Field, Record, compiled, slots
from headwater.schemas.records import Schema


class Piece:
    """Some fields of a record; see `run_of`, `record_in` and `fields_in`."""

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        self._name = name
        self._fields = tuple(fields)

    def encode(self, value: Mapping[str, Any]) -> bytes:
        """The bytes of these fields; others in `value` are left out. Raises ContractError for what does not fit."""
        try:
            return b"".join(slots(self._name, self._fields, value))
        except (ValueError, TypeError, OverflowError, AttributeError, struct.error) as error:
            first, last = self._fields[0].name, self._fields[-1].name
            raise ContractError(f"not {first} to {last} of {self._name}: {error}") from error


def run_of(schema: Schema, first: str | None, last: str | None) -> Piece:
    """The fields of the message from `first` (None: its first) to before `last` (None: to its end)."""
    return fields_in(schema, schema.name.rpartition(".")[2], first, last)


def fields_in(schema: Schema, name: str, first: str | None, last: str | None) -> Piece:
    """The same of a record type within the message, by its name without namespace."""
    record = _encoders(schema, schema.text)[name]
    start = record.position[first] if first else 0
    return Piece(name, record.fields[start : record.position[last] if last else len(record.fields)])


def record_in(schema: Schema, name: str) -> Piece:
    """All of a record type within the message."""
    return fields_in(schema, name, None, None)


@lru_cache(maxsize=512)
def _encoders(schema: Schema, _text: str) -> Mapping[str, Record]:
    # Schemas are equal by their fingerprint, which does not see defaults; the text does.
    return compiled(schema.definition)
