"""What an event costs the process that tells it: fragments, beside plain fastavro and ready bytes, all with `produce`.

Each sends the same fields (3 inputs, 1 output) to a broker of its own and, but for the floor, makes ids and times
for each event; the CPU of the whole process counts until the last event is confirmed, librdkafka's threads too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka

from headwater.producer import Dataset, Job, Producer
from headwater.schemas import framing, plain, records
from headwater.settings import Settings
from tests.backends.clients import create_topics
from tests.backends.local_kafka import LocalKafka

HELP = "what an event costs the process that tells it"

TOPIC = "lineage.runs"
NAMESPACE = "postgres://warehouse.internal:5432"


def run(arguments: argparse.Namespace) -> None:
    """Start a broker and print the table."""
    events = 20_000 if arguments.quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder), heap_mb=1024, throughput=True)
        kafka.start()
        try:
            _table(kafka.bootstrap, events)
        finally:
            kafka.stop()


def _table(brokers: str, events: int) -> None:
    prefix = "bench."
    create_topics(brokers, {prefix + name: 4 for name in (TOPIC, "lineage.producers", "lineage.schemas")})
    ways = {"fragments (Headwater)": fragments, "plain fastavro + produce": fastavro, "ready bytes + produce": ready}
    print("| way | caller, µs an event | CPU of the process, µs an event | bytes |")
    print("|---|---|---|---|")
    for name, way in ways.items():
        wall, cpu, size = way(brokers, prefix, events)
        print(f"| {name} | {wall / events * 1e6:.2f} | {cpu / events * 1e6:.2f} | {size} |", flush=True)


def _handles(producer: Producer) -> tuple[Job, list[Dataset], Dataset]:
    job = producer.job(NAMESPACE, "features.daily", kind="TASK", owners=["team:features"], code=None)
    inputs = [producer.dataset(NAMESPACE, f"raw.table_{i}", version=f"snapshot-{i}", rows=1000) for i in range(3)]
    return job, inputs, producer.dataset(NAMESPACE, "features.daily", version="7", rows=5000)


def fragments(brokers: str, prefix: str, events: int) -> tuple[float, float, int]:
    """Our producer, one COMPLETE event a run."""
    settings = Settings(brokers=brokers, prefix=prefix, queue_bytes=1 << 30)
    producer = Producer(settings)
    job, inputs, output = _handles(producer)
    outputs = [output]
    with producer.run(job, inputs=inputs, outputs=outputs):
        pass
    assert producer.flush(60)

    def emit() -> None:
        producer.run(job, inputs=inputs, outputs=outputs).whole()

    wall, cpu = _measure(emit, lambda: producer.flush(120), events)
    assert not producer.stats().drops, producer.stats()
    producer.close(30)
    return wall, cpu, len(_message(job, inputs, output))


def _message(job: Job, inputs: list[Dataset], output: Dataset) -> bytes:
    return plain.message(records.current("run_event"), _event(inputs, output, job))


def _event(inputs: list[Dataset], output: Dataset, job: Job) -> dict[str, Any]:
    now = time.time_ns() // 1000

    def dataset(of: Dataset, rows: int) -> dict[str, Any]:
        return {
            "namespace": of.namespace,
            "name": of.name,
            "version": of.version,
            "version_origin": of.version_origin,
            "kind": of.kind,
            "rows": rows,
        }

    return {
        "emit_time": now,
        "producer_id": b"p" * 16,
        "sequence": now & 0xFFFFF,
        "event_id": uuid.uuid4().bytes,
        "event_time": now,
        "run": {"run_id": uuid.uuid4().bytes, "state": "COMPLETE"},
        "job": {
            "namespace": job.namespace,
            "name": job.name,
            "kind": "TASK",
            "integration": "HEADWATER",
            "owners": [{"name": "team:features"}],
        },
        "inputs": [dataset(one, 1000) for one in inputs],
        "outputs": [dataset(output, 5000)],
        "environment": ENVIRONMENT,
    }


ENVIRONMENT = {
    "python": '"3.11.7"',
    "implementation": '"cpython"',
    "platform": '"linux-x86_64"',
    "packages_digest": '"sha256:' + "0" * 64 + '"',
}


def fastavro(brokers: str, prefix: str, events: int) -> tuple[float, float, int]:
    """The same record by fastavro, one call of produce each."""
    client = _client(brokers)
    job, inputs, output = _handles(Producer(Settings()))
    schema = records.current("run_event")
    header = framing.single_object_header(schema)

    def emit() -> None:
        event = _event(inputs, output, job)
        client.produce(prefix + TOPIC, header + plain.encode(schema, event), event["run"]["run_id"])

    return *_measure(emit, lambda: client.flush(120), events), len(_message(job, inputs, output))


def ready(brokers: str, prefix: str, events: int) -> tuple[float, float, int]:
    """The floor: the same bytes again and again."""
    client = _client(brokers)
    job, inputs, output = _handles(Producer(Settings()))
    message = _message(job, inputs, output)

    def emit() -> None:
        client.produce(prefix + TOPIC, message, message[:16])

    return *_measure(emit, lambda: client.flush(120), events), len(message)


def _client(brokers: str) -> Any:
    return confluent_kafka.Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 10_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
        }
    )


def _measure(emit: Callable[[], None], finish: Callable[[], object], events: int) -> tuple[float, float]:
    cpu = time.process_time()
    start = time.perf_counter()
    for _ in range(events):
        emit()
    wall = time.perf_counter() - start
    finish()
    return wall, time.process_time() - cpu
