"""Peers of benchmarks: environments made once, and a reason where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks import peers


def test_an_environment_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same requirements find the same Python, which finds its own environment; others get one of their own."""
    monkeypatch.setenv("HEADWATER_TEST_CACHE", str(tmp_path))
    asked: list[list[str]] = []
    run = peers.run_command

    def without_installing(command: list[str], seconds: float, environment: None = None) -> str:
        asked.append(command)
        if "pip" in command:
            return ""
        return run([*command[:-1], "--without-pip", command[-1]], seconds, environment)

    monkeypatch.setattr(peers, "run_command", without_installing)
    assert not peers.made_already("some", "b==2", "a==1")
    first = peers.peer_python("some", "b==2", "a==1")
    assert peers.made_already("some", "a==1", "b==2")
    assert asked[-1][-2:] == ["b==2", "a==1"]
    count = len(asked)
    assert peers.peer_python("some", "a==1", "b==2") == first
    assert len(asked) == count
    assert run([str(first), "-c", "import sys; print(sys.prefix)"], 60).strip() == str(first.parent.parent)
    assert peers.peer_python("some", "a==3") != first


def test_a_peer_that_fails_says_why() -> None:
    """The last line of what it said, for the table."""
    with pytest.raises(peers.NoPeer, match=r"not_there\.py ended with 2: .*No such file"):
        peers.run_peer(Path(sys.executable), "not_there.py")
