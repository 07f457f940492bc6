"""Producers, the archive and the store die around a stitching worker: see the crash matrix of consumers/README.md."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.backends.kinds import Kafka, Store
from tests.backends.processes import ServerProcess, until, wait_until
from tests.consumers.crashes import history
from tests.consumers.crashes.line import Line, Message
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.history.conftest import dropped, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

Lines = Callable[[int], list[Line]]
#: Where the worker is held while the archive or the store dies.
STEPS = ("sent in part", "confirmed", "committed", "state sent in part", "state taken back")


@pytest.fixture
def lines(kafka: Kafka, store: Store, nursery: Nursery, prefix: str, seed: int) -> Iterator[Lines]:
    """Makes lines with all topics and a history of their own, whose runs are young for no time."""
    made: list[Line] = []

    def make(count: int) -> list[Line]:
        for number in range(count):
            settings = replace(settings_of(store, f"{prefix}{number}."), brokers=kafka.bootstrap)
            made.append(Line(replace(settings, stitching_young_seconds=0.0), nursery, seed + number, whole=True))
        return made

    yield make
    for line in made:
        line.end()
        dropped(line.settings)


@pytest.mark.prove
def test_a_producer_is_killed_while_it_sends(lines: Lines, nursery: Nursery, tmp_path: Path) -> None:
    """A service is killed in the middle of its events: what reached the topic is stitched, runs without an end too."""
    [line] = lines(1)
    line.ready(line.worker())
    command = [sys.executable, "-m", "tests.consumers.crashes.emitting", line.settings.brokers, line.settings.prefix]
    service = ServerProcess("service", command, tmp_path / "service.log", ready=lambda: True)
    service.start()
    wait_until(lambda: len(line.messages()) > 300, 60, "events of the service", 0.2)
    service.kill()
    line.settle()
    events = line.events()
    assert {"START", "COMPLETE"} <= {event["run"]["state"] for event in events}
    line.compare()
    history.archive_and_compare(line, nursery, events)


def held(line: Line, point: str, nursery: Nursery) -> tuple[Worker, Worker, list[Message]]:
    """A worker held at a point, the archive at work, and events that are still to be sent."""
    archive = nursery.worker(line.settings, "archive")
    line.workers.append(archive)
    worker = line.worker(point, action="hold")
    line.ready(worker)
    starts, ends, last = line.thirds(40)
    line.send(starts)
    deadline = until(60)
    while not worker.reaches(point):
        assert time.monotonic() < deadline, f"a worker at: {point}"
        if point == "state taken back" and ends and line.has_state():
            line.send(ends)
            ends = []
        line.feed(5)
        time.sleep(0.3)
    # as many archives as there are lines each make a history of their own first
    wait_until(lambda: line.lag("archive", "runs") < len(line.messages()), 180, "the first rows", 0.2)
    return worker, archive, ends + last


def go_on(line: Line, worker: Worker, left: list[Message], nursery: Nursery) -> None:
    worker.go_on()
    line.feed(20)
    line.send(left)
    line.settle()
    line.compare()
    history.archive_and_compare(line, nursery, line.events())


def dies(who: str, lines: Sequence[Line], steps: Sequence[str], store: Store, nursery: Nursery) -> None:
    with ThreadPoolExecutor(len(steps)) as side_by_side:
        there = list(side_by_side.map(partial(held, nursery=nursery), lines, steps))
        if who == "store":
            store.kill()
            store.start()
        for _, archive, _ in there:
            assert not archive.ended
            if who == "archive":
                archive.kill()
        workers = [worker for worker, _, _ in there]
        left = [some for _, _, some in there]
        list(side_by_side.map(partial(go_on, nursery=nursery), lines, workers, left))
    assert not any(worker.ended for worker in workers)


def test_store_dies(lines: Lines, store: Store, nursery: Nursery) -> None:
    """SIGKILL while a worker is held at a step and its edge sets are archived; stitching does not notice, the archive
    waits, and the history has each edge once.
    """
    dies("store", lines(2), ("confirmed", "state taken back"), store, nursery)


@pytest.mark.prove
@pytest.mark.parametrize("who", ["archive", "store"])
def test_archive_or_store_dies_at_each_step(who: str, lines: Lines, store: Store, nursery: Nursery) -> None:
    """The same at each step that sends or commits; of the archive, the next one goes on."""
    dies(who, lines(len(STEPS)), STEPS, store, nursery)
