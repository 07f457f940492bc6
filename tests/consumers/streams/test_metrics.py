"""What a worker tells of itself: figures that add up, /metrics, /live and /ready."""

from __future__ import annotations

import dataclasses
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from confluent_kafka import admin as _admin
from hypothesis import given
from prometheus_client.parser import text_string_to_metric_families

from headwater.errors import StateError
from headwater.schemas import plain, reasons, records
from headwater.schemas.codec import Bodies
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.streams import Backpressure, Batch, Group, Retry, exposition
from headwater.streams.health import STUCK_SECONDS, Health, not_ready, stuck
from headwater.streams.metrics import METRICS, STEP_GAUGES, Kind, Tally, emit_times
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port, wait_until
from tests.benchmarks import workload
from tests.consumers.streams.test_reading import EVENT, GARBAGE
from tests.infra.workers import working

#: Untyped in parts.
admin: Any = _admin
README = Path(__file__).parents[3] / "consumers" / "README.md"
SCHEMA = records.current("run_event")
PLACE = (RUNS.name, 0)


class Clock:
    """Time that the test makes."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclasses.dataclass
class Over:
    """A round that ended."""

    ended: float
    emitted: list[Any]


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels, as Prometheus's own parser reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def of(found: Mapping[Any, float], name: str, **labels: str) -> float:
    return found[name, tuple(sorted({"step": "stitching", **labels}.items()))]


def batch(emitted: list[int], *, replaying: bool = False) -> Batch:
    """Run events emitted at these times."""
    values = [plain.message(SCHEMA, {**EVENT, "emit_time": moment}) for moment in emitted]
    count = len(values)
    rows = np.arange(count, dtype=np.int64)
    groups = [Group(SCHEMA, rows, Bodies.join(values, 10))] if count else []
    return Batch(RUNS.name, 0, [None] * count, rows, rows, groups, values, replaying)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_emit_times_are_those_that_were_sent(emitted: list[int]) -> None:
    """The first field of each body, whatever its length as a varint."""
    [times] = emit_times(batch(emitted))
    assert times.tolist() == emitted


def test_figures_add_up() -> None:
    """Counters count chunks, what is restored counts apart, histograms hold each event, lag is end minus commit."""
    clock = Clock()
    tally = Tally("stitching", clock)
    tally.rebalanced([PLACE], {PLACE: 5}, [PLACE])
    first = batch([1_000_000, 2_000_000])
    tally.processed(first, 3)
    tally.processed(batch([0], replaying=True), 0)
    tally.refused(RUNS.name, ["truncated", "truncated", "empty"])
    tally.waits(Retry(1.0, "away"))
    tally.waits(Backpressure(1.0, "full"))
    clock.now += 7
    tally.ends = {PLACE: 12}
    tally.done({PLACE: 7}, [Over(clock.now - 0.02, emit_times(first))], 2_300_000)
    tally.gauges = {"open_runs": 4}
    tally.differences = {RUNS.name: 2}
    found = samples(exposition.text([tally]))
    topic = {"topic": RUNS.name}
    assert of(found, "headwater_messages_total", **topic) == 2
    assert of(found, "headwater_bytes_total", **topic) == sum(map(len, first.values))
    assert of(found, "headwater_outputs_total") == 3
    assert of(found, "headwater_restored_messages_total") == 1
    assert of(found, "headwater_dead_letters_total", reason="truncated", **topic) == 2
    assert of(found, "headwater_dead_letters_total", reason="empty", **topic) == 1
    assert of(found, "headwater_lag_messages", partition="0", **topic) == 5
    assert of(found, "headwater_retries_total") == of(found, "headwater_backpressure_total") == 1
    assert of(found, "headwater_waiting_seconds") == 7
    assert of(found, "headwater_rebalances_total") == of(found, "headwater_restoring_partitions") == 1
    assert of(found, "headwater_open_runs") == 4
    assert of(found, "headwater_topic_differences", **topic) == 2
    assert of(found, "headwater_commit_seconds_count") == 1
    assert of(found, "headwater_commit_seconds_bucket", le="0.025") == 1
    assert of(found, "headwater_commit_seconds_bucket", le="0.01") == 0
    assert of(found, "headwater_emit_to_output_seconds_count") == 2
    assert of(found, "headwater_emit_to_output_seconds_sum") == pytest.approx(1.6)
    assert of(found, "headwater_emit_to_output_seconds_bucket", le="0.35") == 1
    assert of(found, "headwater_emit_to_output_seconds_bucket", le="2.0") == 2


def test_a_partition_that_went_elsewhere_has_no_lag_here() -> None:
    """Its commits and its lag are the other worker's; a commit that was under way does not bring it back."""
    tally = Tally("stitching")
    tally.rebalanced([PLACE, (RUNS.name, 1)], {}, [])
    tally.done({PLACE: 3, (RUNS.name, 1): 4}, [Over(tally.clock(), [])], 0)
    tally.ends = {PLACE: 5, (RUNS.name, 1): 5}
    assert tally.lag() == {PLACE: 2, (RUNS.name, 1): 1}
    tally.rebalanced([(RUNS.name, 1)], {}, [])
    tally.done({PLACE: 4}, [Over(tally.clock(), [])], 0)
    assert tally.lag() == {(RUNS.name, 1): 1}


def test_a_stuck_thread_or_loop_is_not_alive_and_a_waiting_step_is() -> None:
    """Waiting for a store that is away must not make anyone kill the worker."""
    clock = Clock()
    tally = Tally("archive", clock)
    tally.waits(Retry(1.0, "store away"))
    clock.now += 10 * STUCK_SECONDS
    tally.turned = clock.now
    assert stuck(tally) is None
    with tally.at("work"):
        clock.now += STUCK_SECONDS - 1
        tally.turned = clock.now
        assert stuck(tally) is None
        clock.now += 2
        tally.turned = clock.now
        assert "work thread" in (stuck(tally) or "")
    assert stuck(tally) is None
    clock.now += STUCK_SECONDS + 1
    assert "event loop" in (stuck(tally) or "")


def test_ready_is_assigned_and_restored() -> None:
    """Before the first assignment, between assignments and while state is re-derived it is not; with none it is."""
    tally = Tally("stitching")
    assert "assigned" in (not_ready(tally) or "")
    tally.rebalanced([PLACE], {}, [PLACE])
    assert "re-derived" in (not_ready(tally) or "")
    tally.restoring.discard(PLACE)
    assert not_ready(tally) is None
    tally.assigned = None
    assert not_ready(tally) is not None
    tally.rebalanced([], {}, [])
    assert not_ready(tally) is None


def test_names_are_documented_and_well_formed() -> None:
    """The table in consumers/README.md has each metric with its labels and what it is, and no other."""
    table = README.read_text("utf-8").partition("<!-- metrics -->")[2].partition("<!-- end of metrics -->")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "`headwater_" in line
    ]
    wanted = [[f"`{m.name}`", m.kind.value, ", ".join(m.all_labels), m.doc] for m in METRICS]
    assert rows == wanted
    for metric in METRICS:
        assert re.fullmatch(r"headwater_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert list(metric.buckets) == sorted(set(metric.buckets))
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    given = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3, metrics_port=free_port())
    create(given)
    # One topic is not as declared.
    resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, RUNS.full_name(given))
    resource.add_incremental_config(
        admin.ConfigEntry("retention.ms", "60000", incremental_operation=admin.AlterConfigOpType.SET)
    )
    client = admin.AdminClient({"bootstrap.servers": given.brokers})
    [done] = client.incremental_alter_configs([resource]).values()
    done.result(30)
    return given


@pytest.mark.integration
def test_a_worker_tells_what_it_does(settings: Settings, tmp_path: Path) -> None:
    """On a real broker: alive, ready, every message counted, dead letters by reason, no lag once all is committed."""
    messages = workload.messages(200)
    bad = {why: GARBAGE[why] for why in (reasons.EMPTY, reasons.TRUNCATED)}
    port = settings.metrics_port
    with working(["stitching"], settings, tmp_path) as workers:
        wait_until(lambda: get(port, "/ready")[0] == 200, 60, "readiness")
        assert get(port, "/live")[0] == 200
        clients.produce(settings.brokers, RUNS.full_name(settings), [*messages, *((b"k", v) for v in bad.values())])
        total = len(messages) + len(bad)

        def figures() -> dict[Any, float]:
            return samples(get(port, "/metrics")[1])

        def all_done() -> bool:
            found = figures()
            return found.get(("headwater_emit_to_output_seconds_count", (("step", "stitching"),)), 0) == len(messages)

        wait_until(all_done, 60, "all messages")
        wait_until(lambda: "headwater_lag_messages" in {name for name, _ in figures()}, 60, "lag")
        found = figures()
        assert of(found, "headwater_messages_total", topic=RUNS.name) == total
        assert of(found, "headwater_assigned_partitions") == 3
        assert of(found, "headwater_outputs_total") > 0
        differences = {labels: n for (name, labels), n in found.items() if name == "headwater_topic_differences"}
        assert differences == {(("step", "stitching"), ("topic", RUNS.name)): 1}
        for why in bad:
            assert of(found, "headwater_dead_letters_total", topic=RUNS.name, reason=why) == 1
        lag = [value for (name, _), value in found.items() if name == "headwater_lag_messages"]
        assert sum(lag) == 0
        told = json.loads(get(port, "/ready")[1])
        assert told["ok"]
        assert told["steps"][0]["messages"] == total
        assert told["steps"][0]["dead_letters"] == len(bad)
        known = {metric.name for metric in METRICS} - {metric.name for metric in STEP_GAUGES.values()}
        assert {
            name for name in known if not any(sample.startswith(name.removesuffix("_total")) for sample, _ in found)
        } == set()
        assert get(port, "/nothing")[0] == 404
        assert workers["stitching"].stop() == 0
        assert get(port, "/live")[0] == 0


@pytest.mark.integration
def test_before_there_is_a_broker_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    """An orchestrator must neither kill it nor count on it."""
    health = Health(Settings(metrics_port=free_port()))
    try:
        assert health.answer("/live")[0] == 200
        assert health.answer("/ready")[0] == 503
    finally:
        health.close()


@pytest.mark.integration
def test_a_port_that_is_taken_is_an_error_with_the_way_out() -> None:
    """Two workers of one host need two ports."""
    settings = Settings(metrics_port=free_port())
    first = Health(settings)
    try:
        with pytest.raises(StateError, match=f"metrics_port: 127.0.0.1:{settings.metrics_port} cannot be had"):
            Health(settings)
    finally:
        first.close()
