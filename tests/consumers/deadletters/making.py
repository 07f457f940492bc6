"""Dead letters for tests."""

from __future__ import annotations

import hashlib
from typing import Any

from headwater.deadletters import Letter
from headwater.schemas import plain, records


def fields(body: bytes = b"text", **more: Any) -> dict[str, Any]:
    """A dead letter's record."""
    topic, partition, offset = more.get("topic", "lineage.runs"), more.get("partition", 0), more.get("offset", 0)
    worker, reason = more.get("worker", "stitching"), more.get("reason", "wrong_magic")
    what = repr((topic, partition, offset, worker, reason, body)).encode()
    return {
        "emit_time": 1_700_000_000_000_000,
        "producer_id": bytes(16),
        "sequence": 0,
        "event_id": hashlib.blake2b(what, digest_size=16).digest(),
        "event_time": 1_700_000_000_000_000,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "generation": None,
        "timestamp": None,
        "key": b"key",
        "worker": worker,
        "reason": reason,
        "detail": "what exactly",
        "length": len(body),
        "digest": hashlib.sha256(body).digest(),
        "body": body[:65_536],
        **more,
    }


def message(body: bytes = b"text", **more: Any) -> bytes:
    """The same as a message."""
    return plain.message(records.current("dead_letter"), fields(body, **more))


def letter(body: bytes = b"text", written: int = 1_700_000_000_000_000, **more: Any) -> Letter:
    """The same as it is read."""
    row = fields(body, **more)
    given = {name: row[name] for name in row if name not in ("emit_time", "producer_id", "sequence", "event_id")}
    return Letter(id=row["event_id"], written=written, **given)
