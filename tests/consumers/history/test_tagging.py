"""Columns that lack a tag, asked of the steps that are looked up: the answer is that of the documented statement."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.schemas.topics import EDGES, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, edge_set, run_event
from tests.consumers.history.test_narrow import FIRST, MINUTE, same

pytestmark = pytest.mark.integration

_COLUMNS = ("a", "b", "c")


def random_columns(draw: random.Random, runs: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and edge sets: cycles, masked and indirect steps, whole datasets, reads without version, withdrawals."""
    events: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    for number in range(runs):
        label, minute = f"job{number % 5} {number}", 10.0 * number
        source = dataset(f"d{draw.randrange(6)}", draw.choice((None, f"v{draw.randrange(max(number, 1))}")))
        target = dataset(f"d{draw.randrange(6)}", f"v{number}")
        tags = [{"key": "pii", "value": "yes"}]
        said = [{"name": name, "tags": tags if draw.random() < 0.3 else []} for name in _COLUMNS]
        events.append(run_event(label, "START", at(minute), inputs=[source]))
        events.append(run_event(label, "COMPLETE", at(minute + 5), outputs=[{**target, "columns": said}]))
        columns = [
            {
                "source": 0,
                "target": 1,
                "column": draw.choice((*_COLUMNS, None)),
                "target_column": draw.choice((*_COLUMNS, None)),
                "transformation": draw.choice(("DIRECT", "DIRECT", "DIRECT", "INDIRECT")),
                "masking": draw.random() < 0.2,
            }
            for _ in range(3)
        ]
        known = f"{label} COMPLETE {at(minute + 5)} 1"
        sets.append(edge_set(label, at(minute + 5), [source, target], [(0, 1)], columns=columns, known=known))
        if draw.random() < 0.2:
            gone: dict[str, Any] = {"columns": columns[:1], "known": known, "withdrawn": f"{label} undo"}
            sets.append(edge_set(label, at(minute + 5), [source, target], **gone))
    return events, sets


def test_the_same_either_way(history: History, seed: int) -> None:
    """Of every column, cut by depth, as it was and as it was known."""
    draw = random.Random(seed)
    events, sets = random_columns(draw, 24)
    for part in (0, 1):
        history.keep(
            batch(RUNS.name, events[part::2], first=100 * part), batch(EDGES.name, sets[part::2], first=100 * part)
        )
        history.clock[0] += MINUTE
    names = draw.sample([f"d{number}" for number in range(6)], 6)
    then = datetime.fromtimestamp(FIRST / 1e6, UTC)
    nodes = ({"namespace": dataset("x")["namespace"], "name": name} for name in names)
    # Of few edges some nodes lead nowhere: one that does.
    node = next(
        node for node in nodes if any(same(history, "untagged_columns", **node, column=one) for one in _COLUMNS)
    )
    same(history, "untagged_columns", **node, column="a", depth=draw.choice((1, 2)))
    same(history, "untagged_columns", **node, column="b", known_at=then)
    same(history, "untagged_columns", **node, column="c", at=datetime.fromtimestamp(at(120) / 1e6, UTC))
    assert not same(history, "untagged_columns", namespace=node["namespace"], name="nobody", column="a")
