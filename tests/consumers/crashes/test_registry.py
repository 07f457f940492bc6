"""The Schema Registry is away, answers HTTP 500, is killed, and comes back, around stitching workers that use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.schemas import framing
from headwater.schemas.registry import Registry
from headwater.schemas.topics import RUNS
from tests.backends import clients, kinds
from tests.backends.processes import wait_until
from tests.consumers.crashes.line import Line, Message
from tests.consumers.crashes.registry import KillableRegistry

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

MakeLine = Callable[..., Line]


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[KillableRegistry]:
    """Not started yet."""
    made = KillableRegistry(tmp_path / "registry")
    yield made
    made.kill()


def registered(line: Line, runs: int, *, open_runs: bool = False) -> list[Message]:
    """Send events of a schema that only the registry knows; the last events of `open_runs` are returned."""
    schema = line.later_schema()
    with Registry(line.settings.registry_url) as client:
        given = client.register(RUNS, schema, line.settings)
    return line.send_as(schema, framing.confluent_header(given), runs, open_runs=open_runs)


def test_away_then_failing_then_back(make_line: MakeLine, killable: KillableRegistry) -> None:
    """A worker that starts says what is wrong, each time it is something else, and waits; then its messages carry the
    registry's ids.
    """
    line = make_line(registry_url=killable.url)
    worker = line.worker()
    line.feed(20)
    wait_until(lambda: worker.says("does not answer"), 30, "that it is away")
    killable.fail(failing=True)
    killable.start()
    wait_until(lambda: worker.says("HTTP 500"), 30, "that it fails")
    assert not worker.ended
    assert line.lag() == len(line.messages())
    killable.fail(failing=False)
    line.settle()
    line.compare()
    there = clients.read_all(line.settings.brokers, line.topic("edges"))
    assert {framing.read_header(one.value).registry_id is not None for one in there} == {True}


def test_killed_while_a_schema_is_awaited(make_line: MakeLine, killable: KillableRegistry) -> None:
    """Failing, then killed: the partition waits for longer than for a schema that nobody knows, nothing becomes a
    dead letter, and it goes on once the registry is back.
    """
    killable.start()
    line = make_line(registry_url=killable.url)
    worker = line.worker()
    line.ready(worker)
    registered(line, 5)
    line.settle()
    schema = line.later_schema()
    with Registry(killable.url) as client:
        header = framing.confluent_header(client.register(RUNS, schema, line.settings))
    killable.fail(failing=True)
    line.send_as(schema, header, 5)
    line.feed(10)
    wait_until(lambda: worker.says("HTTP 500"), 30, "that it fails")
    killable.kill()
    wait_until(lambda: worker.says("does not answer"), 30, "that it is away")
    time.sleep(6)
    assert line.lag() > 0
    killable.fail(failing=False)
    killable.start()
    line.settle()
    assert line.letters() == []
    line.compare()


@pytest.mark.prove
def test_killed_when_kept_runs_are_wanted(make_line: MakeLine, killable: KillableRegistry) -> None:
    """Runs kept in a schema that only the registry knows, a new worker, and no registry: what ends these runs waits
    until it is back.
    """
    killable.start()
    line = make_line(registry_url=killable.url, stitching_young_seconds=0.0)
    first = line.worker()
    ends = registered(line, 20, open_runs=True)
    line.settle()
    for _ in range(3):
        line.feed(10)
        line.settle()
        time.sleep(1.2)
    first.kill()
    worker = line.worker()
    line.ready(worker)
    killable.kill()
    line.send(ends)
    wait_until(lambda: worker.says("the schema of a kept message is not known yet"), 30, "the worker's waiting")
    assert line.lag() > 0
    killable.start()
    line.settle()
    assert not worker.ended
    line.compare()


@pytest.mark.prove
def test_a_real_registry_stops_and_starts(make_line: MakeLine, registry: kinds.Registry) -> None:
    """Apicurio, which forgets all when it stops, under a worker at work: it needs it no more for what it knows, and
    waits for what it does not know.
    """
    line = make_line(registry_url=registry.url)
    worker = line.worker()
    line.ready(worker)
    registered(line, 10)
    line.settle()
    registry.stop()
    line.feed(20)
    line.settle()
    # An id far behind what it gives out: nobody has it, and nobody can be asked.
    line.send([(line.chance.randbytes(16), framing.confluent_header(999_999) + bytes(20))])
    wait_until(lambda: worker.says("waits for registry id 999999"), 30, "the worker's waiting")
    time.sleep(6)
    assert line.lag() == 1
    registry.start()
    line.settle()
    assert [letter["reason"] for letter in line.letters()] == ["unknown_schema"]
