"""The detection worker on real brokers: run events and profiles in, one incident out, once, also across a SIGKILL."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.alerts import Alert
from headwater.alerts.model import alert_of
from headwater.alerts.schemas import Decoder
from headwater.schemas import plain, records
from headwater.schemas.topics import TOPICS, Topic, dataset_key
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import ServerProcess, wait_until
from tests.consumers.detection.making import JOBS, NAMESPACE, an_id, dataset, edge_set, microseconds, profile_record

START = date(2024, 1, 1)
GOOD, BAD = 30, 4
Message = tuple[bytes, dict[str, Any]]


class Detection(ServerProcess):
    """`headwater worker detection` as a process."""

    def __init__(self, settings: Settings, folder: Path, name: str = "detection") -> None:
        self._starts = 0
        command = [
            "-m",
            "headwater.cli",
            "worker",
            "detection",
            "--brokers",
            settings.brokers,
            "--prefix",
            settings.prefix,
        ]
        # There is no history here, and none is waited for.
        environment = {**os.environ, "HEADWATER_STORE_URL": ""}
        log = folder / f"{name}.log"
        words = [sys.executable, *command]
        super().__init__(name, words, log, ready=self._is_ready, seconds=120, environment=environment)

    def start(self) -> None:
        self._starts += 1
        super().start()

    @property
    def tells(self) -> bool:
        """Whether it is the active one of those that tell incidents; the others stand by."""
        shares = [line for line in self.log.read_text().splitlines() if "detection-incidents has" in line]
        return bool(shares) and not shares[-1].endswith("has 0 partitions")

    def _is_ready(self) -> bool:
        return self.log.exists() and self.log.read_text().count(" ready") >= self._starts


def run_event(job: str, day: date, state: str, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": an_id("event", job, day, state),
        "event_time": microseconds(day),
        "run": {"run_id": an_id("run", job, day), "state": state},
        "job": {"namespace": JOBS, "name": job},
        **fields,
    }


def send(settings: Settings, topic: Topic, messages: list[Message]) -> None:
    assert topic.record is not None
    schema = records.current(topic.record)
    head = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0}
    clients.produce(
        settings.brokers,
        topic.full_name(settings),
        [(key, plain.message(schema, {**head, **fields})) for key, fields in messages],
        partitioner="murmur2_random",
    )


def send_days(settings: Settings, first: int, last: int, factor: float) -> None:
    """So many days of raw → clean → scored, with edges as stitching makes them."""
    runs: list[Message] = []
    profiles: list[Message] = []
    edges: list[Message] = []
    predictions: list[Message] = []
    for number in range(first, last):
        day = START + timedelta(days=number)
        random = np.random.default_rng(number)
        kept = random.integers(0, 6, 1_000).astype(float)
        distance = random.gamma(4, 250, 1_000) * factor
        raw, clean = dataset("raw", str(day)), dataset("clean", str(day))
        stream = dataset("answers", str(day), "prediction_stream")
        steps = (
            ("ingest", dataset("delivery", str(day), "file"), raw),
            ("clean", raw, clean),
            ("score", clean, stream),
        )
        for job, source, target in steps:
            key = an_id("run", job, day)
            owned = {**target, "owners": [{"name": "team:flights", "type": None}]}
            runs.append((key, run_event(job, day, "START", inputs=[source])))
            runs.append((key, run_event(job, day, "COMPLETE", outputs=[{**owned, "rows": 1_000}])))
            column_edges = [(0, "distance", "distance"), (0, "engines", "engines")] if job == "clean" else []
            edges.append((key, edge_set(job, day, [source], target, column_edges)))
        for name, job in (("raw", "ingest"), ("clean", "clean")):
            data = {"distance": distance, "engines": kept}
            profile = profile_record(name, day, data, run=an_id("run", job, day))
            profiles.append((dataset_key(NAMESPACE, name), profile))
        ref = {"namespace": NAMESPACE, "name": "answers", "version": str(day)}
        for n in range(5):
            fields = {"deployment": ref, "stream": ref, "model": ref, "run_id": an_id("run", "score", day)}
            key_text = f"{day}-{n}"
            predictions.append(
                (
                    key_text.encode(),
                    {"event_id": an_id(key_text), "event_time": microseconds(day), "key": key_text, **fields},
                )
            )
    send(settings, TOPICS["lineage.runs"], runs)
    send(settings, TOPICS["lineage.edges"], edges)
    send(settings, TOPICS["lineage.predictions"], predictions)
    send(settings, TOPICS["lineage.profiles"], profiles)


def told(settings: Settings) -> list[Alert]:
    """Every alert that stands on the topic, in the order in which it was told."""
    decoder = Decoder(settings)
    found = clients.read_all(settings.brokers, TOPICS["lineage.alerts"].full_name(settings))
    return sorted((alert_of(decoder.decode(record.value)) for record in found), key=lambda alert: alert.number)


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    found = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3)
    create(found)
    return found


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[list[Detection]]:
    found = [Detection(settings, tmp_path, name) for name in ("first", "second")]
    for worker in found:
        worker.start()
    yield found
    for worker in found:
        if worker.running:
            worker.stop()


@pytest.mark.integration
def test_one_fault_is_one_incident(settings: Settings, workers: list[Detection]) -> None:
    """Distances in another unit: one incident at the first table that had them, with the step, the path, whom it
    reaches; told once though the worker that tells it is killed and the one that stood by takes over, and over by
    itself.
    """
    send_days(settings, 0, GOOD, 1.0)
    send_days(settings, GOOD, GOOD + BAD, 1.6)
    wait_until(lambda: bool(told(settings)), 90, "an alert")
    wait_until(lambda: sum(worker.tells for worker in workers) == 1, 30, "one active and one that stands by")
    next(worker for worker in workers if worker.tells).kill()
    send_days(settings, GOOD + BAD, GOOD + BAD + 4, 1.0)
    wait_until(lambda: any(alert.state == "resolved" for alert in told(settings)), 120, "the incident's end")

    alerts = told(settings)
    assert len({alert.incident_id for alert in alerts}) == 1
    assert [alert.state for alert in alerts if alert.page] == ["opened"]
    assert [alert.number for alert in alerts] == list(range(1, len(alerts) + 1))
    last = alerts[-1]
    assert last.state == "resolved"
    assert last.root is not None
    assert (last.root.dataset.name, last.root.column, last.root.job_name) == ("raw", "distance", "ingest")
    assert last.onset is not None
    assert last.onset.date() == START + timedelta(days=GOOD)
    assert {reach.dataset.name for reach in last.reaches} == {"clean", "answers"}
    assert last.predictions == 5 * BAD
    assert {owner.name for owner in last.owners} == {"team:flights"}
    assert "distance" in last.title
    assert last.suppressed
    assert last.command == f"headwater alerts show {last.incident_id.hex}"
