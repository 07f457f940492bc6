"""Of messages only the parts are decoded that detection reads, and what it sends is encoded as the plain path does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headwater.detection.steps.batches import PARTS
from headwater.detection.steps.sending import Sender
from headwater.detection.uses import uses
from headwater.schemas import plain, topics
from headwater.schemas.decoding import reader
from headwater.schemas.records import current
from headwater.schemas.topics import Topic
from headwater.streams.step import instance_id
from tests.schemas.values import Values

SEEDS = 60


def made(record: str, seed: int) -> dict[str, Any]:
    """A record of the contract with anything that it may hold."""
    chance = random.Random(seed)
    return Values(current(record), chance, fullness=chance.random(), longest=4).record()


def test_the_parts_of_a_run_event_make_the_same_uses() -> None:
    """The uses of an event do not hang on what is left out of it."""
    schema = current("run_event")
    for seed in range(SEEDS):
        body = plain.encode(schema, made("run_event", seed))
        parts = reader(schema, PARTS[topics.RUNS.name])(body)
        # As text, since a number that is none is not equal to itself.
        assert repr(list(uses(parts))) == repr(list(uses(plain.decode(schema, body))))


@pytest.mark.parametrize("topic", [topics.USES, topics.VERDICTS, topics.ALERTS], ids=lambda topic: topic.name)
def test_what_is_sent_is_encoded_as_by_the_plain_path(topic: Topic) -> None:
    """To the byte, whatever a record holds."""
    assert topic.record is not None
    for seed in range(SEEDS):
        fields = {**made(topic.record, seed), "emit_time": seed, "producer_id": instance_id(), "sequence": 0}
        sent = Sender(lambda: -1).output(topic, b"k", fields)
        assert sent.value == plain.message(current(topic.record), fields)
