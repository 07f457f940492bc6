"""The writer schemas of what is archived: without them raw bodies cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterable

from headwater.archive.inserting import SETTINGS, faults
from headwater.audit.store import Client
from headwater.schemas.records import Schema


def keep(client: Client, schemas: Iterable[Schema], arrival: int) -> None:
    """Keep schemas by their fingerprints. arrival: µs since 1970; of repeated ones the earliest stands.

    Raises Failed.
    """
    rows = [
        {
            "fingerprint": schema.fingerprint,
            "name": schema.name,
            "text": schema.text,
            "arrival": f"{arrival // 1_000_000}.{arrival % 1_000_000:06d}",
            "precedence": 2**64 - 1 - arrival,
        }
        for schema in schemas
    ]
    block = "\n".join(map(json.dumps, rows)).encode()
    with faults():
        client.raw_insert("schemas", insert_block=block, fmt="JSONEachRow", settings=SETTINGS)
