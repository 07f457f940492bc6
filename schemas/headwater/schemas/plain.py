"""Encoding and decoding by fastavro: the plain path, right for every schema."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import fastavro
from fastavro.read import SchemaResolutionError

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import reasons
from headwater.schemas.framing import single_object_header
from headwater.schemas.proof import prove
from headwater.schemas.records import Schema
from headwater.schemas.types import is_definition, is_union

#: fastavro's own types are partly unknown.
_fastavro = cast("Any", fastavro)


def _prepared(schema: Schema) -> Any:
    """The parsed schema with bytes as the defaults of bytes fields, which fastavro takes as JSON spells them."""
    return _of_text(schema, schema.text)


@lru_cache(maxsize=512)
def _of_text(schema: Schema, _text: str) -> Any:
    # Schemas are equal by their fingerprint, which does not see defaults; the text does.
    parsed = copy.deepcopy(schema.parsed)
    for one in _fields(parsed):
        if one["type"] == "bytes" and isinstance(one.get("default"), str):
            one["default"] = one["default"].encode("latin-1")
    return parsed


def _fields(kind: Any) -> list[dict[str, Any]]:
    """All fields that a type defines, at any depth."""
    if is_union(kind):
        return [found for branch in kind for found in _fields(branch)]
    if not is_definition(kind):
        return []
    own: list[dict[str, Any]] = kind.get("fields", [])
    inner: list[Any] = [*(one["type"] for one in own), kind.get("items"), kind.get("values")]
    return own + [found for one in inner for found in _fields(one)]


def encode(schema: Schema, value: Mapping[str, Any]) -> bytes:
    """A record's body. Raises ContractError where the value does not fit the schema."""
    out = io.BytesIO()
    try:
        _fastavro.schemaless_writer(out, _prepared(schema), value, strict_allow_default=True)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        raise ContractError(f"not a {schema.name}: {error}") from error
    return out.getvalue()


def message(schema: Schema, value: Mapping[str, Any]) -> bytes:
    """A record as a message in single-object encoding."""
    return single_object_header(schema) + encode(schema, value)


def decode(writer: Schema, body: bytes, reader: Schema | None = None) -> dict[str, Any]:
    """A body as a dict, in the reader's shape where one is given. The body is proved whole first.

    Raises InvalidMessage (truncated, surplus_bytes, invalid_value, or refused_schema where the reader cannot
    read what this writer writes), and ContractError where the writer's schema is refused.
    """
    prove(writer, body)
    return decode_proved(writer, body, reader)


def decode_proved(writer: Schema, body: bytes, reader: Schema | None = None) -> dict[str, Any]:
    """As `decode`, for a body that the codec or `prove` has found whole: nothing is proved again."""
    try:
        value = _fastavro.schemaless_reader(io.BytesIO(body), writer.parsed, _prepared(reader) if reader else None)
    except SchemaResolutionError as error:
        raise InvalidMessage(reasons.REFUSED_SCHEMA, f"{writer.name} is not read: {error}") from error
    except Exception as error:  # fastavro raises a dozen types, none of them documented (e.g. by logical types)
        raise InvalidMessage(reasons.INVALID_VALUE, f"{writer.name}: {error}") from error
    return cast("dict[str, Any]", value)
