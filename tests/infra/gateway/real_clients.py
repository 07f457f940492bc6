"""What tests of real clients stand on: a gateway with a key, workers behind it, and the graph that came out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headwater.gateway import keys
from headwater.schemas import plain, records
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.cache import NoTools, jar
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
        return {(fact[2][1], fact[3][1]) for fact in self._facts("edge") if fact[2] and fact[3]}

    def columns(self) -> set[tuple[str, str, str, str | None, str]]:
        """Of all column edges that stand: source, its column, target, its column (None: all), what was done."""
        found: set[tuple[str, str, str, str | None, str]] = set()
        for fact in self._facts("column"):
            said = dict(zip(reference.COLUMN_FIELDS, fact[4], strict=True))
            kind = "/".join(said[name] for name in ("transformation", "subtype") if said[name])
            found.add((fact[2][1], said["column"], fact[3][1], said["target_column"], kind))
        return found

    def runs(self) -> list[dict[str, Any]]:
        """All run events, in the order in which they came."""
        return self.records(RUNS.name, "run_event")

    def _facts(self, kind: str) -> list[Any]:
        sets = self.records(EDGES.name, "edge_set")
        return [fact for fact in reference.standing(reference.said(sets)) if fact[0] == kind]


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


def artifact(name: str) -> Path:
    """A jar, as `cache.jar` has it; skips the test where it cannot be had."""
    try:
        return jar(name)
    except NoTools as reason:
        pytest.skip(str(reason))


def last_parts(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Edges by the last parts of the names of files."""
    return {(source.rpartition("/")[2], target.rpartition("/")[2]) for source, target in edges}


def parents(run_events: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Names of job, parent and root of all runs that have a parent. Each is named by the id of its own events."""
    ids = {one["run"]["run_id"]: one["job"]["name"] for one in run_events}
    found: set[tuple[str, str, str]] = set()
    for one in run_events:
        parent, root = one["run"]["parent"], one["run"]["root"]
        for named in (parent, root):
            assert named is None or ids[named["run_id"]] == named["job_name"]
        if parent:
            found.add((one["job"]["name"], parent["job_name"], root["job_name"]))
    return found
