"""A producer on a real broker: what it tells arrives whole, once, with its schemas, and nothing is lost at its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from confluent_kafka import Consumer

from headwater.producer import Producer
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka

pytestmark = pytest.mark.integration

TOPICS = ("lineage.runs", "lineage.producers", "lineage.schemas")


def read_all(kafka: Kafka, prefix: str, wanted: dict[str, int]) -> dict[str, list[Any]]:
    """So many messages of each topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": prefix + "reader",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
            "topic.metadata.refresh.interval.ms": 500,
        }
    )
    consumer.subscribe([prefix + name for name in wanted])
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    for _ in range(200):
        for message in consumer.consume(1000, timeout=0.2):
            if message.error() is None:
                found[str(message.topic()).removeprefix(prefix)].append(message)
        if all(len(found[name]) >= count for name, count in wanted.items()):
            break
    consumer.close()
    return found


def test_events_arrive_in_order_with_their_schemas(kafka: Kafka, prefix: str) -> None:
    """Every event arrives; sequence numbers are whole; each schema stands on the schema topic under its fingerprint."""
    create_topics(kafka.bootstrap, {prefix + name: 3 for name in TOPICS})
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix))
    job = producer.job("tests", "job")
    source = producer.dataset("tests", "source")
    for _ in range(50):
        with producer.run(job, inputs=[source]):
            pass
    assert producer.flush(20)
    stats = producer.stats()
    assert (stats.emitted, stats.delivered, stats.pending, stats.drops) == (101, 101, 0, {})
    producer.close()
    assert producer.stats().delivered == 102

    found = read_all(kafka, prefix, {"lineage.runs": 100, "lineage.producers": 2, "lineage.schemas": 2})
    events = [
        plain.decode(records.current(topics.TOPICS[name].record or ""), m.value()[framing.SINGLE_OBJECT_HEADER :])
        for name in ("lineage.runs", "lineage.producers")
        for m in found[name]
    ]
    assert sorted(event["sequence"] for event in events) == list(range(1, 103))
    states = Counter(event["run"]["state"] for event in events if "run" in event)
    assert states == {"START": 50, "COMPLETE": 50}
    schemas = {message.key(): message.value().decode() for message in found["lineage.schemas"]}
    for record in ("run_event", "producer_event"):
        schema = records.current(record)
        assert schemas[schema.fingerprint_bytes] == schema.text
