"""The test house's own rules: what an unmarked test may not do, and what is left at the end."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

import confluent_kafka
import pytest

from tests.backends import clients
from tests.backends.guard import OpensSockets
from tests.backends.pool import combinations
from tests.backends.processes import DidNotStart, ServerProcess, children


def test_an_unmarked_test_opens_no_socket() -> None:
    """Connecting fails at once and says how the test must be marked."""
    with socket.socket() as attempt, pytest.raises(OpensSockets, match=r"pytest\.mark\.integration"):
        attempt.connect(("127.0.0.1", 9))


def test_a_socket_pair_is_no_network() -> None:
    """What asyncio uses to wake its loop stays allowed."""
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        assert right.recv(1) == b"x"


def test_an_unmarked_test_starts_no_kafka_client() -> None:
    """Kafka's clients are refused too, though their sockets are out of Python's sight."""
    with pytest.raises(OpensSockets, match=r"pytest\.mark\.integration"):
        confluent_kafka.Producer({"bootstrap.servers": "127.0.0.1:9"})
    with pytest.raises(OpensSockets, match="AdminClient"):
        clients.admin("127.0.0.1:9")


def test_each_test_runs_once_on_the_same_parts() -> None:
    """`local` has no store of its own, so a test of the store alone does not run there again."""
    assert combinations({"store"}) == ["embedded", "containers"]
    assert combinations({"kafka"}) == ["embedded", "local", "containers"]
    assert combinations({"kafka", "registry"}) == ["local", "containers"]
    assert combinations({"kafka", "store"}) == ["embedded", "local", "containers"]


def test_a_process_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    """The error of a failed start holds what the process wrote."""
    server = ServerProcess(
        "a server", [sys.executable, "-c", "raise SystemExit('no way')"], tmp_path / "log", ready=bool
    )
    with pytest.raises(DidNotStart, match="no way"):
        server.start()
    assert server not in children


def test_a_deaf_process_is_killed_in_the_end(tmp_path: Path) -> None:
    """`stop` returns by its deadline, also where SIGTERM is ignored."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    server = ServerProcess("a deaf server", [sys.executable, "-c", code], log, ready=lambda: "up" in log.read_text())
    server.start()
    assert server in children
    began = time.monotonic()
    assert server.stop(0.2) == -9
    assert time.monotonic() - began < 5
    assert server not in children
