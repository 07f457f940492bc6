"""One dead letter in full: its schema, its bytes, and as much of them as can be read."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import fastavro

from headwater.deadletters.letters import Letter
from headwater.errors import ContractError, HeadwaterError, InvalidMessage
from headwater.schemas import reasons, records
from headwater.schemas.framing import read_header
from headwater.schemas.proof import prove
from headwater.schemas.records import Schema
from headwater.streams.reading import SchemaName
from headwater.streams.schemas import SchemaBook

_fastavro = cast("Any", fastavro)


@dataclass(frozen=True)
class Description:
    """`schema`: its name, as far as known; `fields`: those that can be read; `stops`: why no more of them can."""

    schema: str
    fields: Mapping[str, Any]
    stops: str


def describe(letter: Letter, book: SchemaBook, *, seconds: float = 2.0) -> Description:
    """As much as the kept bytes say. An unknown schema is waited for so long. Raises nothing for any bytes."""
    try:
        header = read_header(letter.body)
    except InvalidMessage as error:
        return Description("none", {}, error.detail)
    name = SchemaName(fingerprint=header.fingerprint, registry_id=header.registry_id)
    schema = book.find(name)
    if schema is None and not book.wait({name}, seconds):
        schema = book.find(name)
    if schema is None:
        return Description(f"not known: {name}", {}, f"no schema of {name} on the schema topic or in the registry")
    fields, stops = _readable(schema, letter.body[header.length :])
    if not stops and len(letter.body) < letter.length:
        stops = f"only the first {len(letter.body)} of {letter.length} bytes are kept"
    return Description(f"{schema.name} ({name})", fields, stops)


def _readable(schema: Schema, body: bytes) -> tuple[Mapping[str, Any], str]:
    """The longest run of whole fields from the start, each proved before it is read."""
    try:
        prove(schema, body)
        stops = ""
    except InvalidMessage as error:
        stops = error.detail
    except HeadwaterError as error:
        return {}, str(error)
    every = cast("list[dict[str, Any]]", schema.definition["fields"])
    for count in range(len(every), 0, -1):
        some = _first(schema, every, count)
        if some is None:
            continue
        try:
            prove(some, body)
        except InvalidMessage as error:
            if error.reason != reasons.SURPLUS_BYTES:
                continue
        except ContractError:
            continue
        read = _fastavro.schemaless_reader(io.BytesIO(body), some.parsed, None)
        return cast("Mapping[str, Any]", read), stops
    return {}, stops


def _first(schema: Schema, fields: list[dict[str, Any]], count: int) -> Schema | None:
    try:
        return records.parse(json.dumps({**schema.definition, "fields": fields[:count]}))
    except HeadwaterError:
        return None  # a later field's type may be named by an earlier one, never the other way round
