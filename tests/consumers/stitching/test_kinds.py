"""Each kind of edge and each kind of disorder that the rules name, as one example held against the reference."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import Lives
from tests.consumers.stitching.test_examples import dataset, event, stitched

Event = dict[str, Any]
DAY = 86_400_000


def sets_of(*events: Event) -> list[Event]:
    """The edge sets of these events, each in a chunk of its own; together they say what the reference does."""
    made = worlds.feed(StitchingStep(Settings()), [[one] for one in events])
    assert reference.said(made) == reference.history(events)
    return made


def without_run(number: int, kind: str, inputs: list[Event], outputs: list[Event]) -> Event:
    """A job event or a dataset event."""
    job = {"namespace": "j", "name": "one"} if kind == "job" else None
    return worlds.whole({**event(number, "START", inputs, outputs), "kind": kind, "run": None, "job": job})


def test_a_renamed_dataset_is_under_the_names_that_events_gave() -> None:
    """What was read under the old name stays an edge of it; the run that renamed leads from the old to the new one."""
    renamed = dataset("new", "2", lifecycle={"change": "RENAME", "previous_namespace": "ns", "previous_name": "old"})
    before = event(1, "COMPLETE", [dataset("source")], [dataset("old", "1")])
    rename = event(2, "COMPLETE", [dataset("old", "1")], [renamed], job="rename")
    after = event(3, "COMPLETE", [dataset("new", "2")], [dataset("report", "1")], job="reports")
    sets_of(before, rename, after)
    assert stitched(before, rename, after) == {("source@None", "old@1"), ("old@1", "new@2"), ("new@2", "report@1")}


def test_an_alias_makes_no_edge() -> None:
    """The stream takes the name that was given; what other names mean is for the history, which knows all of them."""
    symbolic = dataset("table", "1", aliases=[{"namespace": "ns", "name": "link", "type": "SYMLINK"}])
    events = event(1, "START", [symbolic], []), event(2, "COMPLETE", [dataset("link", "1")], [dataset("out", "1")])
    sets_of(*events)
    assert stitched(*events) == {("table@1", "out@1"), ("link@1", "out@1")}


def test_a_dataset_read_in_slices_is_one_edge() -> None:
    """Which partitions were read is of the event; the edge is the dataset version's, known by the first read."""
    slices = [event(n, "RUNNING", [dataset("big", "7", partitions=[f"day={n}"])], []) for n in (1, 2, 3)]
    events = [*slices, event(4, "COMPLETE", [], [dataset("out", "1")])]
    assert sum(len(one["edges"]) for one in sets_of(*events)) == 1


def test_from_model_to_deployment_to_prediction_stream() -> None:
    """Edges as any other; each node keeps its kind."""
    train = event(1, "COMPLETE", [dataset("rows", "3")], [dataset("model", "5", kind="model")], job="train")
    deploy = event(
        2, "COMPLETE", [dataset("model", "5", kind="model")], [dataset("service", "9", kind="deployment")], job="deploy"
    )
    serve = event(
        3, "RUNNING", [dataset("service", "9", kind="deployment")], [dataset("answers", "1", kind="topic")], job="serve"
    )
    kinds = {node["name"]: node["kind"] for one in sets_of(train, deploy, serve) for node in one["datasets"]}
    assert kinds == {"rows": "table", "model": "model", "service": "deployment", "answers": "topic"}
    assert stitched(train, deploy, serve) == {
        ("rows@3", "model@5"),
        ("model@5", "service@9"),
        ("service@9", "answers@1"),
    }


def test_links_by_trace_context_accumulate() -> None:
    """A run's links name the messages that it took, by place and trace; said again, they are not told again."""
    one = {"trace_id": bytes(range(16)), "span_id": bytes(range(8)), "topic": "orders", "partition": 1, "offset": 4}
    other = {**one, "offset": 5}
    run = {"run_id": worlds.RUNS[0], "state": "RUNNING"}
    parent = {"run_id": worlds.RUNS[1], "job_namespace": "j", "job_name": "flow"}
    made = sets_of(
        event(1, "RUNNING", [], [], run={**run, "links": [one]}),
        event(2, "RUNNING", [], [], run={**run, "links": [one, other], "parent": parent}),
        event(3, "RUNNING", [], [], run={**run, "links": [other], "parent": parent}),
    )
    told = [(link["kind"], link["offset"]) for one in made for link in one["links"]]
    assert sorted(told, key=str) == [("message", 4), ("message", 5), ("parent", None)]


def test_lineage_that_job_and_dataset_events_state() -> None:
    """A job event has inputs × outputs of its own; a dataset event only what is stated of it, each by itself."""
    job = without_run(1, "job", [dataset("x")], [dataset("y")])
    described = without_run(2, "dataset", [], [dataset("z", edges=[dataset("x", "4")])])
    bare = without_run(3, "dataset", [], [dataset("alone")])
    sets_of(job, described, bare)
    assert stitched(job, described, bare) == {("x@None", "y@None"), ("x@4", "z@None")}


def test_what_is_withdrawn_names_both_events() -> None:
    """The edge from nothing was known by the COMPLETE, and is withdrawn by the late START."""
    late = event(2, "START", [dataset("x", "1")], [])
    complete = event(1, "COMPLETE", [], [dataset("y", "1")])
    sets_of(complete, late)
    withdrawn = {
        (fact[2], known, by) for (fact, known), by in reference.history([complete, late]).items() if by is not None
    }
    assert withdrawn == {(None, complete["event_id"], late["event_id"])}


def test_two_terminal_states_of_one_time() -> None:
    """The smaller event id stands, in any order."""
    ends = [event(5, "FAIL", [], [dataset("y", "1")]), event(6, "COMPLETE", [], [dataset("z", "1")])]
    start = event(1, "START", [dataset("x", "1")], [])
    events = [start, *({**one, "event_time": start["event_time"]} for one in ends)]
    for order in permutations(events):
        assert sets_of(*order)[-1]["state"] == "FAIL"


@pytest.mark.parametrize("young", [0, 300])
def test_a_complete_that_arrives_a_day_late_meets_its_start(young: int, tmp_path: Path) -> None:
    """The run was open, so it is kept for days; other runs went on meanwhile."""
    others = [event(10 + n, "START", [], [], run={"run_id": bytes([n]) * 16, "state": "START"}) for n in range(20, 24)]
    events = [event(1, "START", [dataset("x", "1")], []), *others, event(2, "COMPLETE", [], [dataset("y", "1")])]
    arrivals = [worlds.ARRIVAL, *(worlds.ARRIVAL + n * DAY // 4 for n in range(1, 6))]
    kept(events, arrivals, Settings(stitching_young_seconds=young, stitching_folder=str(tmp_path)))


@pytest.mark.parametrize("further", [True, False])
def test_a_run_that_never_ends_is_kept_while_it_speaks(further: bool, tmp_path: Path) -> None:
    """A month of one RUNNING event a day, each of another dataset or always the same; then something is written."""
    running = [event(n, "RUNNING", [dataset(f"day-{n}" if further else "x", "1")], []) for n in range(1, 31)]
    events = [*running, event(90, "RUNNING", [], [dataset("y", "1")])]
    arrivals = [worlds.ARRIVAL + n * DAY for n in range(31)]
    kept(events, arrivals, Settings(stitching_young_seconds=0, stitching_folder=str(tmp_path)))


def kept(events: list[Event], arrivals: list[int], settings: Settings) -> None:
    """Each event in a chunk of its own, committed; what is said is what the reference says."""
    with Lives(settings, events, arrivals) as lives:
        for _ in events:
            lives.take(1)
            lives.commit()
            lives.tick()
        assert reference.said(lives.said()) == reference.history(events)
