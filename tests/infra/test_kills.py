"""Processes of the embedded stack killed in the middle of events, and started again by the stack.

The graph in the history is then the one that tests/consumers/stitching/reference.py computes from the events.
"""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.embedded.stack import Stack
from headwater.schemas import plain, records
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.processes import wait_until
from tests.benchmarks import workload
from tests.consumers.crashes import history

pytestmark = pytest.mark.integration


def _said(messages: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    schema = records.current("run_event")
    return [plain.decode(schema, message[SINGLE_OBJECT_HEADER:]) for _, message in messages]


def _kill_in_turn(stack: Stack, names: list[str], pause: float, ended: threading.Event) -> list[tuple[str, int]]:
    """SIGKILL one after another; returns each with the pid that it had. Waits until each runs again."""
    killed: list[tuple[str, int]] = []
    for name in names:
        ended.wait(pause)
        child = stack.child(name)
        assert child.pid is not None
        killed.append((name, child.pid))
        child.kill()
        wait_until(partial(_runs_anew, stack, name, child.pid), 60, f"{name} starting again")
    return killed


def _runs_anew(stack: Stack, name: str, pid: int) -> bool:
    child = stack.child(name)
    return child.running and child.pid not in {None, pid}


def _through(home: Path, runs: int, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    messages = workload.messages(runs, seed=seed)
    events = _said(messages)
    with Stack(home, settings=Settings(partitions=4)) as stack:
        topic = f"{stack.settings.prefix}lineage.runs"
        ended = threading.Event()

        def send() -> None:
            slices = 8 * rounds
            for number in range(slices):
                clients.produce(stack.bootstrap, topic, messages[number::slices])
                time.sleep(1.0)
            ended.set()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        names = [name for _ in range(rounds) for name in chance.sample(["stitching", "archive", "store"], 3)]
        killed = _kill_in_turn(stack, names, 1.0, ended)
        sender.join(120)
        assert ended.is_set()
        assert len(killed) == 3 * rounds
        assert stack.wait_until_archived(120)
        history.compare(stack.settings, events)


def test_killed_workers_and_store_change_nothing(tmp_path: Path, seed: int) -> None:
    """Stitching, archive and store are killed while events come: the edges are the reference's, once each."""
    _through(tmp_path / "home", runs=400, rounds=1, seed=seed)


@pytest.mark.prove
def test_many_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    """The same with more events and every part killed several times."""
    _through(tmp_path / "home", runs=5000, rounds=8, seed=seed)


def test_a_killed_broker_is_named(tmp_path: Path) -> None:
    """The broker is memory: when it is killed, the stack says at once which life ended, and the next start is new."""
    lines: list[str] = []
    with Stack(tmp_path / "home", settings=Settings(partitions=2), workers=("archive",), tell=lines.append) as stack:
        before = stack.generation
        stack.child("broker").kill()
        wait_until(lambda: stack.generation != before, 30, "a new life of the broker")
        wait_until(lambda: any("gap" in line for line in lines), 30, "the gap being told")
        assert before in next(line for line in lines if "gap" in line)
