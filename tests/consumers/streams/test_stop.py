"""SIGTERM in the middle of the work: what was begun is finished and committed, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from headwater.schemas import plain, records
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings
from headwater.streams.pipeline import DRAIN_SECONDS
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks import workload
from tests.consumers.stitching import reference
from tests.infra.workers import working

pytestmark = pytest.mark.integration

EVENT, EDGE_SET = records.current("run_event"), records.current("edge_set")


def test_sigterm_under_load_leaves_nothing_half_done(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Exit code 0; the next worker goes on where the first stopped: all edges, and no edge set sent again, unless the
    first one said that it had no time for all it had begun.
    """
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3)
    create(settings)
    messages = workload.messages(4000, doubled=0.0)
    topic = RUNS.full_name(settings)
    clients.produce(settings.brokers, topic, messages[: len(messages) // 2])

    def sets() -> list[dict[str, object]]:
        found = clients.read_all(settings.brokers, EDGES.full_name(settings))
        return [plain.decode(EDGE_SET, one.value[10:]) for one in found if one.value]

    with working(["stitching"], settings, tmp_path) as workers:
        wait_until(lambda: sets() != [], 60, "edges")
        clients.produce(settings.brokers, topic, messages[len(messages) // 2 :])
        assert workers["stitching"].stop(30) == 0
        hurried = f"within {DRAIN_SECONDS:g} s" in (tmp_path / "stitching.log").read_text("utf-8")
        workers["stitching"].start()
        wanted = reference.current(plain.decode(EVENT, value[10:]) for _, value in messages)
        wait_until(lambda: reference.standing(reference.said(sets())) == wanted, 90, "all edges", poll=1.0)
    times = Counter((one["run_id"], repr(one["edges"]), repr(one["events"])) for one in sets())
    assert hurried or max(times.values()) == 1
