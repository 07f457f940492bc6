"""A message as the archive hands it to the store: our columns, then the record's bytes as they are.

Avro has no field tags, so a row of the landing table is our fields' bytes followed by the body. The offset
stands at both ends: the store refuses a row whose two offsets differ, so a body that the engine would read
otherwise than the codec can neither shift its neighbours nor go unseen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from headwater.ledger.chain import Message, body_digest
from headwater.schemas import varints
from headwater.schemas.content import content_digest
from headwater.schemas.records import Schema
from headwater.streams.batch import Batch

#: Bytes of a digest.
DIGEST_BYTES = 16
#: Our columns before the record's, and their Avro types; `_check` follows the record.
COLUMNS: tuple[tuple[str, Any], ...] = (
    ("_partition", "int"),
    ("_offset", "long"),
    ("_generation", "string"),
    ("_arrival", "long"),
    ("_key", ["null", "bytes"]),
    ("_content_digest", {"type": "fixed", "name": "HeadwaterDigest", "size": DIGEST_BYTES}),
    ("_fingerprint", {"type": "fixed", "name": "HeadwaterFingerprint", "size": 8}),
    ("_body", "bytes"),
)
_ID_BYTES = 16
#: Event times beyond these are stored as these; the raw body keeps what was sent.
_OLDEST, _NEWEST = -2_208_988_800_000_000, 10_413_791_999_999_999


class Row(NamedTuple):
    """One message for one table: the `place`-th of its batch.

    `arrival`: µs since 1970. `body`: as received, proved whole. `shape`: the same in the landing table's schema
    (the body itself where the writer used that one).
    """

    batch: Batch
    place: int
    arrival: int
    fingerprint: bytes
    body: bytes
    shape: bytes

    @property
    def offset(self) -> int:
        """Its offset on the topic."""
        return int(self.batch.offsets[self.place])


def row_schema(schema: Schema) -> bytes:
    """The schema of packed rows whose shapes are of that schema."""
    namespace = schema.name.rpartition(".")[0]
    ours = [{"name": name, "type": kind} for name, kind in COLUMNS]
    fields = [*ours, *schema.definition["fields"], {"name": "_check", "type": "long"}]
    outer: dict[str, Any] = {"type": "record", "name": "HeadwaterRow", "fields": fields}
    if namespace:
        outer["namespace"] = namespace
    return json.dumps(outer).encode()


def pack(row: Row) -> tuple[bytes, Message]:
    """A row's bytes, and what the ledger keeps of the message."""
    batch, place, arrival, fingerprint, body, shape = row
    number = int(batch.offsets[place])
    offset = varints.encode(number)
    key = batch.keys[place]
    content = content_digest(shape)
    packed = b"".join(
        (
            _partition(batch.partition),
            offset,
            _generation(batch.generation),
            varints.encode(arrival),
            b"\x00" if key is None else b"\x02" + varints.encode(len(key)) + key,
            content,
            fingerprint,
            varints.encode(len(body)),
            body,
            shape,
            offset,
        )
    )
    return packed, Message(number, body_digest(body), content)


@lru_cache(256)
def _partition(number: int) -> bytes:
    return varints.encode(number)


@lru_cache(16)
def _generation(name: str | None) -> bytes:
    text = (name or "").encode()
    return varints.encode(len(text)) + text


def event_time(shape: bytes) -> int:
    """A body's event time, µs since 1970 UTC: the fifth field."""
    start = varints.end(shape, varints.end(shape, 0) + _ID_BYTES) + _ID_BYTES
    return varints.decode(shape, start)


def kept_time(shape: bytes) -> int:
    """The same as the tables keep it: within 1900 and 2299."""
    return min(max(event_time(shape), _OLDEST), _NEWEST)


def container(schema: bytes, packed: Sequence[bytes]) -> bytes:
    """An Avro object container file of one block (Avro specification 1.11, "Object Container Files")."""
    sync = os.urandom(16)
    size = sum(map(len, packed))
    head = (
        b"Obj\x01",
        varints.encode(1),
        varints.encode(len(b"avro.schema")),
        b"avro.schema",
        varints.encode(len(schema)),
        schema,
        b"\x00",
        sync,
        varints.encode(len(packed)),
        varints.encode(size),
    )
    return b"".join((*head, *packed, sync))
