"""`headwater run`: the command behaves as without it, and its run is told."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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
def test_the_commands_code_is_told(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """The commit of the script that runs, not the wrapper's; whether it was changed, at the latest at the end."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    tree.mkdir()
    elsewhere.mkdir()
    script = tree / "dump.sh"
    script.write_text("cat > copy\n")
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", tree, *arguments], env={**os.environ, **who}, check=True)
    commit = subprocess.run(["git", "-C", tree, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    script.write_text("cat > copy  # as it came\n")
    done = subprocess.run(
        [HEADWATER, "run", "--job", "dump", "--", "sh", script],
        env={
            **os.environ,
            "HEADWATER_BROKERS": kafka.bootstrap,
            "HEADWATER_PREFIX": prefix,
            "HEADWATER_EXIT_SECONDS": "20",
        },
        cwd=elsewhere,
        input=b"through stdin\0\xff",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (elsewhere / "copy").read_bytes() == b"through stdin\0\xff"
    found = read_all(kafka, prefix, {"lineage.runs": 2})["lineage.runs"]
    schema = records.current("run_event")
    codes = [plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :])["job"]["code"] for message in found]
    assert [(code["commit"], code["entrypoint"], code["language"]) for code in codes] == [
        (commit.strip(), "dump.sh", None)
    ] * 2
    assert codes[1]["dirty"] is True
    assert codes[0]["digest"] == "sha256:" + hashlib.sha256(script.read_bytes()).hexdigest()


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


SHOWING = """
import signal, sys, time
def show(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(7)
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"):
    signal.signal(getattr(signal, name), show)
print("ready", flush=True)
while True:
    time.sleep(0.05)  # a signal just before pause() would wait for the next one
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def started(*command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [HEADWATER, "run", "--job", "j", "--", *command],
        env={**os.environ, "HEADWATER_EXIT_SECONDS": "0.2", "HEADWATER_BROKERS": "127.0.0.1:9"},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.integration
@posix
def test_signals_reach_the_command() -> None:
    """SIGTERM to the wrapper ends the command, and the exit code is that of a shell."""
    process = started(sys.executable, "-c", SLEEPER)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM


@pytest.mark.integration
@posix
def test_the_command_does_with_signals_what_it_will() -> None:
    """Each of them reaches it, once; how it ends, and with what exit code, is its own."""
    sent = (signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    # Also where the tests run with some of them ignored, as under nohup or behind a shell's &.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in sent}
    try:
        process = started(sys.executable, "-c", SHOWING)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == "ready\n"
        for number in sent:
            process.send_signal(number)
            assert output.readline() == number.name + "\n"
        assert output.read() == ""
    assert process.wait(30) == 7


@pytest.mark.integration
@posix
def test_what_the_wrapper_was_told_to_ignore_the_command_ignores_too() -> None:
    """As under nohup."""
    ignoring = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = started(sys.executable, "-c", ignoring)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.communicate(timeout=30)[0] == "True\n"


COUNTING = """
import signal, time
count = 0
def show(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, show)
print("ready", flush=True)
deadline = time.monotonic() + 1.5
while time.monotonic() < deadline:
    time.sleep(0.05)
print("times", count, flush=True)
"""
AT_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
while b"times" not in said or not said.endswith(b"\\n"):
    if b"ready" in said and b"^C" not in said:
        os.write(terminal, b"\\x03")
        said += b"^C"
    said += os.read(terminal, 1000)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert b"times 1" in said, said
"""


@pytest.mark.integration
@posix
def test_ctrl_c_reaches_the_command_once() -> None:
    """A terminal sends it to the wrapper and the command alike: the wrapper does not send it a second time."""
    # The terminal is another process's: forking one with threads is deprecated.
    command = [str(HEADWATER), "run", "--job", "j", "--", sys.executable, "-c", COUNTING]
    done = subprocess.run(
        [sys.executable, "-c", AT_A_TERMINAL, *command],
        env={**os.environ, "HEADWATER_EXIT_SECONDS": "0.2", "HEADWATER_BROKERS": "127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
