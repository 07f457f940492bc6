"""`headwater run`: the command behaves as without it, and its run is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.schemas import framing, plain, records
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.producers.test_kafka import TOPICS, read_all

HEADWATER = Path(sys.executable).with_name("headwater")


def wrapped(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEADWATER, "run", *arguments],
        env={**os.environ, "HEADWATER_EXIT_SECONDS": "0.2", "HEADWATER_BROKERS": "127.0.0.1:9", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SLEEPER = "import time; print(1, flush=True); time.sleep(60)"
CHILD = """
import os, sys
from headwater.producer import Producer
with Producer() as producer, producer.run(producer.job("tests", "child")):
    print("inside")
sys.exit(3)
"""


@pytest.mark.integration
def test_a_command_and_its_children_are_told(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Exit code, time, inputs and outputs; what the command tells by itself is a child of that run."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    done = wrapped(
        "--job", "nightly", "--input", "pg#raw@7", "--output", str(tmp_path / "out"), "--parameter", "day=1",
        "--", sys.executable, str(script),
        HEADWATER_BROKERS=kafka.bootstrap, HEADWATER_PREFIX=prefix, HEADWATER_EXIT_SECONDS="20",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "inside\n"), done.stderr
    found = read_all(kafka, prefix, {"lineage.runs": 4})["lineage.runs"]
    schema = records.current("run_event")
    events = [plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :]) for message in found]
    ends = {e["job"]["name"]: e for e in events if e["run"]["state"] in {"FAIL", "COMPLETE"}}
    start = next(e for e in events if e["job"]["name"] == "nightly" and e["run"]["state"] == "START")
    assert [(d["namespace"], d["name"], d["version"]) for d in start["inputs"]] == [("pg", "raw", "7")]
    assert [(d["namespace"], d["kind"]) for d in start["outputs"]] == [("file", "file")]
    assert start["parameters"] == {"day": '"1"'}
    assert ends["nightly"]["error"]["message"] == "exit code 3"
    assert ends["nightly"]["run"]["facets"] == {"command": '{"exit_code":3}'}
    assert ends["nightly"]["resources"]["wall_time"] > 0
    assert ends["child"]["run"]["parent"]["run_id"] == start["run"]["run_id"]
    assert ends["child"]["run"]["parent"]["job_name"] == "nightly"


@pytest.mark.integration
def test_without_a_broker_the_command_runs_all_the_same() -> None:
    """Its output and exit code are its own; the wrapper waits no longer than its deadline for the broker."""
    start = time.monotonic()
    done = wrapped("--job", "j", "--", sys.executable, "-c", "print('here')")
    assert (done.returncode, done.stdout) == (0, "here\n")
    assert time.monotonic() - start < 10


@pytest.mark.integration
@pytest.mark.parametrize(("command", "code"), [(("no-such-command",), 127), ((), 2), (("/",), 126)])
def test_what_cannot_be_started(command: tuple[str, ...], code: int) -> None:
    """One line, and the exit code of a shell; no command at all is a wrong call."""
    done = wrapped("--job", "j", "--", *command)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_signals_reach_the_command() -> None:
    """SIGTERM to the wrapper ends the command, and the exit code is that of a shell."""
    process = subprocess.Popen(
        [
            HEADWATER,
            "run",
            "--job",
            "j",
            "--",
            sys.executable,
            "-c",
            SLEEPER,
        ],
        env={**os.environ, "HEADWATER_EXIT_SECONDS": "0.2", "HEADWATER_BROKERS": "127.0.0.1:9"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
