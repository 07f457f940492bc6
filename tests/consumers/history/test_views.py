"""The views' rules: states of runs, versions of writes, gaps and conflicts."""

from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying

from headwater.audit import ask
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, as_uuid, at, batch, dataset, edge_set, head, named, run_event
from tests.consumers.history.test_rebuild import emptied, stream
from tests.consumers.stitching import reference, test_rules, worlds

pytestmark = pytest.mark.integration

RUNS = topics.RUNS.name


def test_gaps_are_named(history: History) -> None:
    """Numbers that never came are named by range, also behind the last that came."""
    events = [run_event(f"r {n}", "START", at(n), sequence=n) for n in (1, 2, 5, 9)]
    closed = {
        **head("closed", at(20), 12),
        "kind": "closed",
        "last_sequence": 12,
        "service": "svc",
        "drops": [{"reason": "queue_full", "count": 3}],
    }
    history.keep(batch(RUNS, events), batch("lineage.producers", [closed]))
    rows = history.rows("SELECT first_missing, last_missing, missing, ended FROM producer_gaps ORDER BY first_missing")
    assert rows == [(3, 4, 2, "closed"), (6, 8, 3, "closed"), (10, 11, 2, "closed")]


def test_runs_follow_the_rules(history: History) -> None:
    """A late START reopens nothing; of two ends the earlier stands; an end in parts counts when all are there, whatever
    state the others say; parts of another content of its id are none of it.
    """
    torn = [
        {**run_event("torn 1", state, at(2), part=n, parts=2), "event_id": named("t")}
        for n, state in ((1, "RUNNING"), (2, "COMPLETE"))
    ]
    mixed = [{**run_event("mixed 1", "COMPLETE", at(2), part=n, parts=n + 1), "event_id": named("m")} for n in (1, 2)]
    parts = [
        {
            **run_event("whole 1", "COMPLETE", at(2), part=n, parts=2, parameters={"ab"[n - 1]: str(n)}),
            "event_id": named("w"),
        }
        for n in (1, 2)
    ]
    history.keep(
        batch(
            RUNS,
            [
                run_event("late 1", "COMPLETE", at(5)),
                run_event("late 1", "START", at(6)),
                run_event("two 1", "FAIL", at(5)),
                run_event("two 1", "COMPLETE", at(4)),
                run_event("open 1", "START", at(1)),
                run_event("open 1", "RUNNING", at(2)),
                run_event("open 1", "OTHER", at(3)),
                run_event("parts 1", "COMPLETE", at(2), part=1, parts=2, parameters={"a": "1"}),
                *parts,
                *torn,
                *mixed,
            ],
        )
    )  # fmt: skip
    rows = history.rows("SELECT job_name, state, isNull(ended_at), parameters FROM runs ORDER BY job_name")
    assert rows == [
        ("late", "COMPLETE", 0, {}),
        ("mixed", "OTHER", 1, {}),
        ("open", "RUNNING", 1, {}),
        ("parts", "OTHER", 1, {"a": "1"}),
        ("torn", "COMPLETE", 0, {}),
        ("two", "COMPLETE", 0, {}),
        ("whole", "COMPLETE", 0, {"a": "1", "b": "2"}),
    ]


@trying(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(st.lists(worlds.events(ordinary=False), max_size=8), st.randoms(use_true_random=False))
def test_views_say_what_the_reference_says(history: History, said: list[dict[str, Any]], chance: random.Random) -> None:
    """Edges that stand, states of runs and conflicts, of any events: jobs that share a run id, parts, several contents
    under one id. Which version a read without one is taken for: test_ties.py.
    """
    events = [worlds.whole(event) for event in said]
    emptied(history)
    stream(history, test_rules.cut(events, chance))
    edges = history.rows(
        "SELECT source_name, if(inferred, NULL, source_version), target_name, target_version, run_id, job_name "
        "FROM edges"
    )
    facts = [fact for fact in reference.current(events) if fact[0] == "edge"]
    assert {(*row[:4], row[4] and row[4].bytes, row[5]) for row in edges} == {_row(*fact[1:4]) for fact in facts}
    scopes: dict[Any, list[reference.Event]] = {**reference.scopes(events)}
    states = {(scope[1], scope[2][1]): reference.state(of_run) for scope, of_run in scopes.items() if scope[0] == "run"}
    runs = history.rows("SELECT run_id, job_name, state FROM runs")
    assert {(run.bytes, job): state for run, job, state in runs} == states
    contents: dict[tuple[bytes, int], set[str]] = {}
    for event in events:
        body = {name: value for name, value in event.items() if name not in {"emit_time", "producer_id", "sequence"}}
        contents.setdefault((event["event_id"], event["part"]), set()).add(repr(body))
    conflicts = history.rows("SELECT event_id, part, contents FROM conflicts")
    assert {(one.bytes, part): count for one, part, count in conflicts} == {
        one: len(some) for one, some in contents.items() if len(some) > 1
    }


def _row(scope: Any, source: Any, target: Any) -> tuple[Any, ...]:
    """An edge of the reference as the view has it."""
    return *(source[1:] if source else ("", None)), *(target[1:] if target else ("", None)), scope[0], scope[2]


def test_a_write_without_version_is_the_runs(history: History) -> None:
    """It is the version run:<run id>, as stitching names it."""
    history.keep(batch(RUNS, [run_event("r 1", "COMPLETE", at(1), outputs=[dataset("out")])]))
    version = f"run:{as_uuid('r 1')}"
    assert history.rows("SELECT namespace, name, version, run_state FROM dataset_versions") == [
        (NS, "out", version, "COMPLETE")
    ]


def test_other_content_under_one_id_is_a_conflict(history: History) -> None:
    """Both contents are kept and the view conflicts names their id; a retry is no conflict."""
    event = run_event("r", "START", at(0))
    other = {**event, "purpose": "other"}
    retry = {**event, "emit_time": 5, "sequence": 9}
    history.keep(batch(RUNS, [event, retry, other]))
    assert history.rows("SELECT count() FROM run_events FINAL") == [(2,)]
    assert history.rows("SELECT event_id, contents FROM conflicts") == [(as_uuid(f"r START {at(0)} 1"), 2)]


@pytest.mark.parametrize("nulls", [0, 1])
def test_views_answer_the_same_however_joins_give_nulls(history: History, nulls: int) -> None:
    """A read of a dataset that nobody wrote, asked with either setting of join_use_nulls, and by a question."""
    made = edge_set("r 1", at(1), [dataset("manual"), dataset("out", "1")], [(0, 1)], known=f"r 1 COMPLETE {at(1)} 1")
    read = run_event("r 1", "COMPLETE", at(1), inputs=[dataset("manual")], outputs=[dataset("out", "1")])
    history.keep(batch(RUNS, [read]), batch(topics.EDGES.name, [made]))
    asked = f"SELECT source_name, source_version, inferred FROM edges SETTINGS join_use_nulls = {nulls}"
    assert history.rows(asked) == [("manual", None, False)]
    rows = ask(history.client, "model_made_of", namespace=NS, name="out", version="1").dicts()
    assert [(row["name"], row["version"]) for row in rows] == [("out", "1"), ("manual", None)]
