"""What tests of real clients stand on: a gateway with a key, workers behind it, and the graph that came out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headwater.gateway import keys
from headwater.schemas import plain, records
from headwater.schemas.topics import EDGES
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.benchmarks.peers import NoPeer, peer_python
from tests.consumers.stitching import reference
from tests.infra.gateway.conftest import Gateway, serving
from tests.infra.workers import working

TOPIC = "openlineage.events"


class Line(NamedTuple):
    """A gateway with its key, and the workers behind it."""

    gateway: Gateway
    settings: Settings
    key: str

    def records(self, topic: str, record: str) -> list[dict[str, Any]]:
        there = clients.read_all(self.settings.brokers, self.settings.prefix + topic)
        return [plain.decode(records.current(record), one.value[10:]) for one in there if one.value]

    def edges(self) -> set[tuple[str, str]]:
        """Names of source and target of all edges that stand and have both."""
        sets = self.records(EDGES.name, "edge_set")
        facts: list[Any] = [fact for fact in reference.standing(reference.said(sets)) if fact[0] == "edge"]
        return {(fact[2][1], fact[3][1]) for fact in facts if fact[2] and fact[3]}


@contextmanager
def line(
    kafka: Kafka, prefix: str, folder: Path, workers: Sequence[str] = ("openlineage", "stitching")
) -> Generator[Line]:
    """Run them while the block lasts."""
    file = folder / "keys"
    key = keys.add(file, "test")
    settings = Settings(
        brokers=kafka.bootstrap, prefix=prefix, partitions=2, openlineage_topics=TOPIC, gateway_keys=str(file)
    )
    settings = replace(settings, spool_dir=str(folder / "spool"))
    create(settings)
    with serving(settings, folder) as gateway, working(workers, settings, folder):
        gateway.wait_for_broker()
        yield Line(gateway, settings, key)


def environment(name: str, *requirements: str) -> Path:
    """The Python of a client's own environment; skips the test where it cannot be installed."""
    try:
        return peer_python(name, *requirements)
    except NoPeer as reason:
        pytest.skip(str(reason))
