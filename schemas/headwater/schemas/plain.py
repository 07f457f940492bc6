"""Encoding and decoding by fastavro: the plain path, right for every schema."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

import fastavro

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import reasons
from headwater.schemas.framing import single_object_header
from headwater.schemas.records import Schema


def encode(schema: Schema, value: Mapping[str, Any]) -> bytes:
    """A record's body. Raises ContractError where the value does not fit the schema."""
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, schema.parsed, value, strict_allow_default=True)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        raise ContractError(f"not a {schema.name}: {error}") from error
    return out.getvalue()


def message(schema: Schema, value: Mapping[str, Any]) -> bytes:
    """A record as a message in single-object encoding."""
    return single_object_header(schema) + encode(schema, value)


def decode(writer: Schema, body: bytes, reader: Schema | None = None) -> dict[str, Any]:
    """A body as a dict, in the reader's shape where one is given.

    Raises InvalidMessage: truncated, surplus_bytes or invalid_value.
    """
    stream = io.BytesIO(body)
    try:
        value = fastavro.schemaless_reader(stream, writer.parsed, reader.parsed if reader else None)
    except EOFError as error:
        raise InvalidMessage(reasons.TRUNCATED, f"{writer.name} ends within a field, at {len(body)} bytes") from error
    except Exception as error:  # fastavro raises a dozen types for damaged bytes, none of them documented
        raise InvalidMessage(reasons.INVALID_VALUE, f"{writer.name}: {error}") from error
    if stream.tell() != len(body):
        raise InvalidMessage(reasons.SURPLUS_BYTES, f"{writer.name} ends at byte {stream.tell()} of {len(body)}")
    return cast("dict[str, Any]", value)
