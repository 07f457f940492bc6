"""Names of one dataset, aliases and renames, are read together by walks, questions and views, by both clocks."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.audit import Clocks, Node, ask, walk
from headwater.audit.clocks import NOW
from headwater.audit.model import Direction
from headwater.errors import NotFound
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, at, batch, dataset, edge_set, run_event
from tests.consumers.history.test_walks import reached

pytestmark = pytest.mark.integration

RUNS, EDGES = topics.RUNS.name, topics.EDGES.name
FIRST, MINUTE = 1_790_000_000_000_000, 60_000_000


def alias(*names: str, namespace: str = NS) -> dict[str, Any]:
    return {"aliases": [{"namespace": namespace, "name": name, "type": "TABLE"} for name in names]}


def renamed(before: str) -> dict[str, Any]:
    return {"lifecycle": {"change": "RENAME", "previous_namespace": None, "previous_name": before}}


def said(label: str, minute: float, *datasets: dict[str, Any]) -> dict[str, Any]:
    """A dataset event for each dataset that says what its other names are."""
    return run_event(label, "COMPLETE", at(minute), outputs=list(datasets))


def made(history: History, label: str, minute: float, source: dict[str, Any], target: dict[str, Any]) -> None:
    """A run that reads the one and writes the other, and its edge."""
    event = run_event(label, "COMPLETE", at(minute), inputs=[source], outputs=[target])
    edges = edge_set(label, at(minute), [source, target], [(0, 1)], known=f"{label} COMPLETE {at(minute)} 1")
    history.keep(batch(RUNS, [event], first=int(minute * 10)), batch(EDGES, [edges], first=int(minute * 10)))


def nodes(
    history: History, node: Node, direction: Direction, clocks: Clocks = NOW, *, view: bool = False
) -> dict[str, int]:
    """name@version -> depth of a walk. `view`: the SQL view must say the same (it takes long to plan)."""
    found = walk(history.client, node, direction, versions="all", clocks=clocks)
    ours = {f"{one.node.name}@{one.node.version}": one.depth for one in found.nodes}
    if not view:
        return ours
    name = {"up": "upstream", "down": "downstream"}[direction]
    far = datetime(2299, 12, 31, tzinfo=UTC)
    rows = history.rows(
        f"SELECT name, version, depth FROM {name}_at(namespace = {{ns:String}}, name = {{name:String}}, "
        "version = {version:Nullable(String)}, depth = 40, at = {at:DateTime64(6, 'UTC')}, "
        "known_at = {known:DateTime64(6, 'UTC')})",
        ns=node.namespace, name=node.name, version=node.version, at=clocks.at or far, known=clocks.known_at or far,
    )  # fmt: skip
    assert {f"{name}@{version}": depth for name, version, depth in rows} == ours
    return ours


def test_a_chain_of_aliases(history: History) -> None:
    """a is also b, b is also c: what is written as c is found by a, under the name that is nobody's alias."""
    made(history, "in 1", 1, dataset("raw", "1"), dataset("c", "1"))
    made(history, "out 1", 2, dataset("a", "1"), dataset("report", "1"))
    history.keep(
        batch(
            RUNS, [said("say 1", 3, dataset("a", "9", **alias("b"))), said("say 2", 4, dataset("b", "9", **alias("c")))]
        )
    )
    assert nodes(history, Node(NS, "report", "1"), "up") == {"report@1": 0, "a@1": 1, "raw@1": 2}
    assert nodes(history, Node(NS, "raw", "1"), "down", view=True) == {"raw@1": 0, "a@1": 1, "report@1": 2}
    for name in "abc":
        assert nodes(history, Node(NS, name, "1"), "down") == {"a@1": 0, "report@1": 1}, name
    rows = history.rows("SELECT name, same_as_name, secondary FROM dataset_names ORDER BY name")
    assert rows == [("a", "a", False), ("b", "a", True), ("c", "a", True)]


def test_aliases_in_a_circle_end(history: History) -> None:
    """a is also b, b also c, c also a: one dataset, under the first of the names."""
    circle = [dataset(one, "9", **alias(other)) for one, other in ("ab", "bc", "ca")]
    history.keep(batch(RUNS, [said("say 1", 3, *circle)]))
    made(history, "in 1", 1, dataset("raw", "1"), dataset("c", "1"))
    made(history, "loop 1", 2, dataset("b", "1"), dataset("raw", "1"))
    assert nodes(history, Node(NS, "raw", "1"), "down") == {"raw@1": 0, "b@1": 1}
    assert nodes(history, Node(NS, "a"), "down", view=True) == {"a@9": 0, "b@1": 0, "raw@1": 1}


def test_a_dataset_renamed_twice(history: History) -> None:
    """A became B, B became C: a version under two names is one, and a walk by the oldest name finds the newest."""
    made(history, "one 1", 1, dataset("raw", "1"), dataset("A", "1"))
    made(history, "two 1", 3, dataset("A", "1"), dataset("B", "2"))
    made(history, "three 1", 5, dataset("B", "2"), dataset("C", "3"))
    history.keep(
        batch(
            RUNS,
            [said("mv 1", 2, dataset("B", "1", **renamed("A"))), said("mv 2", 4, dataset("C", "2", **renamed("B")))],
        )
    )
    assert nodes(history, Node(NS, "A"), "up") == {"A@1": 0, "C@2": 0, "C@3": 0, "raw@1": 1}
    assert nodes(history, Node(NS, "raw", "1"), "down") == {"raw@1": 0, "A@1": 1, "C@2": 2, "C@3": 3}
    rows = ask(history.client, "model_made_of", namespace=NS, name="A", version="3").dicts()
    assert [(row["depth"], row["name"], row["version"]) for row in rows] == [
        (0, "C", "3"), (1, "C", "2"), (2, "A", "1"), (3, "raw", "1"),
    ]  # fmt: skip


def test_read_by_the_old_name_and_written_by_the_new(history: History) -> None:
    """A read of the old name that names no version has the version that stood then under the new one."""
    made(history, "write 1", 1, dataset("raw", "1"), dataset("new", "1"))
    history.keep(batch(RUNS, [said("mv 1", 2, dataset("new", "0", **renamed("old")))]))
    made(history, "read 1", 5, dataset("old"), dataset("out", "1"))
    made(history, "write 2", 7, dataset("raw", "2"), dataset("new", "2"))
    # The rename's event writes new@0 itself, after version 1.
    made(history, "write 3", 3, dataset("raw", "3"), dataset("new", "3"))
    assert nodes(history, Node(NS, "out", "1"), "up", view=True) == {"out@1": 0, "new@3": 1, "raw@3": 2}
    assert nodes(history, Node(NS, "new", "3"), "down") == {"new@3": 0, "out@1": 1}
    assert nodes(history, Node(NS, "new", "2"), "down") == {"new@2": 0}
    [edge] = walk(history.client, Node(NS, "old"), "down", versions="all").edges
    assert (edge.source, edge.inferred) == (Node(NS, "new", "3"), True)
    rows = history.rows("SELECT source_name, source_version, inferred FROM edges WHERE target_name = 'out'")
    assert rows == [("old", "3", True)]


def test_several_roots_by_any_of_their_names(history: History) -> None:
    """They are found together, as each would be alone; one that is not there is named."""
    made(history, "one 1", 1, dataset("A", "1"), dataset("first", "1"))
    made(history, "two 1", 2, dataset("B", "2"), dataset("second", "1"))
    history.keep(batch(RUNS, [said("mv 1", 3, dataset("B", "9", **renamed("A")))]))
    roots = [Node(NS, "B", "1"), Node(NS, "A", "2"), Node(NS, "A", "9")]
    alone = [nodes(history, root, "down") for root in roots]
    assert alone == [{"A@1": 0, "first@1": 1}, {"B@2": 0, "second@1": 1}, {"B@9": 0}]
    found = walk(history.client, roots, "down")
    assert {f"{one.node.name}@{one.node.version}": one.depth for one in found.nodes} == alone[0] | alone[1] | alone[2]
    with pytest.raises(NotFound, match="A@7 is not in the history"):
        walk(history.client, [*roots, Node(NS, "A", "7")], "down")


def test_a_name_is_one_within_its_namespace(history: History) -> None:
    """An alias in another namespace joins that namespace's name, and leaves the same name elsewhere alone."""
    other = {**dataset("t", "1"), "namespace": "db://one"}
    third = {**dataset("t", "1"), "namespace": "db://two"}
    made(history, "one 1", 1, dataset("x", "1"), other)
    made(history, "two 1", 2, dataset("y", "1"), third)
    history.keep(batch(RUNS, [said("say 1", 3, dataset("mine", "1", **alias("t", namespace="db://one")))]))
    assert nodes(history, Node(NS, "mine", "1"), "up") == {"mine@1": 0, "x@1": 1}
    assert nodes(history, Node("db://one", "t", "1"), "up") == {"mine@1": 0, "x@1": 1}
    assert nodes(history, Node("db://two", "t", "1"), "up") == {"t@1": 0, "y@1": 1}


def test_an_alias_known_later_changes_no_earlier_answer(history: History) -> None:
    """Before it arrived, and before it was true, the names were two datasets."""
    history.clock[0] = FIRST
    made(history, "in 1", 1, dataset("raw", "1"), dataset("b", "1"))
    made(history, "out 1", 2, dataset("a", "1"), dataset("report", "1"))
    before = nodes(history, Node(NS, "report", "1"), "up")
    assert before == {"report@1": 0, "a@1": 1}
    history.clock[0] = FIRST + MINUTE
    history.keep(batch(RUNS, [said("say 1", 30, dataset("a", "9", **alias("b")))]))
    after = nodes(history, Node(NS, "report", "1"), "up")
    assert after == {"report@1": 0, "a@1": 1, "raw@1": 2}
    then = Clocks(known_at=datetime.fromtimestamp(FIRST / 1e6, UTC))
    assert nodes(history, Node(NS, "report", "1"), "up", then, view=True) == before
    early = Clocks(at=datetime.fromtimestamp(at(20) / 1e6, UTC))
    assert nodes(history, Node(NS, "report", "1"), "up", early, view=True) == before
    late = Clocks(known_at=datetime.fromtimestamp((FIRST + MINUTE) / 1e6, UTC))
    assert nodes(history, Node(NS, "report", "1"), "up", late, view=True) == after
    repeated = said("say 1", 30, dataset("a", "9", **alias("b")))
    history.clock[0] = FIRST + 2 * MINUTE
    history.keep(batch(RUNS, [repeated], first=90))
    assert nodes(history, Node(NS, "report", "1"), "up", late) == after


def test_random_names(history: History, seed: int) -> None:
    """Random graphs with cycles under random names: what a plain walk gives once all names are put in place of one."""
    draw = random.Random(seed)
    names = [f"n{number}" for number in range(14)]
    said_pairs = [tuple(draw.sample(names, 2)) for _ in range(9)]
    group = {name: {name} for name in names}
    for one, other in said_pairs:
        joined = group[one] | group[other]
        for name in joined:
            group[name] = joined
    aliases = {other for _, other in said_pairs}
    pairs = {
        ((draw.choice(names), str(draw.randrange(2))), (draw.choice(names), str(draw.randrange(2)))) for _ in range(30)
    }
    there = {end for pair in pairs for end in pair}
    there |= {(one, "s") for one, _ in said_pairs}

    def stands(end: tuple[str, str]) -> Node:
        name, version = end
        fits = [other for other in group[name] if (other, version) in there]
        return Node(NS, min(fits, key=lambda one: (one in aliases, one)), version)

    history.keep(
        batch(RUNS, [said(f"say {n}", n, dataset(one, "s", **draw.choice((alias, renamed))(other)))
                     for n, (one, other) in enumerate(said_pairs)]),
        batch(EDGES, [edge_set(f"r {n}", at(n), [dataset(*one), dataset(*other)], [(0, 1)])
                      for n, (one, other) in enumerate(sorted(pairs))]),
    )  # fmt: skip
    plain = {(stands(one), stands(other)) for one, other in pairs}
    for number, end in enumerate(draw.sample(sorted(there), 6)):
        for direction in ("up", "down"):
            depths = {
                f"{one.name}@{one.version}": depth for one, depth in reached(plain, [stands(end)], direction).items()
            }
            assert nodes(history, Node(NS, *end), direction, view=number == 0) == depths, (end, direction)


def test_what_says_nothing_of_names_makes_none(history: History) -> None:
    """An event with an empty list, or a dataset that is its own alias."""
    history.keep(batch(RUNS, [said("say 1", 1, dataset("a", "1", **alias("a")), dataset("b", "1", **alias()))]))
    assert history.rows("SELECT count() FROM dataset_aliases") == [(0,)]
    assert history.rows("SELECT count() FROM dataset_names") == [(0,)]
