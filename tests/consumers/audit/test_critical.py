"""The critical path: which runs decided when a version was ready."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from headwater.audit import Node, Step, Walk, WalkEdge
from headwater.audit.critical import path_of
from tests.consumers.audit.walks import WHEN, node, walk_of


def told(*runs: tuple[str, list[str], str, float, float]) -> tuple[Walk, dict[str, Step]]:
    """Runs as (job, inputs, output, start, end), times in seconds; the last output is the root."""
    edges: list[WalkEdge] = []
    steps: dict[str, Step] = {}
    pairs: list[tuple[Node, Node]] = []
    for number, (job, inputs, output, start, end) in enumerate(runs, 1):
        run = uuid.UUID(int=number)
        times = [WHEN + timedelta(seconds=at) for at in (start, end)]
        steps[str(run)] = Step(run, "jobs", job, "COMPLETE", times[0], times[1])
        for source in inputs:
            pairs.append((node(source), node(output)))
            edges.append(WalkEdge(node(source), node(output), run, "jobs", job, times[1]))
    walk = walk_of([node(runs[-1][2])], pairs)
    return replace(walk, edges=tuple(edges)), steps


def test_the_path_goes_to_what_was_ready_last() -> None:
    """Of two inputs the later one counts, however short its run; waiting is what lies between."""
    found = path_of(
        *told(
            ("long", ["x@1"], "a@1", 0, 50),
            ("late", ["y@1"], "b@1", 60, 70),
            ("join", ["a@1", "b@1"], "c@1", 100, 110),
        )
    )
    assert [(stage.job_name, stage.waited, stage.ran) for stage in found.stages] == [
        ("late", None, 10.0),
        ("join", 30.0, 10.0),
    ]
    assert [round(stage.share, 2) for stage in found.stages] == [0.2, 0.8]
    assert (found.seconds, found.node, found.truncated) == (50.0, node("c@1"), False)
    assert found.stages[1].input == node("b@1")


def test_a_cycle_ends_and_overlap_is_no_waiting() -> None:
    """A run that began before its input was ready waited for nothing; each version stands on the path once."""
    walk, steps = told(("one", ["b@1"], "a@1", 0, 10), ("two", ["a@1"], "b@1", 5, 20))
    found = path_of(walk, steps)
    assert [(stage.job_name, stage.waited) for stage in found.stages] == [("one", None), ("two", 0.0)]


def test_unknown_times_are_said() -> None:
    """A run of which no end is known is dated by its edges; a node that no run made has no path."""
    walk, steps = told(("one", ["x@1"], "a@1", 0, 10), ("two", ["a@1"], "b@1", 12, 20))
    open_end = {run: replace(step, ended_at=None) if step.job_name == "one" else step for run, step in steps.items()}
    first, second = path_of(walk, open_end).stages
    assert (first.ran, second.waited) == (None, 2.0)
    assert path_of(walk_of([node("x@1")], []), {}).stages == ()
