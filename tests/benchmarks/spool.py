"""How fast the spool is written, and sent once the broker is there; beside it the same bytes sent from memory.

The events are those of the producer's benchmark (3 inputs, 1 output). A producer without a broker spools them and
ends; another takes them over and sends them. All are then read back and held against the numbering.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import confluent_kafka

from headwater.producer import Producer
from headwater.producer._outbox import Message
from headwater.schemas import framing, plain, records
from headwater.settings import Settings
from tests.backends.clients import create_topics, read_all
from tests.backends.local_kafka import LocalKafka

HELP = "the disk spool written, and sent when the broker is there"

NOBODY = "127.0.0.1:9"
RUNS = "lineage.runs"
COPY = "copy"
NAMESPACE = "postgres://warehouse.internal:5432"
PARTITIONS = 4


def run(arguments: argparse.Namespace) -> None:
    """Start a broker and print the table."""
    events = 50_000 if arguments.quick else 500_000
    turns = 1 if arguments.quick else 5
    logging.getLogger("headwater.producer").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap_mb=1024, throughput=True)
        kafka.start()
        try:
            _table([_turn(kafka.bootstrap, Path(folder), f"turn{turn}.", events) for turn in range(turns)])
        finally:
            kafka.stop()


class Measured(NamedTuple):
    """One row of one turn."""

    name: str
    events: int
    seconds: float
    cpu: float


def _turn(brokers: str, folder: Path, prefix: str, events: int) -> list[Measured]:
    create_topics(brokers, {prefix + name: PARTITIONS for name in (RUNS, "lineage.producers", "lineage.schemas", COPY)})
    settings = Settings(brokers=NOBODY, prefix=prefix, spool_dir=str(folder / prefix), spool_bytes=2**33)
    start = _now()
    spooled, dropped = _spool(settings, events)
    name = "emitted without a pause, no broker" + (f" ({dropped} dropped as queue_full)" if dropped else "")
    rows = [_since(start, name, events)]
    start = _now()
    _replay(dataclasses.replace(settings, brokers=f"{NOBODY},{brokers}"), spooled)
    rows.append(_since(start, "sent from the spool", spooled))
    messages = _read_back(brokers, prefix + RUNS, spooled - 2)
    start = _now()
    _from_memory(brokers, prefix + COPY, messages)
    rows.append(_since(start, "ceiling: the same bytes from memory, librdkafka's produce_batch alone", len(messages)))
    return rows


def _table(turns: list[list[Measured]]) -> None:
    print(f"medians of {len(turns)}\n\n| | events | events/s | CPU, µs an event |\n|---|---|---|---|")
    for rows in zip(*turns, strict=True):
        rate = statistics.median(row.events / row.seconds for row in rows)
        cpu = statistics.median(row.cpu / row.events * 1e6 for row in rows)
        print(f"| {rows[0].name} | {rows[0].events:,} | {rate:,.0f} | {cpu:.2f} |", flush=True)
    ratio = statistics.median(rows[2].seconds / rows[1].seconds for rows in turns)
    print(f"\nThe spool is sent at {ratio:.0%} of the ceiling's rate; every event was read back, once and in order.")


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float], name: str, events: int) -> Measured:
    return Measured(name, events, time.perf_counter() - start[0], time.process_time() - start[1])


def _spool(settings: Settings, events: int) -> tuple[int, int]:
    """How many events stand in the spool, and how many were dropped."""
    producer = Producer(settings)
    job = producer.job(NAMESPACE, "features.daily", kind="TASK", owners=["team:features"], code=None)
    inputs = [producer.dataset(NAMESPACE, f"raw.table_{i}", version=f"snapshot-{i}", rows=1000) for i in range(3)]
    outputs = [producer.dataset(NAMESPACE, "features.daily", version="7", rows=5000)]
    for _ in range(events):
        producer.run(job, inputs=inputs, outputs=outputs).whole()
    producer.close(1)
    stats = producer.stats()
    assert stats.spooled + stats.dropped == events + 2, stats
    return stats.spooled, stats.dropped


def _replay(settings: Settings, spooled: int) -> None:
    producer = Producer(settings)
    producer.describe_job(producer.job(NAMESPACE, "heir"))
    assert producer.flush(300), producer.stats()
    assert producer.stats().recovered == spooled, producer.stats()
    producer.close()


def _read_back(brokers: str, topic: str, events: int) -> list[Message]:
    """Every event, once and in order on its partition; fails where one is missing or doubled."""
    schema = records.current("run_event")
    numbers: dict[int, list[int]] = {}
    messages: list[Message] = []
    for record in read_all(brokers, topic, 300):
        value = record.value or b""
        event = plain.decode(schema, value[framing.SINGLE_OBJECT_HEADER :])
        if event["job"]["name"] != "heir":
            numbers.setdefault(record.partition, []).append(event["sequence"])
            messages.append({"key": record.key or b"", "value": value})
    assert all(found == sorted(found) for found in numbers.values())
    assert len(messages) == len({number for found in numbers.values() for number in found}) == events
    return messages


def _from_memory(brokers: str, topic: str, messages: list[Message]) -> None:
    client: Any = confluent_kafka.Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 10_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
            "delivery.report.only.error": True,
        }
    )
    for start in range(0, len(messages), 500):
        client.produce_batch(topic, messages[start : start + 500])
        client.poll(0)
    assert client.flush(300) == 0
