"""The schemas by which the archived bodies were written."""

from __future__ import annotations

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.schemas import records
from headwater.schemas.records import Schema


def writer_schemas(client: Client) -> dict[int, Schema]:
    """Those that the history holds, by fingerprint: of every body one, whatever version of Headwater wrote it."""
    rows = select(client, "SELECT DISTINCT fingerprint, text FROM schemas")
    return {row["fingerprint"]: records.parse(row["text"]) for row in rows}
