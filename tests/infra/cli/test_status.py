"""`headwater status`: of a stack that runs, of its workers, and of one that does not; the prompt of `headwater sql`."""

from __future__ import annotations

import io
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import main
from headwater.cli.prompt import prompt
from headwater.embedded.stack import Stack
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.processes import wait_until
from tests.benchmarks import workload

pytestmark = pytest.mark.integration


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack with two workers."""
    home = tmp_path / "home"
    with Stack(home, settings=Settings(partitions=2), workers=["stitching", "archive"]) as up:
        yield up


def told(capsys: pytest.CaptureFixture[str], home: Path) -> tuple[int, dict[str, Any]]:
    code = main(["status", "--home", str(home), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told with the command that starts it; the exit code is 1."""
    assert main(["status", "--home", str(tmp_path / "home")]) == 1
    assert "nothing runs; `headwater up` starts it" in capsys.readouterr().out
    code, found = told(capsys, tmp_path / "home")
    assert (code, found["running"], found["parts"]) == (1, False, [])


def test_status_tells_the_parts_and_what_the_workers_do(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Processes, addresses, lag, and from each worker's own metrics what it has done; a dead one is told."""
    home = tmp_path / "home"

    def parts() -> dict[str, Any]:
        return {part["name"]: part for part in told(capsys, home)[1]["parts"]}

    def ready(name: str) -> bool:
        health = parts()[name]["health"]
        return health is not None and health["ok"]

    wait_until(lambda: ready("stitching") and ready("archive"), 60, "readiness of the workers")
    messages = [*workload.messages(20), (b"key", b"garbage")]
    clients.produce(stack.bootstrap, RUNS.name, messages)
    assert stack.wait_until_archived(60)

    def step(name: str) -> dict[str, Any]:
        [one] = parts()[name]["health"]["steps"]
        return dict(one)

    wait_until(lambda: step("stitching")["messages"] == len(messages), 30, "the figures")
    wait_until(lambda: step("archive")["messages"] > len(messages), 30, "the figures")
    assert step("stitching")["dead_letters"] == step("archive")["dead_letters"] == 1
    code, found = told(capsys, home)
    assert (code, found["running"], found["pid"]) == (0, True, os.getpid())
    assert found["brokers"] == stack.bootstrap
    assert set(found["behind"].values()) == {0}
    assert main(["status", "--home", str(home)]) == 0
    text = capsys.readouterr().out
    assert f"stitching: {len(messages)} messages since its start" in text
    assert "1 dead letters since its start" in text
    assert "nothing waits" in text
    with urllib.request.urlopen(parts()["archive"]["metrics_url"], timeout=5) as answer:
        assert b'headwater_messages_total{step="archive"' in answer.read()
    before = parts()["stitching"]["pid"]
    stack.child("stitching").kill()
    wait_until(lambda: parts()["stitching"]["pid"] not in (before, None) and ready("stitching"), 60, "its restart")
    assert parts()["stitching"]["restarts"] == 1


def test_the_prompt_reads_statements_over_lines(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A statement ends with ;, \\d lists, an error ends nothing, Ctrl-C drops what was typed, lines are remembered."""
    from headwater.audit import connect

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    typed: list[str | type[BaseException]] = [
        "SELECT",
        "1 + 1 AS two;",
        "",
        "SELECT 'dropped'",
        KeyboardInterrupt,
        "SELECT no_such_column FROM runs;",
        "\\d",
        "\\d runs",
        "SELECT 'shape' AS word FORMAT Vertical;",
        "SELECT 'last' AS word;",
        "\\q",
        "SELECT 'never';",
    ]
    asked: list[str] = []

    def answers(question: str) -> str:
        asked.append(question)
        line = typed.pop(0)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", answers)
    client = connect(stack.settings)
    prompt(client, "table", "headwater")
    shown = capsys.readouterr().out
    assert "two" in shown
    assert "the store refuses it" in shown
    assert "no_such_column" in shown
    assert "dataset_versions" in shown
    assert "job_name" in shown
    assert "word: shape" in shown
    assert "last" in shown
    assert "dropped" not in shown
    assert "never" not in shown
    assert typed == ["SELECT 'never';"]
    assert asked[:2] == ["headwater> ", "… "]
    assert asked[5] == "headwater> "
    assert (tmp_path / "state" / "headwater" / "sql_history").exists()

    def ends(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ends)
    prompt(client, "json", "headwater")
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS seven"))
    monkeypatch.setenv("HEADWATER_STORE_URL", stack.store_url)
    capsys.readouterr()
    assert main(["sql", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"seven": 7}]
    client.close()
