"""Which file runs when: the one that computes beside those that wait, the longest first, every test once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.remote import Producer

from tests.scheduling import LONGEST, Scheduling
from tests.snippets import ROOT

TESTS = {
    "computes_little.py": 3,
    "waits_little.py": 5,
    "waits_long.py": 1,
    "computes_long.py": 9,
    "waits_longest.py": 2,
}


class Process:
    """A process of xdist's as the scheduler knows it: what it was given, in order."""

    def __init__(self, number: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def begun(folder: Path, monkeypatch: pytest.MonkeyPatch, processes: int) -> tuple[Any, list[Process], list[str]]:
    """A scheduler that gave out its first files, its processes, and all tests."""
    longest = {"waits_longest.py": 60, "waits_long.py": 50, "computes_long.py": 20}
    monkeypatch.setattr("tests.scheduling.LONGEST", longest)
    for name in TESTS:
        (folder / name).write_text("pytestmark = pytest.mark.integration\n" if name.startswith("waits") else "")
    options = SimpleNamespace(loadscopereorder=True)
    values = {"tx": ["popen"] * processes}
    scheduler: Any = Scheduling(SimpleNamespace(getvalue=values.get, option=options, rootpath=folder))
    tests = [f"{name}::test_{number}" for name, count in TESTS.items() for number in range(count)]
    nodes = [Process(number) for number in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
    for node in nodes:
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    return scheduler, nodes, tests


def files(node: Process, tests: list[str]) -> list[str]:
    """The files that a process was given, in order."""
    return list(dict.fromkeys(tests[number].partition("::")[0] for number in node.given))


def test_one_process_computes_while_the_others_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins with the longest of its kind, however many tests that has; then each helps with what is left."""
    scheduler, nodes, tests = begun(tmp_path, monkeypatch, 2)
    # A process of xdist's begins a test only when it knows the next, so a file of few tests comes with one more.
    assert [files(node, tests) for node in nodes] == [["computes_long.py"], ["waits_longest.py", "waits_long.py"]]
    done = [0, 0]
    while any(done[number] < len(node.given) for number, node in enumerate(nodes)):
        for number, node in enumerate(nodes):
            if done[number] < len(node.given):
                scheduler.mark_test_complete(node, node.given[done[number]])
                done[number] += 1
    assert scheduler.tests_finished
    assert all(node.shutting_down for node in nodes)
    assert sorted(nodes[0].given + nodes[1].given) == list(range(len(tests)))
    # The first had more to do in its one file than the other in all that wait.
    waited = ["waits_longest.py", "waits_long.py", "waits_little.py"]
    assert [files(node, tests) for node in nodes] == [["computes_long.py"], [*waited, "computes_little.py"]]


def test_a_single_process_begins_with_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nobody beside whom it could compute; the order is that of the table."""
    _, (node,), tests = begun(tmp_path, monkeypatch, 1)
    assert files(node, tests) == ["waits_longest.py", "waits_long.py"]


def test_a_session_side_by_side_takes_it(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """xdist asks for a scheduler as here; what is not given out by files it gives out itself."""
    monkeypatch.setattr(pytestconfig.option, "tx", ["popen"])
    for way, kind in (("loadfile", Scheduling), ("load", None)):
        monkeypatch.setattr(pytestconfig.option, "dist", way)
        made = pytestconfig.hook.pytest_xdist_make_scheduler(config=pytestconfig, log=Producer("test"))
        assert made is None if kind is None else isinstance(made, kind)


def test_the_table_names_files_that_are_there() -> None:
    """A file that was renamed would come late again."""
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []
