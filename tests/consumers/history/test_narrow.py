"""Questions that walk, asked of what the walk finds: the answer is that of the documented statement by itself."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import pytest

from headwater.audit import QUESTIONS, Node, ask, sending, walk
from headwater.audit.literal import literal, told
from headwater.audit.near import NEAR
from headwater.audit.rows import table
from headwater.audit.store import Client, Result
from headwater.audit.texts import KEYED
from headwater.schemas.topics import EDGES, PREDICTIONS, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, at, batch, dataset, edge_set, prediction, run_event
from tests.consumers.history.test_names import alias, renamed, said
from tests.consumers.history.test_walks import random_graph

pytestmark = pytest.mark.integration

FIRST, MINUTE = 1_790_000_000_000_000, 60_000_000


#: Then and now, the same twice, and all time.
_TIMES = (
    (datetime.fromtimestamp(FIRST / 1e6, UTC), datetime(2100, 1, 1, tzinfo=UTC)),
    (datetime.fromtimestamp(FIRST / 1e6, UTC), datetime.fromtimestamp(FIRST / 1e6, UTC)),
    (datetime(2100, 1, 1, tzinfo=UTC), "2299-12-31T23:59:59.999999Z"),
)


def random_history(history: History, draw: random.Random) -> None:
    """Cycles, open reads, withdrawals, failed runs, aliases and renames, in two rounds, some twice, and predictions."""
    graph = random_graph(draw, 8, 30)
    for event in graph.events[5::9]:
        event["run"] = {**cast("dict[str, object]", event["run"]), "state": "FAIL"}
    names = [
        said(f"say {n}", 50 * n, dataset(f"d{n}", "s", **draw.choice((alias, renamed))(f"d{n + 4}"))) for n in range(2)
    ]
    for part in (slice(0, None, 2), slice(1, None, 2)):
        history.keep(
            batch(RUNS.name, [*graph.events[part], *names[part]], first=100 * (part.start or 0)),
            batch(EDGES.name, graph.sets[part], first=100 * (part.start or 0)),
        )
        history.clock[0] += MINUTE
    # Delivered again, and not merged yet.
    history.keep(batch(RUNS.name, graph.events[::3], first=500), batch(EDGES.name, graph.sets[::3], first=500))
    history.keep(batch(PREDICTIONS.name, [prediction(f"p{n}", at(20 + n), "d1", "v5") for n in range(3)]))


def same(history: History, question: str, **values: Any) -> bool:
    """Whether both ways say the same; and whether they say anything."""
    answer = ask(history.client, question, **values)
    alone = history.client.query(answer.sql, parameters=dict(answer.parameters))
    assert sorted(map(str, answer.rows)) == sorted(str(tuple(row)) for row in alone.result_rows), (question, values)
    assert answer.columns == tuple(alone.column_names)
    return bool(answer.rows)


def test_the_same_either_way(history: History, seed: int) -> None:
    """By any name, of a version or of all, cut by depth, and as it was known before the second round."""
    draw = random.Random(seed)
    random_history(history, draw)
    then = datetime.fromtimestamp(FIRST / 1e6, UTC)
    node = {"namespace": NS, "name": f"d{draw.randrange(8)}"}
    assert same(history, "model_made_of", **node)
    same(history, "reaches", **node, depth=2)
    same(history, "erasure", **node, known_at=then)
    same(history, "nearest_change", **node, at=datetime.fromtimestamp(at(140) / 1e6, UTC))
    before, after = (f"v{number}" for number in draw.sample(range(30), 2))
    same(history, "model_diff", **node, before=before, after=after)
    assert not same(history, "reaches", namespace=NS, name="nobody")
    changes = [same(history, "graph_changes", **node, known_at=known, until=until) for known, until in _TIMES]
    assert any(changes)
    assert not same(history, "graph_changes", namespace=NS, name="nobody")


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_the_same_either_way_whatever_is_asked(history: History, seed: int) -> None:
    """Every question that walks, of many nodes, depths and times."""
    draw = random.Random(seed)
    random_history(history, draw)
    moments = [None, datetime.fromtimestamp(FIRST / 1e6, UTC), datetime.fromtimestamp((FIRST - 1) / 1e6, UTC)]
    for question in ("model_made_of", "reaches", "erasure", "nearest_change", "model_diff"):
        for _ in range(4):
            values: dict[str, Any] = {
                "namespace": NS,
                "name": f"d{draw.randrange(9)}",
                "depth": draw.choice((1, 3, 30)),
            }
            versions = [f"v{draw.randrange(30)}", f"own{draw.randrange(3)}"]
            if question == "model_diff":
                values |= {"before": versions[0], "after": versions[1]}
            elif draw.random() < 0.5:
                values["version"] = draw.choice(versions)
            if (known := draw.choice(moments)) is not None:
                values["known_at"] = known
            if draw.random() < 0.3:
                values["at"] = datetime.fromtimestamp(at(draw.randrange(300)) / 1e6, UTC)
            same(history, question, **values)
    for number in range(9):
        for known, until in _TIMES:
            then = {"at": datetime.fromtimestamp(at(draw.randrange(300)) / 1e6, UTC)} if number % 2 else {}
            same(history, "graph_changes", namespace=NS, name=f"d{number}", known_at=known, until=until, **then)


def test_what_a_question_calls_near_is_there() -> None:
    """Each `-- near VIEW: what` names a view that the statement reads, and something that can be said."""
    told = {name: question.near for name, question in QUESTIONS.items() if question.near}
    walking = {name for name, one in QUESTIONS.items() if "stream_at(" in one.sql}
    grouping = {"slowest_stages", "unread_outputs", "metadata_changes"}
    flat = {"prediction", "predictions_about", "who_read", "owners", "gaps"}
    assert set(told) == {*walking, *grouping, *flat, "graph_changes", "untagged_columns", "same_outputs"}
    for name, near in told.items():
        for view, what in near.items():
            assert f"{view}_at(" in QUESTIONS[name].sql, name
            assert what in {*NEAR, "text"} or (view, what) in {
                ("edges", "around"),
                ("column_edges", "below"),
                *(("predictions", key) for key in KEYED),
                *(("dataset_versions", one) for one in ("versions", "newest", "repeated")),
            }, name


def test_what_stands_of_several_is_the_same_either_way(history: History) -> None:
    """Origins that events state differently, runs of one job that end at one time, one that failed, changed code."""
    runs = (("COMPLETE", 10, "declared"), ("COMPLETE", 20, "store"), ("COMPLETE", 20, "run"), ("FAIL", 30, "digest"))
    events: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    source = dataset("s", "1", version_origin="declared")
    for number, (state, end, origin) in enumerate(runs):
        written = dataset("x", str(min(number, 2)), version_origin=origin)
        more: dict[str, Any] = {"inputs": [source], "outputs": [written], "parameters": {"rate": str(number)}}
        events += [
            run_event(f"job {number}", "START", at(number), **more),
            run_event(f"job {number}", state, at(end), job_fields={"code": {"commit": f"c{number}"}}),
        ]
        sets.append(edge_set(f"job {number}", at(end), [dataset("s", "1"), dataset("x", written["version"])], [(0, 1)]))
    # Known first, and not what is shown.
    history.keep(
        batch(RUNS.name, [run_event("say 1", "START", at(0), outputs=[{**source, "version_origin": "store"}])])
    )
    history.clock[0] += MINUTE
    history.keep(batch(RUNS.name, events, first=100), batch(EDGES.name, sets))
    for version in ("0", "1", "2", None):
        node = {"namespace": NS, "name": "x", "version": version}
        assert same(history, "model_made_of", **node)
        assert same(history, "erasure", **node)
        assert same(history, "nearest_change", **node)


#: What a text may hold that something on the way could take for its own.
_ODD: Final = ("", "it's", "a\\b", "\\'", "two\nlines\tand", "(1, NULL)", "NULL", '"', "`", "ü€😀", "{x:String}", "\\N")


def test_rows_as_parameters_are_the_rows(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they hold, and also where they are sent in pieces."""
    monkeypatch.setattr("headwater.audit.sending.FIELD", 40)
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    kinds = {"a": "String", "b": "Nullable(String)", "c": "Int64", "d": "Bool", "e": "Nullable(DateTime64(6, 'UTC'))"}
    rows: list[tuple[Any, ...]] = [(text, text or None, -n, bool(n % 2), when) for n, text in enumerate(_ODD)]
    rows.append(("", None, 2**62, True, None))
    sent: dict[str, Any] = {}
    text = literal("odd", kinds, rows, sent)
    assert len(sending.sent(text, sent)[1]) > 1
    found = table(history.client, f"SELECT * FROM {text}", sent)[1]
    assert sorted(map(str, found)) == sorted(map(str, rows))

    columns = ("a", "c", "e", "m", "f")
    view = f"(SELECT a, c, e, map(a, ifNull(b, '')) AS m, [(c / 3, b)] AS f FROM {text})"
    every = told(history.client, view, columns, ("a", "c"), sent)
    assert every is not None
    assert sorted(every[1]) == sorted((row[0], row[2]) for row in rows)
    again: dict[str, Any] = {}
    alone = table(history.client, f"SELECT * FROM {view}", sent)[1]
    found = table(history.client, f"SELECT * FROM {every[0].literal('again', again)}", again)[1]
    assert sorted(map(str, found)) == sorted(map(str, alone))


#: What a store answers that has no use of the dictionaries, and that cannot look up a join's rows by key.
REFUSALS: Final = {
    "dictGet": "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)",
    "join_algorithm": "Code: 48. DB::Exception: Can't execute any of specified algorithms. (NOT_IMPLEMENTED)",
}


class OldEngine:
    """A client of an engine that refuses some of these."""

    def __init__(self, client: Client, *refuses: str) -> None:
        self._client = client
        self._refuses = refuses
        self.refused: set[str] = set()
        self.database = client.database

    def query(
        self,
        query: str | None = None,
        parameters: dict[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Result:
        from clickhouse_connect.driver.exceptions import DatabaseError

        for what in self._refuses:
            if what in str(query):
                self.refused.add(what)
                raise DatabaseError(REFUSALS[what])
        return self._client.query(query, parameters=parameters)


@pytest.mark.parametrize("refuses", [("dictGet",), ("dictGet", "join_algorithm")], ids="-".join)
def test_an_engine_that_reads_ahead_otherwise_or_not_at_all(
    refuses: tuple[str, ...], history: History, seed: int
) -> None:
    """The walk is the same, by recursion, or by a statement a level."""
    draw = random.Random(seed)
    random_history(history, draw)
    old: Any = OldEngine(history.client, *refuses)
    for direction in ("up", "down"):
        node = Node(NS, f"d{draw.randrange(8)}")
        assert walk(old, node, direction) == walk(history.client, node, direction)
    assert old.refused == set(refuses)


def test_a_hint_that_is_old(history: History) -> None:
    """What came since somebody walked there is walked to all the same, up and down."""
    first, second, third = (Node(NS, name, "1") for name in ("one", "two", "three"))
    for number, (source, target) in enumerate([(first, second), (second, third)]):
        ends = [dataset(one.name, one.version) for one in (source, target)]
        history.keep(batch(EDGES.name, [edge_set(f"run {number}", at(number), ends, [(0, 1)])], first=number))
        whole = {first, second} if number == 0 else {first, second, third}
        assert {one.node for one in walk(history.client, first, "down").nodes} == whole
        assert {one.node for one in walk(history.client, target, "up").nodes} == whole


def test_more_ends_than_a_hint_holds(history: History) -> None:
    """A node that leads to 1,100 others, which all lead to one: all of them, down and up."""
    middle = [dataset(f"middle{number}", "1") for number in range(1100)]
    places = range(1, len(middle) + 1)
    ends = [dataset("first", "1"), *middle, dataset("last", "1")]
    products = [([0], list(places)), (list(places), [len(middle) + 1])]
    history.keep(batch(EDGES.name, [edge_set("wide", at(1), ends, products=products)]))
    assert len(walk(history.client, Node(NS, "first", "1"), "down").nodes) == len(ends)
    assert len(walk(history.client, Node(NS, "last", "1"), "up").nodes) == len(ends)
