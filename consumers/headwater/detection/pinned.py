"""Profiles of pinned versions, from the history: a reference is mostly older than what the topics still hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.detection.rules.model import Rules
from headwater.schemas import plain, records

_log = logging.getLogger("headwater.detection")
_SQL = """
SELECT schema_fingerprint, hex(any(raw_body)) AS body
FROM profile_events
WHERE concat(namespace, '/', name) = {dataset:String} AND version = {version:String}
GROUP BY schema_fingerprint, event_id, part, content_digest
ORDER BY event_id, part, content_digest
"""


def profiles(client: Client, rules: Rules) -> Iterator[Mapping[str, Any]]:
    """All parts of the profiles of the versions that a rules file pins. Raises Unavailable where the store is away.

    A version that the history does not have is named in the log: it counts from when its profile passes.
    """
    schemas = {schema.fingerprint: schema for schema in records.released("profile")}
    for dataset, version in rules.references.items():
        rows = select(client, _SQL, {"dataset": dataset, "version": version})
        found = 0
        for row in rows:
            schema = schemas.get(int(row["schema_fingerprint"]))
            if schema is not None:
                found += 1
                yield plain.decode(schema, bytes.fromhex(row["body"]), records.current("profile"))
        if not found:
            _log.warning("the history has no profile of %s@%s, which the rules file pins", dataset, version)
