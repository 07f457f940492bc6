"""Messages that the store merged away: each must have a twin that says the same; and what a finding is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from headwater.audit.rows import chunks, select
from headwater.audit.store import Client
from headwater.ledger.chain import DIGEST_BYTES, Lane
from headwater.ledger.reading import TABLES, entries
from headwater.ledger.report import Finding
from headwater.schemas import plain, records
from headwater.schemas.content import content_digest
from headwater.schemas.records import Schema
from headwater.schemas.topics import TOPICS

_MANY: Final = 20


class Missing(NamedTuple):
    """Messages of a lane that have no row."""

    lane: Lane
    offsets: npt.NDArray[np.int64]


def without_twin(client: Client, missing: Missing) -> list[int]:
    """The offsets of those whose content has no row either."""
    wanted = _contents(client, missing)
    twins = _twins(client, missing.lane.topic, set(wanted.values()))
    return sorted(offset for offset, content in wanted.items() if content not in twins)


def _contents(client: Client, missing: Missing) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for entry in entries(client, missing.lane):
        for number in np.flatnonzero(np.isin(entry.offsets, missing.offsets)).tolist():
            digest = entry.contents[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]
            found[int(entry.offsets[number])] = digest
    return found


def _twins(client: Client, topic: str, contents: Iterable[bytes]) -> set[bytes]:
    """Which contents have a row; the digest of each is computed anew from the row's body, not believed."""
    proved: set[bytes] = set()
    written: dict[int, Schema] = {}
    sql = (
        f"SELECT hex(content_digest) AS content, schema_fingerprint, hex(any(raw_body)) AS body FROM {TABLES[topic]} "
        "WHERE hex(content_digest) IN {contents:Array(String)} GROUP BY content_digest, schema_fingerprint"
    )
    for some in chunks(sorted(contents)):
        for row in select(client, sql, {"contents": [content.hex().upper() for content in some]}):
            content, body = bytes.fromhex(row["content"]), bytes.fromhex(row["body"])
            if content_digest(body) == content or content in _reshaped(client, topic, row, body, written):
                proved.add(content)
    return proved


def _reshaped(
    client: Client, topic: str, row: Mapping[str, Any], body: bytes, written: dict[int, Schema]
) -> Sequence[bytes]:
    """The content digests of a body in the versions of its record that a table may have had when it came."""
    fingerprint = row["schema_fingerprint"]
    if fingerprint not in written:
        sql = "SELECT text FROM schemas WHERE fingerprint = {fingerprint:UInt64} LIMIT 1"
        for one in select(client, sql, {"fingerprint": fingerprint}):
            written[fingerprint] = records.parse(one["text"])
    record = TOPICS[topic].record
    if fingerprint not in written or record is None:
        return ()
    return [
        content_digest(plain.encode(schema, plain.decode(written[fingerprint], body, schema)))
        for schema in records.released(record)
    ]


def describe(client: Client, findings: Sequence[Finding]) -> list[Finding]:
    """The findings with what the store has at their places, for the first _MANY."""
    told: list[Finding] = []
    for number, finding in enumerate(findings):
        told.append(finding)
        if number >= _MANY or finding.kind not in ("altered", "added") or "event " in finding.says:
            continue
        sql = (
            f"SELECT toString(event_id) AS event, toString(event_time) AS at FROM {TABLES[finding.lane.topic]} "
            "WHERE kafka_partition = {partition:Int32} AND kafka_offset = {offset:Int64} "
            "AND kafka_generation = {generation:String} LIMIT 1"
        )
        where = {**finding.lane._asdict(), "offset": finding.offset}
        for row in select(client, sql, where):
            told[-1] = replace(finding, says=f"{finding.says} (event {row['event']} of {row['at']})")
    return told
