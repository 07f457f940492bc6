"""Which version a read that named none is taken for depends on what was said alone, also in a tie of two writes."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying

from headwater.audit import Node, walk
from headwater.rebuild import rebuild
from tests.consumers.history.conftest import History
from tests.consumers.history.test_rebuild import emptied, quiet, stream
from tests.consumers.stitching import test_rules
from tests.consumers.stitching.test_examples import dataset, event

pytestmark = pytest.mark.integration

Event = dict[str, Any]
#: A read without version: the run, and the dataset's name.
Read = tuple[bytes, str]
_RUNS = [bytes([number]) * 16 for number in (1, 2, 3)]

_names = st.sampled_from(["a", "b"])
_writes = st.builds(dataset, _names, st.sampled_from([None, "1", "2", "10", "ä"]))
_reads = st.builds(dataset, st.sampled_from(["a", "a", "b"]))


@st.composite
def _told(draw: st.DrawFn) -> Event:
    """An event of one of few runs, at one of two times, that writes few datasets and reads others without version."""
    run = {"run_id": draw(st.sampled_from(_RUNS)), "state": draw(st.sampled_from(["START", "COMPLETE", "FAIL"]))}
    inputs, outputs = draw(st.lists(_reads, max_size=1)), draw(st.lists(_writes, max_size=2))
    out = dataset("out", draw(st.sampled_from(["1", "2"])))
    for one in inputs:
        row = {**one, "column": "x", "target_column": "y", "transformation": "DIRECT"}
        out.setdefault("column_lineage", []).append(row)
    when = 1_700_000_000_000_000 + draw(st.integers(0, 1))
    return event(0, "", inputs, [*outputs, *([out] if inputs else [])], run=run, event_time=when)


def resolved(events: Sequence[Event]) -> dict[Read, str | None]:
    """The rule, word by word: of the versions that were written by the time of a run's first read without version,
    and not by a run that failed, the one written last; of several at that time the one whose text comes last.
    """
    ends: dict[bytes, tuple[int, str, str]] = {}
    for one in events:
        if one["run"]["state"] in {"COMPLETE", "FAIL"}:
            end = (one["event_time"], one["event_id"].hex(), one["run"]["state"])
            ends[one["run"]["run_id"]] = min(end, ends.get(one["run"]["run_id"], end))
    uses: dict[tuple[str, str], list[tuple[int, str, int, bytes]]] = {}
    for one in events:
        for place, output in enumerate(one["outputs"]):
            version = output["version"] or f"run:{uuid.UUID(bytes=one['run']['run_id'])}"
            use = (one["event_time"], one["event_id"].hex(), place, one["run"]["run_id"])
            uses.setdefault((output["name"], version), []).append(use)
    written: dict[str, list[tuple[int, str]]] = {}
    for (name, version), every in uses.items():
        last = ends.get(max(every)[-1])
        if last is None or last[-1] != "FAIL":
            when = max(ends[use[-1]][0] if use[-1] in ends else use[0] for use in every)
            written.setdefault(name, []).append((when, version))
    read: dict[Read, int] = {}
    for one in events:
        for given_ in one["inputs"]:
            key = (one["run"]["run_id"], given_["name"])
            read[key] = min(one["event_time"], read.get(key, one["event_time"]))
    found: dict[Read, str | None] = {}
    for (run, name), when in read.items():
        there = [(at, version.encode(), version) for at, version in written.get(name, ()) if at <= when]
        found[run, name] = max(there)[2] if there else None
    return found


def inferred(history: History) -> Iterator[tuple[str, Read, str | None]]:
    """What views and a walk take the reads without version for."""
    for view in ("edges", "column_edges"):
        for run, name, version in history.rows(
            f"SELECT run_id, source_name, source_version FROM {view} WHERE source_name != '' AND target_name = 'out'"
        ):
            yield view, (run.bytes, name), version
    for (version,) in history.rows("SELECT version FROM dataset_versions WHERE name = 'out'"):
        for edge in walk(history.client, Node("ns", "out", version), "up", depth=1).edges:
            assert edge.run_id is not None
            yield "walk", (edge.run_id.bytes, edge.source.name), edge.source.version


@trying(
    max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(st.lists(_told(), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_any_order_infers_the_same_version(history: History, said: list[Event], chance: random.Random) -> None:
    """What the reference says, in any order, with any repetition, and after a rebuild."""
    events = [{**one, "event_id": number.to_bytes(16, "big")} for number, one in enumerate(said, 1)]
    expected = resolved(events)
    mixed = [*events, *chance.sample(events, len(events) // 2)]
    chance.shuffle(mixed)
    for order in (events, mixed):
        emptied(history)
        stream(history, test_rules.cut(order, chance))
        told = {(read, version) for _, read, version in inferred(history)}
        assert told <= set(expected.items())
    rebuild(history.settings, quiet)
    assert {(read, version) for _, read, version in inferred(history)} == told


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_versions_written_at_one_time_the_last_in_order_is_read(history: History, turned: bool) -> None:
    """By their texts' bytes, so 9 and not 10; three runs end at the same µs."""
    when = 1_700_000_000_000_000
    writes = [
        event(
            number, "COMPLETE", [], [dataset("a", version)], run={"run_id": run, "state": "COMPLETE"}, event_time=when
        )
        for number, (run, version) in enumerate(zip(_RUNS, ("10", "9", "1"), strict=True), 1)
    ]
    reader = {"run_id": b"r" * 16, "state": "COMPLETE"}
    lineage = [{**dataset("a"), "column": "x", "target_column": "y", "transformation": "DIRECT"}]
    out = dataset("out", "1", column_lineage=lineage)
    read = event(4, "COMPLETE", [dataset("a")], [out], run=reader, event_time=when)
    stream(history, [[one] for one in (reversed([*writes, read]) if turned else [*writes, read])])
    assert {(view, version) for view, _, version in inferred(history)} == {
        (view, "9") for view in ("edges", "column_edges", "walk")
    }
    for direction, name, other in (("up", "out", "a"), ("down", "a", "out")):
        rows = history.rows(
            f"SELECT name, version FROM {direction}stream(namespace = 'ns', name = {{name:String}}, version = "
            "{version:String}, depth = 1) WHERE depth = 1",
            name=name, version={"out": "1", "a": "9"}[name],
        )  # fmt: skip
        assert rows == [(other, {"out": "1", "a": "9"}[other])]
    [start, *_] = walk(history.client, Node("ns", "a"), "up", versions="latest").nodes
    assert start.node.version == "9"


def test_a_version_that_a_job_writes_after_a_run_failed_stands(history: History) -> None:
    """Who wrote last says whether it stands: a job event has no run, and none that failed."""
    failed = event(1, "FAIL", [], [dataset("a", "1")], event_time=1_700_000_000_000_000)
    stated = event(2, "", [], [dataset("a", "1")], run=None, kind="job", event_time=1_700_000_000_000_001)
    reader = {"run_id": b"r" * 16, "state": "COMPLETE"}
    read = event(3, "", [dataset("a")], [dataset("out", "1")], run=reader, event_time=1_700_000_000_000_002)
    stream(history, [[failed, stated, read]])
    [(state, run, written)] = history.rows(
        "SELECT run_state, run_id, isNotNull(written_at) FROM dataset_versions WHERE name = 'a'"
    )
    assert (state, run, written) == (None, None, 1)
    assert {(view, version) for view, _, version in inferred(history)} == {(view, "1") for view in ("edges", "walk")}
