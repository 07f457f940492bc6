"""A rebuild beside running workers, on real brokers: nothing is lost, and SIGKILL leaves the old edges serving."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.audit import connect
from headwater.audit.store import Client
from headwater.migrations import migrate
from headwater.rebuild.work_tables import SERVING, Work
from headwater.schemas import plain, records
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka, Store
from tests.backends.processes import wait_until
from tests.benchmarks import workload
from tests.consumers.history.conftest import dropped, settings_of
from tests.consumers.stitching import reference
from tests.infra.workers import environment, working

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

SCHEMA = records.current("run_event")


@pytest.fixture
def settings(kafka: Kafka, store: Store, prefix: str) -> Iterator[Settings]:
    """Topics and a database of this test's own."""
    given = dataclasses.replace(settings_of(store, prefix), brokers=kafka.bootstrap, partitions=3)
    create(given)
    client = connect(given, database=False)
    migrate(client, given)
    client.close()
    yield given
    dropped(given)


def start(settings: Settings, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "headwater.cli", "rebuild", *words],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def graph(client: Client) -> set[tuple[object, ...]]:
    """Every edge that stands, with the event that made it known."""
    found = client.query(
        "SELECT source_name, source_version, target_name, target_version, run_id, known_by FROM edges"
    ).result_rows
    return {tuple(row) for row in found}


def wanted(messages: list[tuple[bytes, bytes]]) -> int:
    """How many edges the reference has."""
    facts = reference.current(plain.decode(SCHEMA, value[10:]) for _, value in messages)
    return sum(fact[0] == "edge" for fact in facts)


def rows(client: Client) -> dict[str, list[str]]:
    return {t: sorted(map(repr, client.query(f"SELECT * FROM {t} FINAL").result_rows)) for t in SERVING}


def archived(client: Client) -> int:
    return int(client.query("SELECT count() FROM run_events FINAL").result_rows[0][0])


def test_beside_the_stream_and_across_sigkill(settings: Settings, tmp_path: Path) -> None:
    """Killed in the middle, the old tables serve and a rerun finishes. What comes while it runs is there afterwards,
    and all tables say what the stream alone says.
    """
    first, second, third = (workload.messages(150, seed=seed) for seed in (1, 2, 3))
    with working(["stitching", "archive"], settings, tmp_path):
        client = connect(settings)
        topic = RUNS.full_name(settings)
        clients.produce(settings.brokers, topic, first)
        number = len({value for _, value in first})
        wait_until(lambda: archived(client) >= number, 60, "the first events")

        killed = start(settings)
        assert killed.stderr is not None
        assert any("events to derive" in line for line in killed.stderr)
        killed.kill()
        killed.communicate()
        work = Work(client, str(client.database))
        assert work.left() != []
        assert not work.exchanging
        before = graph(client)
        assert before

        clients.produce(settings.brokers, topic, second)
        running = start(settings, "--json")
        clients.produce(settings.brokers, topic, third)
        out, err = running.communicate(timeout=200)
        assert running.returncode == 0, err
        outcome = json.loads(out)
        assert "ended early" in err
        assert outcome["exchanged"]
        assert work.left() == []
        assert before <= graph(client)

        number = len({value for _, value in [*first, *second, *third]})
        wait_until(lambda: archived(client) >= number, 60, "all events")
        wait_until(lambda: len(graph(client)) >= wanted([*first, *second, *third]), 60, "all edges")
        assert len(graph(client)) == wanted([*first, *second, *third])
        # Nothing waits any more: a rebuild of it all finds nothing to change.
        check = start(settings, "--dry-run", "--json")
        out, err = check.communicate(timeout=200)
        assert check.returncode == 0, err
        outcome = json.loads(out)
        assert [(d["appear"], d["disappear"], d["renamed"]) for d in outcome["differences"]] == [(0, 0, 0)] * 3
        assert not outcome["exchanged"]
        assert outcome["events"] == archived(client)
        serving = rows(client)
        last = start(settings)
        out, err = last.communicate(timeout=200)
        assert last.returncode == 0, err
        assert "none differs" in out
        assert rows(client) == serving


def test_a_worker_that_does_not_catch_up_is_named(settings: Settings) -> None:
    """Where no stitching worker runs the rebuild ends with what to do, and changes nothing."""
    clients.produce(settings.brokers, RUNS.full_name(settings), workload.messages(5))
    refused = start(settings, "--wait", "1")
    _, err = refused.communicate(timeout=100)
    assert refused.returncode == 4
    assert "headwater-stitching is" in err
    assert "--offline" in err
    client = connect(settings)
    assert Work(client, str(client.database)).left() == []
    offline = start(settings, "--offline")
    assert offline.wait(100) == 0
    offline.communicate()
