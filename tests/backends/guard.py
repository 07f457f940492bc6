"""A test that is not marked `integration` opens no socket and starts no Kafka client."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

_ADVICE = "opens sockets: mark it @pytest.mark.integration (or hand it an in-memory part)"
_NETWORK = (socket.AF_INET, socket.AF_INET6)


class OpensSockets(AssertionError):
    """Raised in the test, at the line that does it."""


def forbid_sockets(patch: pytest.MonkeyPatch) -> None:
    """Make Python's sockets raise OpensSockets when they connect, bind or send to an address."""

    def refusing(name: str) -> Any:
        genuine = getattr(socket.socket, name)

        def call(self: socket.socket, *arguments: Any) -> Any:
            if self.family in _NETWORK:
                raise OpensSockets(f"{name}{arguments}: this test {_ADVICE}")
            return genuine(self, *arguments)

        return call

    for name in ("connect", "connect_ex", "bind", "sendto"):
        patch.setattr(socket.socket, name, refusing(name), raising=True)


def kafka_threads() -> set[str]:
    """Ids of librdkafka's threads in this process (Linux; its sockets are out of Python's sight)."""
    if not sys.platform.startswith("linux"):
        return set()
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            name = (task / "comm").read_text()
        except OSError:  # the thread has ended since
            continue
        if name.startswith("rdk:"):
            found.add(task.name)
    return found


def refuse_kafka_threads(before: set[str]) -> None:
    """Fail where a Kafka client came up since `before`."""
    if kafka_threads() - before:
        pytest.fail(f"this test starts a Kafka client and {_ADVICE}")
