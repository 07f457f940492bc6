"""The ways of telling an event that the producer's benchmark compares, each in a process of its own.

`python -m tests.benchmarks.producer_ways WAY BROKERS EVENTS` prints a line of JSON: µs of wall time and of CPU an
event, and an event's bytes. CPU is the whole process's, with the threads of librdkafka, until the last event is
confirmed; ids and times are made for each event, but for `ready`.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import confluent_kafka

from headwater.producer import Dataset, Job, Producer
from headwater.schemas import framing, plain, records
from headwater.settings import Settings

TOPIC = "lineage.runs"
PREFIX = "bench."
_NAMESPACE = "postgres://warehouse.internal:5432"
#: What each event says, in every way.
FIELDS: dict[str, Any] = {
    "job": {
        "namespace": _NAMESPACE,
        "name": "features.daily",
        "kind": "TASK",
        "integration": "HEADWATER",
        "owners": ["team:features"],
    },
    "environment": {
        "python": '"3.11.7"',
        "implementation": '"cpython"',
        "platform": '"linux-x86_64"',
        "packages_digest": '"sha256:' + "0" * 64 + '"',
    },
    "inputs": [
        {"namespace": _NAMESPACE, "name": f"raw.table_{i}", "version": f"snapshot-{i}", "rows": 1000} for i in range(3)
    ],
    "outputs": [{"namespace": _NAMESPACE, "name": "features.daily", "version": "7", "rows": 5000}],
}
#: A prediction's: eight features and one output.
FEATURES = {
    "distance": 1021.5,
    "stops": 1,
    "carrier": "AA",
    "origin": "JFK",
    "temperature": 3.25,
    "wind": 7.0,
    "weekday": 3,
    "late": None,
}
OUTPUTS = {"fare": 99.5}

Way = Callable[[str, int], dict[str, float]]


def handles(producer: Producer) -> tuple[Job, list[Dataset], list[Dataset]]:
    """The job, inputs and outputs of FIELDS."""
    of_job = dict(FIELDS["job"])
    job = producer.job(of_job.pop("namespace"), of_job.pop("name"), code=None, **of_job)
    inputs, outputs = (
        [producer.dataset(d["namespace"], d["name"], version=d["version"], rows=d["rows"]) for d in FIELDS[ends]]
        for ends in ("inputs", "outputs")
    )
    return job, inputs, outputs


def fragments(brokers: str, events: int) -> dict[str, float]:
    """Our producer, one COMPLETE event a run."""
    producer = Producer(_settings(brokers))
    job, inputs, outputs = handles(producer)
    return _ours(producer, lambda: producer.run(job, inputs=inputs, outputs=outputs).whole(), events)


def with_statement(brokers: str, events: int) -> dict[str, float]:
    """Our producer, START with the inputs and COMPLETE with the output; figures are per event, not per run."""
    producer = Producer(_settings(brokers))
    job, inputs, outputs = handles(producer)

    def emit() -> None:
        with producer.run(job, inputs=inputs) as run:
            run.output(outputs[0])

    found = _ours(producer, emit, events // 2)
    return {**found, "wall": found["wall"] / 2, "cpu": found["cpu"] / 2}


def predictions(brokers: str, events: int) -> dict[str, float]:
    """Our producer, one prediction: a public key and plain values."""
    return _predictions(events, _settings(brokers), public=True)


def predictions_digested(brokers: str, events: int) -> dict[str, float]:
    """Our producer, one prediction: the key, each value and all values together as keyed digests."""
    return _predictions(events, replace(_settings(brokers), digest_key="a team's key"), public=False)


def _predictions(events: int, settings: Settings, *, public: bool) -> dict[str, float]:
    producer = Producer(settings)
    predictor = producer.predictions(
        deployment=producer.deployment("shop", "fares-live"),
        model=producer.model("shop", "fares", version="7"),
        sources=[producer.dataset("s3://lake", "features", version="2024-06-01")],
        public_keys=public,
        values=public,
    )
    keys = iter(range(events + 10))
    return _ours(producer, lambda: predictor.emit(f"booking-{next(keys)}", features=FEATURES, outputs=OUTPUTS), events)


def _settings(brokers: str) -> Settings:
    """As they are, but for a queue that holds the whole turn: callers here are faster than any service's."""
    folder = tempfile.mkdtemp(prefix="headwater-spool-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Settings(brokers=brokers, prefix=PREFIX, queue_bytes=1 << 30, spool_dir=folder)


def _ours(producer: Producer, emit: Callable[[], object], events: int) -> dict[str, float]:
    emit()
    if not producer.flush(60):
        raise SystemExit("the broker does not answer")
    before = producer.stats()
    wall, cpu = _measure(emit, lambda: producer.flush(300), events)
    after = producer.stats()
    if after.drops or after.delivered - before.delivered < events:
        raise SystemExit(f"not all was delivered: {after}")
    producer.close(30)
    return _result(wall, cpu, events, 0)


def fastavro(brokers: str, events: int) -> dict[str, float]:
    """The same record by fastavro, one call of produce each."""
    client = _client(brokers)
    schema = records.current("run_event")
    header = framing.single_object_header(schema)

    def emit() -> None:
        event = _event()
        client.produce(PREFIX + TOPIC, header + plain.encode(schema, event), event["run"]["run_id"])

    return _result(*_measure(emit, lambda: client.flush(300), events), events, len(_message()))


def ready(brokers: str, events: int) -> dict[str, float]:
    """The floor: the same bytes again and again, one call of produce each."""
    client = _client(brokers)
    message = _message()

    def emit() -> None:
        client.produce(PREFIX + TOPIC, message, message[:16])

    return _result(*_measure(emit, lambda: client.flush(300), events), events, len(message))


def _message() -> bytes:
    return plain.message(records.current("run_event"), _event())


def _event() -> dict[str, Any]:
    now = time.time_ns() // 1000
    return {
        "emit_time": now,
        "producer_id": b"p" * 16,
        "sequence": now & 0xFFFFF,
        "event_id": uuid.uuid4().bytes,
        "event_time": now,
        "run": {"run_id": uuid.uuid4().bytes, "state": "COMPLETE"},
        "job": {**FIELDS["job"], "owners": [{"name": owner} for owner in FIELDS["job"]["owners"]]},
        "inputs": [{**of, "version_origin": "declared"} for of in FIELDS["inputs"]],
        "outputs": [{**of, "version_origin": "declared"} for of in FIELDS["outputs"]],
        "environment": FIELDS["environment"],
    }


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


def _measure(emit: Callable[[], object], finish: Callable[[], object], events: int) -> tuple[float, float]:
    cpu = time.process_time()
    start = time.perf_counter()
    for _ in range(events):
        emit()
    wall = time.perf_counter() - start
    finish()
    return wall, time.process_time() - cpu


def _result(wall: float, cpu: float, events: int, size: int) -> dict[str, float]:
    return {"wall": wall / events * 1e6, "cpu": cpu / events * 1e6, "bytes": size}


WAYS: dict[str, Way] = {
    "fragments": fragments,
    "with": with_statement,
    "fastavro": fastavro,
    "ready": ready,
    "predictions": predictions,
    "digested": predictions_digested,
}

if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
