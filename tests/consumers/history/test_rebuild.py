"""A rebuild gives what the stream gave, row for row; with a corrected rule it says what differs, and lets it serve."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying

from headwater.rebuild import abandon, rebuild
from headwater.rebuild.deriving import edge_sets_batch, portions
from headwater.rebuild.events import Event
from headwater.rebuild.work_tables import MIRROR, MIRRORED, SERVING, Work
from headwater.schemas import records
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.stitching.columns import Columns
from headwater.stitching.unit import Unit
from headwater.streams import Batch, Output
from tests.consumers.history.conftest import History
from tests.consumers.stitching import worlds
from tests.consumers.stitching.test_examples import dataset
from tests.consumers.stitching.test_examples import event as run_event

pytestmark = pytest.mark.integration

EDGE_SET = records.current("edge_set")
#: One history serves all examples, emptied before each.
USUAL = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class Corrected(StitchingStep):
    """A rule that was corrected: job `two` makes no edges."""

    def process(self, batch: Batch) -> Sequence[Output]:
        outputs = super().process(batch)
        return [output for output in outputs if worlds.decoded(output)["job_name"] != "two"]


def quiet(_line: str) -> None:
    pass


def stream(history: History, chunks: Sequence[Sequence[dict[str, Any]]], pause: int = 0, **settings: Any) -> None:
    """What the workers do: each chunk is stitched, and both archived. `pause`: ms of broker time between two chunks,
    each of which is committed.
    """
    step = StitchingStep(Settings(**settings))
    offset = sets = 0
    for number, chunk in enumerate(filter(None, chunks)):
        history.clock[0] += 1_000_000
        batch = worlds.batch(chunk, offset, arrival=worlds.ARRIVAL + number * pause)
        made = [output for output in step.process(batch) if output.topic == EDGES.name]
        history.keep(batch, *([edge_sets_batch(made, EDGE_SET, sets)] if made else []))
        offset += len(chunk)
        sets += len(made)
        if pause:
            step.committed({(RUNS.name, 0): offset})
            step.tick(0)
    step.revoked({(RUNS.name, 0)})


def rows(history: History) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of edges, with arrivals."""
    return {table: sorted(history.rows(f"SELECT * FROM {table} FINAL"), key=repr) for table in (*SERVING, "nodes")}


def standing(history: History) -> dict[str, set[tuple[Any, ...]]]:
    """What the views show: edges and who made them known."""
    return {
        view: set(history.rows(f"SELECT {columns}, run_id, job_name, known_by FROM {view}"))
        for view, columns in (
            ("edges", "source_name, source_version, target_name, target_version, explicit"),
            ("column_edges", "source_name, source_version, source_column, target_name, target_column, confidence"),
            ("run_links", "kind, other_run_id, topic, offset"),
        )
    }


def emptied(history: History) -> None:
    tables = history.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND name != 'migrations' AND total_rows > 0"
    )
    for (table,) in tables:
        history.client.command(f"TRUNCATE TABLE `{table}`")


def left(history: History) -> list[str]:
    return Work(history.client, str(history.client.database)).left()


chunked = st.lists(st.lists(worlds.events(ordinary=False), max_size=5), min_size=1, max_size=4)


@trying(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(chunked, st.integers(1, 7))
def test_rebuilt_tables_equal_those_of_the_stream(
    history: History, chunks: list[list[dict[str, Any]]], page: int
) -> None:
    """Row for row, with the events that made each edge known or withdrew it, and the arrivals; whatever the cut into
    chunks, repetitions and conflicts were, and however small the pages are.
    """
    emptied(history)
    again = [event for chunk in chunks for event in chunk][:2]
    stream(history, [*chunks, again])
    before = rows(history)
    outcome = rebuild(history.settings, quiet, page=page)
    assert rows(history) == before
    assert all(one.none for one in outcome.differences)
    assert (outcome.exchanged, outcome.unjudged, left(history)) == (True, 0, [])


def test_edges_that_a_horizon_left_out_are_made(history: History) -> None:
    """A START and a late FAIL of a run that ended and was forgotten: the stream takes each for a run's first event, a
    rebuild for what they are. The run's state is COMPLETE all the time.
    """
    other = {"run_id": worlds.RUNS[1], "state": "RUNNING"}
    told = [
        run_event(2, "COMPLETE", [], [dataset("y", "1")]),
        *(run_event(number, "RUNNING", [], [], run=other) for number in (11, 12)),
        run_event(1, "START", [dataset("x", "1")], []),
        run_event(3, "FAIL", [dataset("w", "1")], []),
    ]
    stream(history, [[one] for one in told], 100_000, stitching_horizon_seconds=10, stitching_young_seconds=1)
    ends = "SELECT source_name, target_name FROM edges ORDER BY source_name"
    states = "SELECT state FROM runs ORDER BY run_id"
    assert history.rows(ends) == [("", "y"), ("w", ""), ("x", "")]
    assert history.rows(states) == [("COMPLETE",), ("RUNNING",)]
    rebuild(history.settings, quiet)
    assert history.rows(ends) == [("w", "y"), ("x", "y")]
    assert history.rows(states) == [("COMPLETE",), ("RUNNING",)]


def test_a_long_run_is_rebuilt_row_for_row(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of 400 events, each with another input, wide from the middle on, with explicit edges and an end in two
    parts, over several pages: compiled code takes most of its events in both, and no row changes.
    """
    sifted: list[int] = []
    sift = Unit.sift

    def counted(unit: Unit, columns: Columns, messages: Any, first: int) -> int:
        stop = sift(unit, columns, messages, first)
        sifted.append(stop - first)
        return stop

    monkeypatch.setattr(Unit, "sift", counted)
    wide = [dataset(f"o{number}", "1") for number in range(20)]
    wide[3] = dataset("o3", "1", edges=[dataset("i5", "1"), dataset("i390", "1")])
    complete = dataset("o4", "1", edges=[dataset("i7", "1")], edges_complete=True)
    events = [
        run_event(number, "RUNNING", [dataset(f"i{number}", "1")], wide if number == 250 else [])
        for number in range(1, 401)
    ]
    end: dict[str, Any] = {"event_id": (401).to_bytes(16, "big"), "parts": 2}
    events += [
        run_event(401, "COMPLETE", [], [complete], part=1, **end),
        run_event(401, "COMPLETE", [dataset("last", "1")], [dataset("o21", "1")], part=2, **end),
    ]
    stream(history, [events[start : start + 90] for start in range(0, len(events), 90)])
    streamed, sifted[:] = sum(sifted), []
    before = rows(history)
    assert len(standing(history)["edges"]) > 8000
    outcome = rebuild(history.settings, quiet, page=60)
    assert rows(history) == before
    assert all(one.none for one in outcome.differences)
    assert min(streamed, sum(sifted)) > 300


def world(history: History) -> list[list[dict[str, Any]]]:
    """Two jobs over a few datasets, in chunks of a seeded size."""
    draw = random.Random(5)
    events: list[dict[str, Any]] = []
    for number in range(60):
        run, job = uuid.UUID(int=number + 1).bytes, draw.choice(["one", "two"])
        a, b, c = draw.sample(["a", "b", "c", "d", "e"], 3)
        for state, inputs, outputs in (("START", [a], []), ("RUNNING", [b], []), ("COMPLETE", [], [c])):
            events.append(
                worlds.whole(
                    {
                        "emit_time": 0,
                        "producer_id": bytes(16),
                        "sequence": 0,
                        "event_id": uuid.UUID(int=len(events) + 1000).bytes,
                        "event_time": 1_700_000_000_000_000 + len(events),
                        "kind": "run",
                        "run": {"run_id": run, "state": state},
                        "job": {"namespace": "j", "name": job},
                        "inputs": [{"namespace": "ns", "name": name} for name in inputs],
                        "outputs": [{"namespace": "ns", "name": name} for name in outputs],
                    }
                )
            )
    draw.shuffle(events)
    return [events[start : start + 11] for start in range(0, len(events), 11)]


def test_a_corrected_rule_applies_to_the_past(history: History) -> None:
    """First told, with nothing changed; then it serves; and with the old rule all is as before."""
    stream(history, world(history))
    before, shown = rows(history), standing(history)
    told = rebuild(history.settings, quiet, dry_run=True, make_step=Corrected)
    [edges] = [one for one in told.differences if one.table == "edges_by_target"]
    of_two = {row for row in shown["edges"] if row[-2] == "two"}
    assert (edges.appear, edges.disappear, edges.before) == (0, len(of_two), len(shown["edges"]))
    assert edges.disappearing
    assert all(example.endswith(" by two") for example in edges.disappearing)
    assert rows(history) == before
    assert (told.exchanged, left(history)) == (False, [])

    rebuild(history.settings, quiet, make_step=Corrected)
    assert standing(history)["edges"] == shown["edges"] - of_two
    ends = "source, target, target_dataset, source = source_dataset AS unversioned"
    both = " UNION DISTINCT ".join(f"SELECT {ends} FROM {table} WHERE source AND target" for table in MIRRORED)
    assert history.rows(f"SELECT * FROM ({both}) ORDER BY source, target") == history.rows(
        f"SELECT * FROM {MIRROR} FINAL ORDER BY source, target"
    )
    again = rebuild(history.settings, quiet)
    assert sum(one.appear for one in again.differences if one.table == "edges_by_target") == len(of_two)
    assert standing(history) == shown


def test_edges_of_events_that_the_archive_never_had_stay(history: History) -> None:
    """Nothing can be said against them; how many events that are is told."""
    stream(history, world(history))
    before = standing(history)
    [(event,)] = history.rows("SELECT known_by FROM edges ORDER BY known_by LIMIT 1")
    history.client.command(f"ALTER TABLE run_events DELETE WHERE event_id = '{event}' SETTINGS mutations_sync = 2")
    kept = {row for row in before["edges"] if row[-1] == event}
    outcome = rebuild(history.settings, quiet)
    assert outcome.unjudged == 1
    assert kept <= standing(history)["edges"]


def test_what_a_rebuild_left_that_died_is_dropped_and_an_exchange_is_finished(history: History) -> None:
    """Died before the exchange: the old tables serve. Died in it: the next one finishes it before anything else."""
    stream(history, world(history))
    before = rows(history)
    work = Work(history.client, str(history.client.database))
    work.create(live=True)
    assert rows(history) == before
    lines: list[str] = []
    rebuild(history.settings, lines.append)
    assert "ended early" in lines[0]
    assert rows(history) == before
    # All that a rebuild does up to the second table's exchange.
    work.create(live=True)
    for table in SERVING:
        history.client.command(f"INSERT INTO rebuild_{table} SELECT * FROM {table}")
    done: list[str] = []

    class Dies(Work):
        def do(self, statement: str) -> None:
            if statement.startswith("EXCHANGE"):
                done.append(statement)
                if len(done) == 3:
                    raise KeyboardInterrupt
            super().do(statement)

    with pytest.raises(KeyboardInterrupt):
        Dies(history.client, work.database).exchange()
    assert work.exchanging
    abandon(history.settings, lines.append)
    assert "finishing" in lines[-1]
    assert rows(history) == before
    assert left(history) == []
    ends = [event for chunk in world(history) for event in chunk if event["run"]["state"] == "COMPLETE"]
    stream(history, [[{**ends[0], "event_id": bytes(15) + b"\x07"}]])
    assert rows(history) != before


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 6))
def test_portions_hold_whole_lanes(lengths: list[int], page: int) -> None:
    """All events once and in order; a number's portions hold whole lanes, and the last of it says so."""
    events = [
        Event((number, 0, ""), place, 0, EDGE_SET, b"")
        for number, count in enumerate(lengths)
        for place in range(count)
    ]
    pages = [events[start : start + page] for start in range(0, len(events), page)]
    found = list(portions(pages, page))
    assert [event for _, some, _ in found for event in some] == events
    of_lane: dict[int, set[int]] = {}
    for number, some, _ in found:
        for event in some:
            of_lane.setdefault(event.lane[0], set()).add(number)
    assert all(len(numbers) == 1 for numbers in of_lane.values())
    over = [number for number, _, is_over in found if is_over]
    assert len(over) == len(set(over))
    assert all(len(some) <= 2 * page + 9 for _, some, _ in found)
