"""`headwater up` as a person runs it: killed whole, started again, ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import clients
from tests.backends.processes import wait_until
from tests.snippets import run, snippet

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

Up = subprocess.Popen[bytes]


@pytest.fixture
def started() -> Iterator[list[Up]]:
    running: list[Up] = []
    yield running
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def up(home: Path, log: Path, started: list[Up]) -> Up:
    """Start it and wait for its last line."""
    words = ["-m", "headwater.cli", "up", "--home", str(home), "--port", "0", "--store-port", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *words], stdout=out, stderr=subprocess.STDOUT)
    started.append(process)
    wait_until(lambda: "Ctrl-C stops" in log.read_text(), 90, "headwater up")
    return process


@pytest.mark.prove
def test_a_killed_stack_names_its_gap_and_ctrl_c_keeps_the_history(tmp_path: Path, started: list[Up]) -> None:
    """SIGKILL of the supervisor ends the broker with it; the next start says which life was lost. Ctrl-C ends with 0,
    and the event that was sent before it is in the history at the start after.
    """
    home, log = tmp_path / "home", tmp_path / "log"
    first = up(home, log, started)
    (gateway,) = re.findall(r"^gateway  (\S+)", log.read_text(), re.MULTILINE)
    with urllib.request.urlopen(f"{gateway}/live", timeout=10) as answer_at_once:
        assert answer_at_once.status == 200, "an address that is told is open"
    brokers = re.findall(r"^brokers  (\S+)", log.read_text(), re.MULTILINE)[0]
    first.kill()
    first.wait()
    wait_until(lambda: not clients.broker_answers(brokers), 30, "the broker to end with its supervisor")

    second = up(home, log, started)
    assert "gap: broker life headwater-" in log.read_text()
    assert "the stack was killed" in log.read_text()
    brokers = re.findall(r"^brokers  (\S+)", log.read_text(), re.MULTILINE)[0]
    run(snippet("README.md", "embed"), {"HEADWATER_BROKERS": brokers}, tmp_path)
    second.send_signal(signal.SIGINT)
    assert second.wait(90) == 0
    assert "stopped; the history is kept" in log.read_text()

    question = [sys.executable, "-m", "headwater.cli", "sql", "SELECT target_name FROM edges", "--json"]
    answer = subprocess.run(
        [*question, "--home", str(home)], env=dict(os.environ), capture_output=True, text=True, timeout=90, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "daily_revenue" in json.dumps(json.loads(answer.stdout))
