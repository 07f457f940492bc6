"""Repeated deliveries: in any order and in any cuts they change no answer and no arrival."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headwater.schemas import topics
from headwater.streams.batch import Batch
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, edge_set, run_event
from tests.consumers.history.test_archive import every_record

pytestmark = pytest.mark.integration

RUNS = topics.RUNS.name


def test_the_earliest_arrival_stands(history: History) -> None:
    """A message delivered again later, or earlier by the broker's clock, is one row with the earliest arrival."""
    event = run_event("r", "START", at(0))
    first = history.clock[0]
    history.keep(batch(RUNS, [event], first=10))
    history.clock[0] = first + 5_000_000
    history.keep(batch(RUNS, [{**event, "emit_time": at(9), "sequence": 4}], first=20))
    history.clock[0] = first - 5_000_000
    history.keep(batch(RUNS, [event], first=30))
    rows = history.rows("SELECT kafka_offset, toUnixTimestamp64Micro(arrival) FROM run_events FINAL")
    assert rows == [(30, first - 5_000_000)]


def test_replays_in_any_order_change_nothing(history: History, seed: int) -> None:
    """Everything fed twice more, in another order and other cuts, leaves every view and arrival as it was."""
    batches = scenario()
    history.keep(*batches)
    before = snapshot(history)
    assert sum(map(len, before.values())) > 20
    mixed = random.Random(seed)
    for rounds in (1, 4):
        history.clock[0] += 60_000_000
        mixed.shuffle(batches)
        for start in range(rounds):
            history.keep(*batches[start::rounds])
        assert snapshot(history) == before


def scenario() -> list[Batch]:
    raw, clean, model = dataset("raw", "1"), dataset("clean", "1"), dataset("model", "1", kind="model")
    column = {
        "source": 0,
        "target": 1,
        "column": "a",
        "target_column": "b",
        "transformation": "DIRECT",
        "subtype": "",
        "captured": "declared",
    }
    return [
        batch(RUNS, [run_event("clean 1", "START", at(0), inputs=[raw, dataset("open")], sequence=2)]),
        batch(RUNS, [run_event("clean 1", "COMPLETE", at(1), outputs=[clean], sequence=5)], first=1),
        batch(RUNS, [run_event("train 1", "COMPLETE", at(2), inputs=[clean], outputs=[model])], first=2),
        batch("lineage.edges", [edge_set("clean 1", at(1), [raw, clean], [(0, 1)], columns=[column])]),
        batch("lineage.edges", [edge_set("train 1", at(2), [clean, model, raw], products=[([0, 2], [1])])], first=1),
        batch("lineage.edges", [edge_set("train 1", at(2), [raw, model], [(0, 1)], withdrawn="gone")], first=2),
        *(batch(topic, [value], first=7) for topic, value in every_record().items()),
    ]


def snapshot(history: History) -> dict[str, list[tuple[Any, ...]]]:
    views = (
        "runs uses dataset_versions datasets edges column_edges run_links predictions column_profiles verdicts alerts "
        "incidents decisions producer_gaps dead_letters conflicts owners"
    )
    return {view: sorted(history.rows(f"SELECT * FROM {view}"), key=repr) for view in views.split()}
