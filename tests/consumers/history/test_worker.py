"""The archive worker as an operator runs it: each message once, across SIGKILL of the worker and of the store."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.audit import connect
from headwater.audit.store import Client
from headwater.errors import HeadwaterError
from headwater.schemas import plain, records
from headwater.schemas.topics import DEAD_LETTERS, PREDICTIONS, RUNS, SCHEMAS
from headwater.settings import Settings
from headwater.streams.sending import publish
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka, Store
from tests.backends.processes import wait_until
from tests.consumers.history.conftest import dropped, settings_of
from tests.consumers.history.messages import at, named, prediction, run_event
from tests.infra.workers import working

pytestmark = pytest.mark.integration

COUNT = 6000


@pytest.fixture
def settings(kafka: Kafka, store: Store, prefix: str) -> Iterator[Settings]:
    """A topic layout and a database of this test's own."""
    given = dataclasses.replace(settings_of(store, prefix), brokers=kafka.bootstrap, partitions=3)
    create(given)
    for record in ("run_event", "prediction"):
        schema = records.current(record)
        publish(given, SCHEMAS.name, [(schema.fingerprint_bytes, schema.text.encode())])
    yield given
    dropped(given)


def send(settings: Settings, first: int, count: int) -> None:
    """Runs and predictions, a twentieth of them twice, and one message that nobody can read."""
    draw = random.Random(first)
    runs = [
        (named(f"r {n}"), plain.message(records.current("run_event"), run_event(f"r {n}", "START", at(n))))
        for n in range(first, first + count)
    ]
    told = [
        (str(n).encode(), plain.message(records.current("prediction"), prediction(f"k {n}", at(n), "model", "1")))
        for n in range(first, first + count)
    ]
    for topic, messages in ((RUNS, runs), (PREDICTIONS, told)):
        again = draw.sample(messages, count // 20)
        clients.produce(settings.brokers, topic.full_name(settings), [*messages, *again])
    clients.produce(settings.brokers, RUNS.full_name(settings), [(b"key", b"text")])


def counted(client: Client, sql: str) -> int:
    try:
        return int(client.query(sql).result_rows[0][0])
    except Exception:
        return -1


def asking(settings: Settings) -> Client | None:
    try:
        return connect(settings)
    except HeadwaterError:
        return None


def test_killed_workers_and_stores_lose_and_double_nothing(settings: Settings, store: Store, tmp_path: Path) -> None:
    """The worker is killed while it inserts, then the store: every message is there, once, and bad ones are told."""
    runs, told = "SELECT count() FROM run_events", "SELECT count() FROM prediction_events"
    with working(["archive"], settings, tmp_path) as workers:
        send(settings, 0, COUNT // 2)
        wait_until(lambda: asking(settings) is not None, 60, "a history")
        client = connect(settings)
        wait_until(lambda: counted(client, runs) > 0, 60, "rows")
        workers["archive"].kill()
        send(settings, COUNT // 2, COUNT // 2)
        workers["archive"].start()
        wait_until(lambda: counted(client, f"{runs} FINAL") > COUNT // 2, 60, "rows of the second half")
        store.kill()
        time.sleep(1)
        store.start()
        wait_until(lambda: counted(client, f"{runs} FINAL") >= COUNT, 90, "all run events")
        wait_until(lambda: counted(client, f"{told} FINAL") >= COUNT, 90, "all predictions")
        letters_of_others = f"SELECT count() FROM dead_letters WHERE topic != '{DEAD_LETTERS.name}'"
        wait_until(lambda: counted(client, letters_of_others) >= 2, 60, "dead letters")
        assert counted(client, f"{runs} FINAL") == COUNT
        assert counted(client, f"{told} FINAL") == COUNT
        assert counted(client, "SELECT count() FROM runs") == COUNT
        letters = client.query("SELECT worker, reason, topic FROM dead_letters GROUP BY ALL").result_rows
        assert [tuple(row) for row in letters] == [("archive", "wrong_magic", settings.prefix + RUNS.name)]
        assert counted(client, letters_of_others) == 2
        client.close()
