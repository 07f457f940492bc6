"""Questions that walk, asked of what the walk finds: the answer is that of the documented statement by itself."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from headwater.audit import QUESTIONS, Node, ask, walk
from headwater.audit.narrow import NEAR
from headwater.audit.store import Client, Result
from headwater.schemas.topics import EDGES, PREDICTIONS, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, at, batch, dataset, prediction
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
    assert set(told) == {*walking, *grouping, "graph_changes", "untagged_columns", "same_outputs"}
    for name, near in told.items():
        for view, what in near.items():
            assert f"{view}_at(" in QUESTIONS[name].sql, name
            assert what in NEAR or (view, what) in {
                ("edges", "around"),
                ("column_edges", "below"),
                *(("dataset_versions", one) for one in ("versions", "datasets", "repeated")),
            }, name


class OldEngine:
    """A client of an engine that cannot look up a join's rows by key."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.refused = 0
        self.database = client.database

    def query(
        self,
        query: str | None = None,
        parameters: dict[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Result:
        from clickhouse_connect.driver.exceptions import DatabaseError

        if "join_algorithm" in str(query):
            self.refused += 1
            raise DatabaseError("Code: 48. DB::Exception: Can't execute any of specified algorithms. (NOT_IMPLEMENTED)")
        return self._client.query(query, parameters=parameters)


def test_an_engine_that_cannot_read_ahead(history: History, seed: int) -> None:
    """The walk is the same, a statement a level."""
    draw = random.Random(seed)
    random_history(history, draw)
    old: Any = OldEngine(history.client)
    for direction in ("up", "down"):
        node = Node(NS, f"d{draw.randrange(8)}")
        assert walk(old, node, direction) == walk(history.client, node, direction)
    assert old.refused
