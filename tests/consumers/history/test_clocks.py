"""Two clocks: what was true at a time, and what was known at a time, in every view.

The oracle is a history that stopped there: what the views say of a time in the whole history is what they said when
nothing later had come.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.audit import QUESTIONS, Clocks, Node, ask, walk
from headwater.errors import NotFound
from headwater.schemas import plain as avro
from headwater.schemas import records, topics
from headwater.schemas.topics import TOPICS
from headwater.streams.batch import Batch
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import (
    NS,
    START,
    as_uuid,
    at,
    batch,
    dataset,
    edge_set,
    head,
    named,
    prediction,
    run_event,
)

pytestmark = pytest.mark.integration

RUNS, EDGES, PRODUCERS = topics.RUNS.name, topics.EDGES.name, topics.PRODUCERS.name
VIEWS = (
    "runs",
    "run_links",
    "uses",
    "dataset_versions",
    "edges",
    "column_edges",
    "owners",
    "datasets",
    "predictions",
    "column_profiles",
    "verdicts",
    "alerts",
    "incidents",
    "decisions",
    "dead_letters",
    "producers",
    "producer_gaps",
    "conflicts",
)
FAR = "2299-12-31 23:59:59.999999"
#: Arrival of the first round; each round arrives a minute later.
FIRST = 1_790_000_000_000_000
MINUTE = 60_000_000


def moment(micros: int) -> str:
    return f"fromUnixTimestamp64Micro({micros}, 'UTC')"


def answers(history: History, *, true_at: str = f"'{FAR}'", known_at: str = f"'{FAR}'") -> dict[str, list[str]]:
    """What each view says, its rows as text in an order of their own."""
    said: dict[str, list[str]] = {}
    for view in VIEWS:
        rows = history.rows(f"SELECT toString(tuple(*)) FROM {view}_at(at = {true_at}, known_at = {known_at})")
        said[view] = sorted(str(row[0]) for row in rows)
    for way in ("upstream", "downstream"):
        arguments = (
            f"namespace = '{NS}', name = 'mid', version = NULL, depth = 9, at = {true_at}, known_at = {known_at}"
        )
        said[way] = sorted(str(row) for row in history.rows(f"SELECT * FROM {way}_at({arguments})"))
    return said


def plain(history: History) -> dict[str, list[str]]:
    """The same of the views of now."""
    return {
        view: sorted(str(row[0]) for row in history.rows(f"SELECT toString(tuple(*)) FROM {view}")) for view in VIEWS
    }


def rounds() -> list[list[Batch]]:
    """Rounds of events about the same things: late starts, withdrawals, other kinds, decisions, retries."""
    first = run_event("ingest 1", "COMPLETE", at(10), outputs=[dataset("mid")], sequence=1)
    retry = {**first, "emit_time": at(11), "sequence": 7}
    other = {**first, "purpose": "other content"}
    start = run_event("ingest 1", "START", at(9), inputs=[dataset("raw", "3")], sequence=2)
    read = run_event("report 1", "COMPLETE", at(30), inputs=[dataset("mid")], outputs=[dataset("out", "1")], sequence=3)
    known = f"ingest 1 COMPLETE {at(10)} 1"
    late = f"ingest 1 START {at(9)} 1"
    reads = f"report 1 COMPLETE {at(30)} 1"
    ends = [dataset("mid", f"run:{as_uuid('ingest 1')}")]
    column = {
        "source": 0,
        "target": 1,
        "column": "a",
        "target_column": "b",
        "transformation": "DIRECT",
        "subtype": "IDENTITY",
    }
    both = [dataset("mid"), dataset("out", "1")]
    named_model = run_event("name 1", "COMPLETE", at(40), outputs=[dataset("out", "1", kind="model")], sequence=5)
    owned = {"namespace": NS, "name": "mid", "owners": [{"name": "team:x"}]}
    return [
        [batch(RUNS, [first]), batch(EDGES, [edge_set("ingest 1", at(10), ends, [(-1, 0)], known=known)])],
        [
            batch(RUNS, [read, retry], first=1),
            batch(topics.PREDICTIONS.name, [prediction("p", at(31), "m", "1")]),
            batch(EDGES, [edge_set("report 1", at(30), both, [(0, 1)], known=reads)], first=1),
            batch(EDGES, [edge_set("report 1", at(30), both, columns=[column], known=reads)], first=2),
        ],
        [
            batch(RUNS, [start, other], first=3),
            batch(EDGES, [edge_set("ingest 1", at(10), ends, [(-1, 0)], known=known, withdrawn=late)], first=3),
            batch(EDGES, [edge_set("ingest 1", at(9), [dataset("raw", "3"), *ends], [(0, 1)], known=late)], first=4),
        ],
        [
            batch(RUNS, [named_model], first=5),
            batch(topics.DECISIONS.name, [{**head("decision", at(41)), "kind": "owner", "actor": "ann", **owned}]),
            batch(PRODUCERS, [{**head("closed", at(42), 9), "kind": "closed", "last_sequence": 9, "service": "s"}]),
        ],
        [
            batch(RUNS, [run_event("ingest 2", "FAIL", at(8), outputs=[dataset("mid", "x")], sequence=6)], first=6),
            batch(
                topics.DECISIONS.name,
                [{**head("lift", at(50)), "kind": "lift", "actor": "bob", "lifts": named("decision")}],
                first=1,
            ),
            batch(topics.PREDICTIONS.name, [prediction("q", at(7), "m", "1")], first=1),
        ],
    ]


def test_an_edge_is_known_since_its_event(history: History) -> None:
    """An edge set that came later than its event, as it always does, dates its edges by the event."""
    both = [dataset("a", "1"), dataset("b", "1")]
    history.clock[0] = FIRST
    history.keep(batch(RUNS, [run_event("r 1", "COMPLETE", at(1))]))
    history.clock[0] = FIRST + MINUTE
    history.keep(batch(EDGES, [edge_set("r 1", at(1), both, [(0, 1)], known=f"r 1 COMPLETE {at(1)} 1")]))
    asked = f"SELECT source_name, target_name FROM edges_at(at = '{FAR}', known_at = "
    assert history.rows(asked + moment(FIRST) + ")") == [("a", "b")]
    assert history.rows(asked + moment(FIRST - 1) + ")") == []


def test_what_was_known_then_is_what_was_said_then(history: History) -> None:
    """After everything has come, every view still says of each earlier known-at what it said then."""
    said: list[dict[str, list[str]]] = []
    for number, one in enumerate(rounds()):
        history.clock[0] = FIRST + number * MINUTE
        history.keep(*one)
        said.append(answers(history))
    assert {view: said[-1][view] for view in VIEWS} == plain(history)
    assert len({str(one["edges"]) for one in said}) >= 3
    for number, then in enumerate(said):
        known = moment(FIRST + number * MINUTE)
        for view, rows in answers(history, known_at=known).items():
            assert rows == then[view], (number, view)
    for view, rows in answers(history, known_at=moment(FIRST - 1)).items():
        assert rows == [], view


def test_merging_changes_no_answer(history: History) -> None:
    """Once the engine has merged all doubles away, each earlier known-at gives the same answers."""
    for number, one in enumerate([*rounds(), *rounds()]):
        history.clock[0] = FIRST + number * MINUTE
        history.keep(*one)
    times = [moment(FIRST + number * MINUTE) for number in (0, 2, 4)]
    before = [answers(history, known_at=time) for time in times]
    for (table,) in history.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE 'Repl%'"
    ):
        history.client.command(f"OPTIMIZE TABLE {table} FINAL")
    assert [answers(history, known_at=time) for time in times] == before


def test_what_was_true_then(history: History, seed: int) -> None:
    """What was true at T does not depend on what happened after T, nor on the order in which it arrived."""
    # But for what a dataset is: its kind is told once, for all time.
    every = [one for number, some in enumerate(rounds()) for one in some if (number, one.topic) != (3, RUNS)]
    cut = at(32)
    early = [one for one in (_before(one, cut) for one in every) if one is not None]
    history.keep(*early)
    then = answers(history, true_at=moment(cut))
    random.Random(seed).shuffle(every)
    for one in every:
        history.keep(one)
    now = answers(history, true_at=moment(cut))
    # A dataset is a dataset however late it is named; when something was known is not what was true.
    for view in ("runs", "uses", "edges", "column_edges", "owners", "predictions", "decisions", "producers"):
        assert now[view] == then[view], view


def _before(one: Batch, cut: int) -> Batch | None:
    """The records of a batch whose event time is not after `cut`."""
    record = str(TOPICS[one.topic].record)
    values: list[dict[str, Any]] = [avro.decode(records.current(record), value[10:]) for value in one.values]
    places = [place for place, value in enumerate(values) if value["event_time"] <= cut]
    if not places:
        return None
    return batch(one.topic, [values[place] for place in places], first=int(one.offsets[places[0]]))


def test_questions_go_by_both_clocks(history: History) -> None:
    """Each question, asked of an earlier known-at, gives the answer that it gave then."""
    values = {
        "namespace": NS, "name": "mid", "key": "p", "subject": "s", "column": "a",
        "before": f"run:{as_uuid('ingest 1')}", "after": "x",
    }  # fmt: skip

    def asked(**clocks: Any) -> dict[str, Any]:
        return {
            name: ask(
                history.client,
                name,
                **{one.name: values[one.name] for one in question.parameters if one.default is None},
                **clocks,
            ).rows
            for name, question in QUESTIONS.items()
            if name != "graph_changes"  # it tells what came since
        }

    said: list[dict[str, Any]] = []
    for number, one in enumerate(rounds()):
        history.clock[0] = FIRST + number * MINUTE
        history.keep(*one)
        said.append(asked() if number in (0, 3, 4) else {})
    changed = {name for name in said[0] if len({str(said[number][name]) for number in (0, 3, 4)}) > 1}
    assert {"who_read", "reaches", "owners", "prediction"} <= changed
    for number in (0, 3):
        known = datetime.fromtimestamp((FIRST + number * MINUTE) / 1e6, UTC)
        assert asked(known_at=known) == said[number], number


def test_walks_go_by_both_clocks(history: History) -> None:
    """A walk as of a known-at is the walk of then, in both directions; a node that came later was not known."""
    node = Node(NS, "mid")
    said: list[list[Any]] = []
    for number, one in enumerate(rounds()[:3]):
        history.clock[0] = FIRST + number * MINUTE
        history.keep(*one)
        said.append([walk(history.client, node, way) for way in ("up", "down")])
    assert said[0] != said[1] != said[2]
    for number, then in enumerate(said):
        clocks = Clocks(known_at=datetime.fromtimestamp((FIRST + number * MINUTE) / 1e6, UTC))
        assert [walk(history.client, node, way, clocks=clocks) for way in ("up", "down")] == then
    early = Clocks(at=START + timedelta(minutes=20))
    assert walk(history.client, node, "down", clocks=early).edges == ()
    with pytest.raises(NotFound, match="it came later"):
        walk(history.client, Node(NS, "raw"), clocks=Clocks(known_at=datetime.fromtimestamp(FIRST / 1e6, UTC)))
