"""A worker process on a real broker: killed, joined, fed with garbage, it gives the reference's edges."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.schemas import plain, reasons, records
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import ServerProcess, free_port, until, wait_until
from tests.benchmarks import workload
from tests.consumers.stitching import reference
from tests.consumers.streams.test_reading import GARBAGE, GOOD

pytestmark = pytest.mark.integration

SCHEMA = records.current("run_event")
EDGE_SET = records.current("edge_set")
Start = Callable[[str], ServerProcess]


@pytest.fixture
def start(kafka: Kafka, prefix: str, tmp_path: Path) -> Iterator[Start]:
    """Topics are there; starts stitching workers that end with the test."""
    by_run = ("runs", "edges", "stitching-state")
    clients.create_topics(kafka.bootstrap, {f"{prefix}lineage.{name}": 3 for name in by_run})
    clients.create_topics(kafka.bootstrap, {f"{prefix}lineage.{name}": 1 for name in ("schemas", "dead-letters")})
    started: list[ServerProcess] = []

    def start(name: str) -> ServerProcess:
        log = tmp_path / f"{name}.log"
        command = [sys.executable, "-m", "tests.consumers.streams.worker", "stitching", kafka.bootstrap, prefix]
        process = ServerProcess(
            name, command, log, ready=lambda: log.exists() and b"stitching has" in log.read_bytes(), seconds=60
        )
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def edges(kafka: Kafka, prefix: str) -> list[dict[str, Any]]:
    """All edge sets on the topic."""
    records_there = clients.read_all(kafka.bootstrap, f"{prefix}lineage.edges")
    return [plain.decode(EDGE_SET, record.value[10:]) for record in records_there if record.value]


def expected(messages: list[tuple[bytes, bytes]]) -> set[reference.Fact]:
    """The reference's edges."""
    return reference.current(plain.decode(SCHEMA, value[10:]) for _, value in messages)


def wait_for_edges(kafka: Kafka, prefix: str, messages: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """Until the topic says what the reference says."""
    wanted = expected(messages)
    deadline = until(60)
    while True:
        sets = edges(kafka, prefix)
        if reference.standing(reference.said(sets)) == wanted:
            return sets
        if time.monotonic() > deadline:
            there = reference.standing(reference.said(sets))
            pytest.fail(f"{len(wanted - there)} facts are missing, {len(there - wanted)} are wrong")
        time.sleep(0.3)


def committed(kafka: Kafka, prefix: str) -> int:
    """How many messages the group has committed."""
    import confluent_kafka

    reader: Any = clients.consumer(kafka.bootstrap, f"{prefix}headwater-stitching")
    try:
        places = [confluent_kafka.TopicPartition(f"{prefix}lineage.runs", p) for p in range(3)]
        return sum(max(place.offset, 0) for place in reader.committed(places, timeout=10))
    finally:
        reader.close()


def test_killed_in_the_middle_it_loses_nothing(kafka: Kafka, prefix: str, start: Start, seed: int) -> None:
    """SIGKILL while events flow; the next worker's end is clean, and all is committed."""
    messages = workload.messages(3000, seed)
    topic = f"{prefix}lineage.runs"
    worker = start("first")
    clients.produce(kafka.bootstrap, topic, messages[:2000])
    wait_until(lambda: committed(kafka, prefix) > 0, 30, "the first commit")
    clients.produce(kafka.bootstrap, topic, messages[2000:4000])
    worker.kill()
    worker = start("second")
    clients.produce(kafka.bootstrap, topic, messages[4000:])
    wait_for_edges(kafka, prefix, messages)
    wait_until(lambda: committed(kafka, prefix) == len(messages), 20, "all to be committed")
    assert worker.stop() == 0


def test_workers_join_and_leave(kafka: Kafka, prefix: str, start: Start, seed: int) -> None:
    """A second worker takes its share while events flow, the first one leaves; the edges are the reference's."""
    messages = workload.messages(2000, seed)
    topic = f"{prefix}lineage.runs"
    first = start("first")
    clients.produce(kafka.bootstrap, topic, messages[:1500])
    start("second")
    clients.produce(kafka.bootstrap, topic, messages[1500:3000])
    assert first.stop() == 0
    clients.produce(kafka.bootstrap, topic, messages[3000:])
    wait_for_edges(kafka, prefix, messages)


def test_garbage_becomes_dead_letters_and_the_line_goes_on(kafka: Kafka, prefix: str, start: Start) -> None:
    """Each kind of bad message between good ones; a schema that comes late is waited for, one that never comes not
    for ever.
    """
    messages = workload.messages(50)
    fields = [*SCHEMA.definition["fields"], {"name": "later", "type": "string", "default": ""}]
    later = records.parse(json.dumps({**SCHEMA.definition, "fields": fields}))
    run_id, event, _ = workload.events_of(77, random.Random(77))
    event["run"]["state"] = "COMPLETE"
    early = (run_id, b"\xc3\x01" + later.fingerprint_bytes + plain.encode(later, {**event, "later": "x"}))
    bad = {why: value for why, value in GARBAGE.items() if why != reasons.TOO_LARGE}
    mixed = list(messages)
    for place, value in enumerate(bad.values()):
        mixed.insert(place * 7, (b"garbage", value))
    start("worker")
    clients.produce(kafka.bootstrap, f"{prefix}lineage.runs", [*mixed[:20], early, *mixed[20:]])
    time.sleep(1)
    clients.produce(kafka.bootstrap, f"{prefix}lineage.schemas", [(later.fingerprint_bytes, later.text.encode())])
    wait_for_edges(kafka, prefix, [*messages, (run_id, plain.message(SCHEMA, event))])
    wait_until(lambda: len(dead_letters(kafka, prefix)) >= len(bad), 20, "the dead letters")
    letters = dead_letters(kafka, prefix)
    assert sorted(letter["reason"] for letter in letters) == sorted(bad)
    assert {letter["body"] for letter in letters} == set(bad.values())
    assert GOOD not in {letter["body"] for letter in letters}


def dead_letters(kafka: Kafka, prefix: str) -> list[dict[str, Any]]:
    """All dead letters on the topic."""
    schema = records.current("dead_letter")
    there = clients.read_all(kafka.bootstrap, f"{prefix}lineage.dead-letters")
    return [plain.decode(schema, record.value[10:]) for record in there if record.value]


def run_worker(step: str, bootstrap: str, prefix: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.consumers.streams.worker", step, bootstrap, prefix]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_fault_ends_the_process(kafka: Kafka, prefix: str, start: Start) -> None:
    """What cannot be recovered from ends it with an exit code that is not 0, its last line says why, and the offset
    stays.
    """
    clients.produce(kafka.bootstrap, f"{prefix}lineage.runs", workload.messages(2))
    worker = run_worker("failing", kafka.bootstrap, prefix)
    _, error = worker.communicate(timeout=60)
    assert worker.returncode == 6
    assert "ZeroDivisionError" in error.splitlines()[-1]
    assert not list(Path.cwd().glob(f"{prefix}*")), "a worker leaves nothing in its working directory"


def test_without_a_broker_it_says_so_once_and_goes_on_asking(prefix: str) -> None:
    """One clear line, no traceback; SIGTERM ends it cleanly."""
    port = free_port()
    worker = run_worker("stitching", f"127.0.0.1:{port}", prefix)
    time.sleep(7)
    worker.send_signal(signal.SIGTERM)
    _, error = worker.communicate(timeout=20)
    assert worker.returncode == 0
    [line] = error.splitlines()
    assert f"broker 127.0.0.1:{port} does not answer; trying again every 1 s" in line
