"""The gateway as a part of the stack: it listens when its start is said to be over, or says why it does not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.embedded.gateway import start_gateway
from headwater.embedded.home import Home, open_home
from headwater.embedded.processes import Guardian, free_port, taken
from headwater.errors import Unavailable

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    found = Guardian()
    yield found
    found.close()


def environment(brokers: str) -> dict[str, str]:
    return {**os.environ, "HEADWATER_BROKERS": brokers}


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5])
def test_it_listens_when_it_is_started(home: Home, guardian: Guardian, seconds: float) -> None:
    """Without a broker too: what comes goes to the disk. However early it is asked to stop, it stops."""
    port = free_port()
    child = start_gateway(home, guardian, environment(f"127.0.0.1:{free_port()}"), port)
    try:
        assert child.running
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            time.sleep(seconds)
    finally:
        assert child.stop(20)
    assert not taken(port)


def test_one_that_cannot_start_says_why(home: Home, guardian: Guardian) -> None:
    """A file without keys, where each client would be answered with 401 and give up."""
    with pytest.raises(Unavailable, match=r"gateway ended at start: .*no-such-keys holds no key"):
        start_gateway(
            home,
            guardian,
            {**environment("127.0.0.1:1"), "HEADWATER_GATEWAY_KEYS": str(home.path / "no-such-keys")},
            free_port(),
        )
