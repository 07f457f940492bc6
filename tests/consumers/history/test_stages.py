"""Where the time goes: a run's own time, what its children took apart, as an in-memory count has it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headwater.audit import ask
from headwater.schemas.topics import RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, named, run_event
from tests.consumers.history.test_narrow import same

pytestmark = pytest.mark.integration


def run(label: str, start: float, end: float, parent: str = "", state: str = "COMPLETE") -> list[dict[str, Any]]:
    """START and end of a run, in minutes; only the first says whose child it is."""
    by: dict[str, Any] = {"parent": {"run_id": named(parent), "job_namespace": "jobs", "job_name": "dag"}}
    return [run_event(label, "START", at(start), run_fields=by if parent else {}), run_event(label, state, at(end))]


def test_a_parents_time_is_its_own(history: History) -> None:
    """What none of its children covers, however they overlap and wherever they end; shares add up to all time."""
    history.keep(
        batch(
            RUNS.name,
            [
                *run("dag 1", 0, 60),
                *run("load 1", 5, 25, "dag 1"),
                *run("clean 1", 15, 35, "dag 1"),
                *run("late 1", 50, 90, "dag 1"),
                *run("deep 1", 20, 25, "clean 1"),
                *run("other 1", 0, 20),
                run_event("open 1", "START", at(40), run_fields={"parent": {"run_id": named("dag 1")}}),
            ],
        )
    )
    rows = {row["job_name"]: row for row in ask(history.client, "slowest_stages").dicts()}
    minutes = {name: (row["total_seconds"] / 60, row["seconds_with_children"] / 60) for name, row in rows.items()}
    assert minutes == {
        "late": (40, 40),
        "dag": (20, 60),
        "load": (20, 20),
        "other": (20, 20),
        "clean": (15, 20),
        "deep": (5, 5),
    }
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1, abs=0.001)
    assert next(iter(rows)) == "late"


def test_the_same_either_way(history: History, seed: int) -> None:
    """Parents and children at random, ends of all kinds, in parts, twice and late: what the statement alone says."""
    draw = random.Random(seed)
    events: list[dict[str, Any]] = []
    for number in range(60):
        parent = f"job{draw.randrange(4)} {draw.randrange(60)}" if draw.random() < 0.5 else ""
        start = draw.randrange(300)
        label = f"job{number % 4} {number}"
        said = run(
            label, start, start + draw.randrange(60), parent, draw.choice(("COMPLETE", "FAIL", "ABORT", "RUNNING"))
        )
        if draw.random() < 0.3:
            said.append(run_event(label, "FAIL", at(start + draw.randrange(60)), resources={"wall_time": 7_000_000}))
        if draw.random() < 0.3:
            parts = [run_event(label, "COMPLETE", at(start + 1), part=n, parts=2) for n in (1, 2)]
            for one in parts:
                one["event_id"] = parts[0]["event_id"]
            said += parts[: draw.randint(1, 2)]
        events += said
    draw.shuffle(events)
    history.keep(batch(RUNS.name, events[::2]), batch(RUNS.name, events[::5], first=500))
    history.clock[0] += 60_000_000
    history.keep(batch(RUNS.name, events[1::2], first=1000))
    assert same(history, "slowest_stages")
    assert same(history, "slowest_stages", since="2026-03-01T10:00:00Z", until="2026-03-01T12:00:00Z")
    same(history, "slowest_stages", at="2026-03-01T11:00:00Z")
    same(history, "slowest_stages", known_at="2026-09-21T14:13:21Z")


def test_what_came_twice_counts_once(history: History, seed: int) -> None:
    """Owners, columns and outputs told again, before merges: what is said of them, and whether anybody reads them."""
    draw = random.Random(seed)
    events: list[dict[str, Any]] = []
    for number in range(40):
        told = [
            dataset(
                f"d{draw.randrange(4)}",
                f"v{number} {place}",
                owners=[{"name": f"team:{draw.randrange(2)}"}] if draw.random() < 0.5 else [],
                columns=[{"name": f"c{draw.randrange(2)}", "type": "int"}] if draw.random() < 0.5 else [],
            )
            for place in range(draw.randint(1, 3))
        ]
        owners = {"owners": [{"name": f"team:{draw.randrange(2)}"}]} if draw.random() < 0.5 else {}
        read = [dataset(f"d{draw.randrange(2)}", "v")] if draw.random() < 0.3 else []
        events.append(
            run_event(f"job{number % 3} {number}", "COMPLETE", at(9 * number), "", read, told, job_fields=owners)
        )
    history.keep(batch(RUNS.name, events[::2]), batch(RUNS.name, events[::3], first=500))
    history.clock[0] += 60_000_000
    history.keep(batch(RUNS.name, events, first=1000))
    assert same(history, "metadata_changes")
    assert same(history, "metadata_changes", name="D1")
    same(history, "metadata_changes", name="job2", known_at="2026-09-21T14:13:21Z")
    same(history, "metadata_changes", at="2026-03-01T11:00:00Z")
    assert same(history, "unread_outputs", at="2026-03-02T00:00:00Z", days=0)
    same(history, "unread_outputs", at="2026-03-01T11:00:00Z", days=0)
