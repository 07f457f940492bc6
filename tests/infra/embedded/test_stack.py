"""The whole stack: a killed part is started again, nothing is lost or doubled, the end drains."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from headwater.audit import connect
from headwater.embedded.gaps import gaps
from headwater.embedded.home import open_home
from headwater.embedded.stack import Stack
from headwater.errors import StateError
from headwater.producer import Producer
from headwater.settings import Settings
from headwater.topics import layout
from tests.backends import clients
from tests.backends.processes import until
from tests.consumers.openlineage.samples import AIRFLOW

pytestmark = pytest.mark.integration


def _emit(bootstrap: str, runs: int) -> None:
    with Producer(brokers=bootstrap) as producer:
        job = producer.job("shop", "clean")
        raw, clean = producer.dataset("db", "raw"), producer.dataset("db", "clean")
        for _ in range(runs):
            with producer.run(job, inputs=[raw], outputs=[clean]):
                pass


def test_a_client_that_is_quicker_than_the_stack_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had the broker make a topic with four partitions, as a service does that asks while the stack starts: another
    life is begun, which has them all as declared, and what the first one may have taken is told as a gap.
    """
    lives: list[str] = []

    def create(settings: Settings) -> list[str]:
        lives.append(settings.brokers)
        if len(lives) == 1:
            clients.create_topics(settings.brokers, {"lineage.runs": 4})
        return layout.create(settings)

    monkeypatch.setattr("headwater.embedded.stack.create", create)
    with Stack(tmp_path, workers=()) as stack:
        assert lives == [stack.bootstrap] * 2
        assert [one for one in layout.check(stack.settings) if one.fatal] == []
        [gap] = gaps(open_home(tmp_path))
        assert gap.generation != stack.generation


def test_killed_parts_lose_and_double_nothing_and_a_killed_broker_is_named(tmp_path: Path) -> None:
    """Store and archive killed amid events, then the broker: history whole, the gap told, the next start works. What
    comes on a topic of OpenLineage's is in the history with the rest.
    """
    lines: list[str] = []
    count = "SELECT count(), uniqExact(event_id) FROM run_events"
    settings = Settings(openlineage_topics="openlineage.events")
    with Stack(tmp_path, settings=settings, tell=lines.append) as stack:
        clients.produce(stack.bootstrap, "openlineage.events", [(b"run:airflow/etl", json.dumps(AIRFLOW).encode())])
        _emit(stack.bootstrap, 50)
        for part in ("store", "archive"):
            pid = stack.child(part).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        _emit(stack.bootstrap, 50)
        assert stack.wait_until_archived(90), stack.behind()
        assert connect(stack.settings).query(count).result_rows == [(201, 201)]
        with pytest.raises(StateError, match="runs already"):
            Stack(tmp_path).start()
        life = stack.generation
        pid = stack.child("broker").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        deadline = until(90)
        while stack.generation == life or not stack.child("broker").running:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert any(line.startswith(f"gap: broker life {life} ended") for line in lines)
    with Stack(tmp_path, workers=(), tell=lines.append) as again:
        assert connect(again.settings).query(count).result_rows == [(201, 201)]
