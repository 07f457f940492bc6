"""The rules' examples (consumers/README.md), wide and long runs, and what is forgotten when."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import numpy as np
import pytest

from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.stitching.kept import HEAD
from headwater.stitching.kernel import stitch
from headwater.stitching.kernel.together import stamp
from headwater.streams import Group
from tests.consumers.stitching import reference, worlds

Event = dict[str, Any]


def dataset(name: str, version: str | None = None, **further: Any) -> Event:
    return {"namespace": "ns", "name": name, "version": version, **further}


def event(
    number: int,
    state: str,
    inputs: list[Event],
    outputs: list[Event],
    job: str | Event = "one",
    **further: Any,
) -> Event:
    """An event of run 1."""
    return worlds.whole(
        {
            "emit_time": 0,
            "producer_id": bytes(16),
            "sequence": number,
            "event_id": number.to_bytes(16, "big"),
            "event_time": 1_700_000_000_000_000 + number,
            "run": {"run_id": worlds.RUNS[0], "state": state},
            "job": {"namespace": "j", "name": job} if isinstance(job, str) else job,
            "inputs": inputs,
            "outputs": outputs,
            **further,
        }
    )


def stitched(*events: Event) -> set[tuple[Any, ...]]:
    """The edges that stand after these events, each in a chunk of its own: (source, target) as name@version."""
    said = reference.said(worlds.feed(StitchingStep(Settings()), [[e] for e in events]))
    found: set[tuple[Any, ...]] = set()
    for fact in reference.standing(said):
        if fact[0] == "edge":
            found.add(tuple(None if end is None else f"{end[1]}@{end[2]}" for end in fact[2:4]))  # type: ignore[index]  # the ends of an edge are identities
    return found


RUN = "run:01010101-0101-0101-0101-010101010101"


@pytest.mark.parametrize("turned", [False, True])
def test_inputs_in_start_and_outputs_in_complete_meet(turned: bool) -> None:
    """In both orders; a START without datasets afterwards takes nothing away."""
    events = [event(1, "START", [dataset("x")], []), event(2, "COMPLETE", [], [dataset("y")])]
    events = [*(reversed(events) if turned else events), event(3, "START", [], [])]
    assert stitched(*events) == {("x@None", f"y@{RUN}")}


def test_edges_come_before_the_run_ends() -> None:
    """As soon as both ends are known."""
    assert stitched(event(1, "START", [dataset("x")], []), event(2, "RUNNING", [], [dataset("z", "1")])) == {
        ("x@None", "z@1")
    }


def test_two_jobs_with_one_run_id_are_kept_apart() -> None:
    """Each has its own inputs and outputs."""
    events = event(1, "COMPLETE", [dataset("x")], [], "a"), event(2, "COMPLETE", [], [dataset("y", "1")], "b")
    assert stitched(*events) == {("x@None", None), (None, "y@1")}


def test_a_complete_list_replaces_the_product_for_its_output() -> None:
    """Whether it comes with the inputs or after them."""
    c = dataset("c", "1", edges=[dataset("a")], edges_complete=True)
    inputs = [dataset("a", "1"), dataset("b", "1")]
    wanted = {("a@1", "c@1"), ("a@1", "d@1"), ("b@1", "d@1")}
    assert stitched(event(1, "COMPLETE", inputs, [c, dataset("d", "1")])) == wanted
    assert (
        stitched(event(1, "START", inputs, [dataset("c", "1"), dataset("d", "1")]), event(2, "OTHER", [], [c]))
        == wanted
    )


def test_the_earliest_terminal_state_stands_whatever_comes_first() -> None:
    """A late FAIL does not turn a completed run into a failed one."""
    complete, fail = event(1, "COMPLETE", [dataset("x")], []), event(2, "FAIL", [dataset("z")], [])
    for events in ([complete, fail], [fail, complete], [complete, event(3, "START", [], []), fail]):
        sets = worlds.feed(StitchingStep(Settings()), [events])
        assert {one["state"] for one in sets} == {"COMPLETE"}


@pytest.mark.parametrize("order", [*itertools.permutations(("ABORT", "COMPLETE", "FAIL"), 2)])
def test_of_two_ends_under_one_event_id_the_same_stands_in_any_order(order: tuple[str, str]) -> None:
    """As in the history: the first by name."""
    ends = [event(1, state, [dataset("x")], [dataset(f"of {state}")]) for state in order]
    for chunks in ([ends], [[event(1, "START", [], []), *ends]], [ends[:1], ends]):
        *_, last = worlds.feed(StitchingStep(Settings()), chunks)
        assert last["state"] == min(order)


def test_other_content_under_one_id_counts_too() -> None:
    """A conflict is kept, not dropped."""
    assert stitched(event(1, "START", [dataset("x")], []), event(1, "COMPLETE", [], [dataset("y", "1")])) == {
        ("x@None", "y@1")
    }


def test_a_wide_run_is_products_and_says_all() -> None:
    """Nothing is cut: 90 × 90 pairs by three events, one output with a complete list, others with explicit edges and
    column lineage. Each pair is told once, with the events that the reference names; no event makes a pair known and
    withdraws it.
    """
    inputs = [dataset(f"in{i}", "1") for i in range(90)]
    outputs = [dataset(f"out{i}", "1") for i in range(90)]
    outputs[3]["edges"], outputs[3]["edges_complete"] = [dataset("in5", "1")], True
    outputs[50]["edges"] = [dataset("in6", "1"), dataset("in70")]
    rows = [dataset(name, "1", column="x", target_column="y") for name in ("in8", "in75", "in7")]
    outputs[60]["column_lineage"] = rows
    events = [
        event(1, "START", inputs[:60], outputs[:40]),
        event(2, "RUNNING", inputs[60:], [dataset("out7", "1", edges=[dataset("in80")], column_lineage=rows[:2])]),
        event(3, "COMPLETE", [], outputs[40:]),
        event(4, "RUNNING", [], [dataset("out60", "1", edges=[dataset("in8"), dataset("in9")])]),
        event(5, "RUNNING", [], [dataset("out60", "1", edges_complete=True)]),
    ]
    sets = worlds.feed(StitchingStep(Settings()), [[e] for e in events])
    assert any(one["products"] for one in sets)
    changes = [change for one in sets for kind in ("edges", "products", "column_edges") for change in one[kind]]
    assert not [change for change in changes if change["known_by"] == change["withdrawn_by"]]
    assert reference.said(sets) == reference.history(events)


def test_an_output_that_names_packed_inputs_tells_them_once() -> None:
    """5,000 inputs are packed; then come outputs, one of which names two of them, one of which is made of one."""
    named = [dataset("part-77", "1"), dataset("part-4000", "1")]
    row = dataset("part-78", "1", column="x", target_column="y")
    outputs = [dataset("plain", "1"), dataset("named", "1", edges=named), dataset("made", "1", column_lineage=[row])]
    events = [
        *(event(n, "RUNNING", [dataset(f"part-{n}", "1")], []) for n in range(1, 5001)),
        event(5001, "RUNNING", [], outputs),
        event(5002, "COMPLETE", [dataset("last")], []),
    ]
    sets = worlds.feed(StitchingStep(Settings()), [events[:2500], events[2500:]])
    # No edge before the outputs: so the reference needs to look at the last events only.
    assert reference.said(sets) == {
        (fact, known): None
        for fact in reference.current(events)
        for known in [events[-1 if ("ns", "last", None) in fact else -2]["event_id"]]
    }


def test_a_very_wide_run_stays_below_the_size_of_a_message() -> None:
    """1,500 × 1,500 with long names: each message at most 256 KB, and all pairs are there."""
    inputs = [dataset(f"in{i:04}" + "x" * 200, "1") for i in range(1500)]
    outputs = [dataset(f"out{i:04}" + "x" * 200, "1") for i in range(1500)]
    step = StitchingStep(Settings())
    made = [
        *step.process(worlds.batch([event(1, "START", inputs, [])])),
        *step.process(worlds.batch([event(2, "COMPLETE", [], outputs)], 1)),
    ]
    assert max(len(output.value) for output in made) <= 256 * 1024
    pairs = sum(len(p["sources"]) * len(p["targets"]) for o in made for p in worlds.decoded(o)["products"])
    assert pairs == 1500 * 1500


def test_writers_of_older_and_newer_schemas_meet() -> None:
    """A run whose events were written by two schemas gives the edges of one."""
    fields = [*worlds.SCHEMA.definition["fields"], {"name": "later", "type": "string", "default": ""}]
    later = records.parse(json.dumps({**worlds.SCHEMA.definition, "fields": fields}))
    start, complete = event(1, "START", [dataset("x")], []), event(2, "COMPLETE", [], [dataset("y", "1")])
    step = StitchingStep(Settings())
    made = [*step.process(worlds.batch([start]))]
    value = b"\xc3\x01" + later.fingerprint_bytes + plain.encode(later, {**complete, "later": "x"})
    batch = worlds.batch([complete], 1)
    group = Group(later, np.zeros(1, np.int64), Bodies.join([value], 10))
    made += step.process(dataclasses.replace(batch, groups=[group], values=[value]))
    assert reference.standing(reference.said(map(worlds.decoded, made))) == reference.current([start, complete])


def test_an_ended_run_is_forgotten_after_its_horizon_and_an_open_one_is_not() -> None:
    """By the arrival of the partition's newest message."""
    step = StitchingStep(Settings(stitching_horizon_seconds=10, stitching_open_seconds=100))
    offset = 0

    def at(second: int, one: Event) -> list[Event]:
        nonlocal offset
        made = step.process(worlds.batch([one], offset, arrival=second * 1000))
        offset += 1
        step.committed({("lineage.runs", 0): offset})
        step.tick(0)
        return [worlds.decoded(output) for output in made if output.topic == "lineage.edges"]

    other = {"run_id": worlds.RUNS[1], "state": "START"}
    at(1000, event(1, "COMPLETE", [dataset("x")], []))
    at(1000, event(2, "START", [dataset("x")], [], run=other))
    [said] = at(1005, event(3, "RUNNING", [], [dataset("y", "1")]))
    assert said["edges"][0]["source"] >= 0
    at(1050, event(4, "START", [], [], run={"run_id": bytes(16), "state": "START"}))
    [said] = at(1051, event(5, "RUNNING", [], [dataset("y", "1")], run=other))
    assert said["edges"][0]["source"] >= 0
    assert at(1052, event(6, "RUNNING", [], [dataset("z", "1")])) == []
    step.revoked({("lineage.runs", 0)})


def test_the_kernels_copy_on_disk_is_of_all_its_files() -> None:
    """Numba would notice a change of one file only."""
    cache: Any = stitch
    assert cache._cache._cache_file._source_stamp == stamp()


@pytest.mark.parametrize("links", [[], [{"topic": "t", "partition": 0, "offset": 1}]])
def test_a_confidence_that_is_no_number_is_said_once(links: list[Event]) -> None:
    """NaN, which equals nothing, in runs that go by compiled code and in others."""
    row = dataset("x", "1", column="x", target_column="y", confidence=float("nan"))
    run = {"run_id": worlds.RUNS[0], "state": "COMPLETE", "links": links}
    one = event(1, "COMPLETE", [], [dataset("y", "1", column_lineage=[row])], run=run)
    step = StitchingStep(Settings())
    assert [len(worlds.feed_one(step, [one], offset)) for offset in range(3)] == [1, 0, 0]


def test_events_that_say_nothing_new_are_not_kept() -> None:
    """However many RUNNING events a run has, those that repeat what is known take no room and leave it ordinary."""
    step = StitchingStep(Settings())
    running = [event(n + 2, "RUNNING", [dataset("x")], [dataset("y")]) for n in range(500)]
    events = [event(1, "START", [dataset("x")], []), *running, event(600, "COMPLETE", [], [dataset("z", "1")])]
    sets = worlds.feed(step, [events[:300], events[300:]])
    assert reference.said(sets) == reference.history(events)
    [(_, run)] = step._partitions[0].young.items()  # pyright: ignore[reportPrivateUsage]  # nobody else asks
    assert len(run) == HEAD + 2 * 3
