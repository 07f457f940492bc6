"""A test that is not marked `integration` opens no socket and starts no Kafka client."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import confluent_kafka
import confluent_kafka.admin
import pytest

_ADVICE = "opens sockets: mark it @pytest.mark.integration (or hand it an in-memory part)"
_PACKAGES = ("headwater", "tests", "confluent_kafka")
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


def forbid_kafka(patch: pytest.MonkeyPatch) -> None:
    """Make Kafka's clients raise OpensSockets, under every name by which our modules know them."""
    for genuine in (confluent_kafka.Producer, confluent_kafka.Consumer, confluent_kafka.admin.AdminClient):

        def refuse(self: object, *_arguments: object, _name: str = genuine.__name__, **_settings: object) -> None:
            raise OpensSockets(f"confluent_kafka.{_name}: this test {_ADVICE}")

        refusing = type(genuine.__name__, (genuine,), {"__init__": refuse})
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _PACKAGES:
                for attribute, value in list(vars(module).items()):
                    if value is genuine:
                        patch.setattr(module, attribute, refusing)


def kafka_threads() -> set[str]:
    """Ids of librdkafka's threads in this process (Linux): a client that came to be in another way."""
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
    """Fail where a Kafka client came up since `before`.

    Where clients of earlier tests were there already nothing can be said: each may start a thread for a broker.
    """
    if not before and kafka_threads():
        pytest.fail(f"this test starts a Kafka client and {_ADVICE}")
