"""The content digest: what a message says, whoever sent it, and when."""

from __future__ import annotations

import random

import pytest

from headwater.schemas import plain
from headwater.schemas.content import content_digest
from headwater.schemas.records import RECORDS, current
from tests.schemas.values import LONGS, Values


@pytest.mark.parametrize("record", RECORDS)
def test_a_retry_says_the_same(record: str, seed: int) -> None:
    """Emit time, producer and sequence do not count, however many bytes they take; everything else does."""
    schema = current(record)
    source = random.Random(f"{seed} {record}")
    value = Values(schema, source, 0.3).record()
    digest = content_digest(plain.encode(schema, value))
    assert len(digest) == 16
    for emit_time in LONGS:
        again = {**value, "emit_time": emit_time, "producer_id": source.randbytes(16), "sequence": source.choice(LONGS)}
        body = plain.encode(schema, again)
        assert content_digest(body) == content_digest(memoryview(body)) == digest
    for other in ({"event_id": bytes(16)}, {"event_time": value["event_time"] ^ 1}):
        assert content_digest(plain.encode(schema, {**value, **other})) != digest
