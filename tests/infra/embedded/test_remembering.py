"""What detection knew before `headwater up` ended it knows at the next start, though the broker keeps nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from headwater.embedded.stack import Stack
from headwater.settings import PREFIX, Settings
from tests.backends import clients
from tests.backends.processes import wait_until
from tests.infra.embedded.remembered import DAYS, about, judged, live_after, live_before, live_unheard, rules, told

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

Up = subprocess.Popen[bytes]


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """Baselines, an accepted level, a suppression, a pinned reference and an acknowledged incident outlive a stop: what
    is usual tells nothing, a new drift is told once, held against profiles from before, the incident keeps its id,
    pages nobody again and ends by itself.
    """
    settings = Settings(partitions=2, rules=rules(tmp_path))
    with Stack(tmp_path / "home", settings=settings) as stack:
        acknowledged = live_before(stack.settings)
    with Stack(tmp_path / "home", settings=settings) as stack:
        live_after(stack.settings, acknowledged)


class UpAndDown:
    """`headwater up` as a process, which is killed."""

    def __init__(self, folder: Path) -> None:
        self._home, self._log = folder / "home", folder / "log"
        given = {"PARTITIONS": "2", "RULES": rules(folder)}
        self._environment = {**os.environ, **{PREFIX + name: value for name, value in given.items()}}
        self._process: Up | None = None

    def start(self) -> Settings:
        """Settings of a client of its."""
        words = ["-m", "headwater.cli", "up", "--home", str(self._home), "--port", "0", "--store-port", "0"]
        with self._log.open("wb") as out:
            command = [sys.executable, *words]
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=self._environment)
        wait_until(lambda: "Ctrl-C stops" in self._log.read_text(), 90, "headwater up")
        said = self._state()
        return Settings(brokers=said["bootstrap"], store_url=said["store_url"], partitions=2)

    def kill(self, settings: Settings) -> None:
        """SIGKILL; what it started ends with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        wait_until(lambda: not clients.broker_answers(settings.brokers), 30, "the broker's end")

    def pause_detection(self) -> None:
        """It stands still, and judges nothing."""
        os.kill(int(self._state()["parts"]["detection"]["pid"]), signal.SIGSTOP)

    def recalled(self) -> int:
        """Rows of the history that the last detection worker's checks were made from."""
        log = (self._home / "logs" / "detection.log").read_text()
        return int(re.findall(r"detection-checks: state from (\d+) rows", log)[-1])

    def _state(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads((self._home / "run" / "stack.json").read_text())
        return found

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[UpAndDown]:
    made = UpAndDown(tmp_path)
    yield made
    made.end()


@pytest.mark.prove
def test_a_killed_stack_forgets_nothing(up: UpAndDown) -> None:
    """The same after SIGKILL. Killed a second time with a drift archived that nobody had judged: it is told at the next
    start, once, and not again after a third kill.
    """
    settings = up.start()
    acknowledged = live_before(settings)
    wait_until(lambda: about(told(settings), "broken")[-1].state == "acknowledged", 60, "the acknowledgement", 0.2)
    up.kill(settings)

    settings = up.start()
    before = live_after(settings, acknowledged)
    up.pause_detection()
    live_unheard(settings)
    up.kill(settings)

    settings = up.start()
    wait_until(lambda: bool(told(settings)), 90, "what nobody had judged", 0.2)
    wait_until(lambda: "broken" in judged(settings, DAYS + 10), 60, "its verdict being archived", 0.2)
    [new] = told(settings)
    assert (new.dataset.name, new.page) == ("broken", True)
    assert new.incident_id not in {alert.incident_id for alert in before}
    up.kill(settings)

    settings = up.start()
    wait_until(lambda: up.recalled() > 300, 60, "the state being made again", 0.2)
    assert [alert.title for alert in told(settings) if alert.page] == []
