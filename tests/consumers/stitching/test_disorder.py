"""What disorder does to Marquez 0.51.1, measured, each with our answer and its reason."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import worlds
from tests.consumers.stitching.test_examples import dataset, event, stitched

Event = dict[str, Any]
X, Y = dataset("x", "1"), dataset("y", "1")


def state_of(*events: Event) -> str:
    """The run's state in the last edge set, each event in a chunk of its own."""
    return str(worlds.feed(StitchingStep(Settings()), [[one] for one in events])[-1]["state"])


def test_complete_before_start_is_a_completed_run() -> None:
    """Marquez: RUNNING for good. Here a terminal state is never reopened: arrival does not say what came first."""
    complete, start = event(2, "COMPLETE", [], [Y]), event(1, "START", [X], [])
    assert state_of(complete, start) == "COMPLETE"
    assert stitched(complete, start) == {("x@1", "y@1")}


def test_outputs_in_complete_before_inputs_in_start_meet() -> None:
    """Marquez: no edge. Here events accumulate, so either end may come first."""
    start, complete = event(1, "START", [X], []), event(2, "COMPLETE", [], [Y])
    assert stitched(complete, start) == stitched(start, complete) == {("x@1", "y@1")}


def test_a_start_without_datasets_after_complete_takes_nothing_away() -> None:
    """Marquez: all edges are deleted. Here silence is no statement: no event takes back what another said."""
    assert stitched(event(2, "COMPLETE", [X], [Y]), event(1, "START", [], [])) == {("x@1", "y@1")}


def test_a_late_fail_leaves_a_completed_run_completed() -> None:
    """Marquez: the run is failed. Here the earliest terminal state by event time stands, in any order of arrival."""
    told = event(1, "START", [X], []), event(2, "COMPLETE", [], [Y]), event(3, "FAIL", [dataset("z", "1")], [])
    for order in permutations(told):
        assert state_of(*order) == "COMPLETE"
        assert stitched(*order) == {("x@1", "y@1"), ("z@1", "y@1")}


def test_two_jobs_that_share_a_run_id_do_not_merge() -> None:
    """Marquez: they merge silently. Here an edge belongs to a run of a job: no x to y, which neither job made."""
    told = event(1, "COMPLETE", [X], [], "a"), event(2, "COMPLETE", [], [Y], "b")
    for order in permutations(told):
        assert stitched(*order) == {("x@1", None), (None, "y@1")}


def test_the_next_runs_start_hides_no_edge_of_the_job() -> None:
    """Marquez: the job's edges are gone until that run completes. Here an edge is of its run, and another run's events
    assert and withdraw nothing of it.
    """
    further = event(3, "START", [], [], run={"run_id": worlds.RUNS[1], "state": "START"})
    first = event(1, "START", [X], []), event(2, "COMPLETE", [], [Y])
    assert stitched(*first, further) == stitched(further, *first) == {("x@1", "y@1")}
