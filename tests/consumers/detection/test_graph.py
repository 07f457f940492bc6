"""The run-level graph and its walks."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from headwater.detection.incidents.graph import Graph, Node
from headwater.detection.incidents.walks import Place, sources, upstream
from tests.consumers.detection.making import (
    NAMESPACE,
    dataset,
    edge_set,
)

START = date(2024, 3, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_withdrawn_edges_are_no_edges() -> None:
    """What one change asserts and a later one withdraws is not walked."""
    graph = Graph()
    made = edge_set("job", START, [dataset("a", "1")], dataset("b", "1"), [(0, "x", "y")])
    graph.add(made)
    b = Place(Node(NAMESPACE, "b", "1"), "y")
    assert sources(graph, b) == {Place(Node(NAMESPACE, "a", "1"), "x")}
    withdrawn = [{**edge, "withdrawn_by": 0} for edge in made["edges"]]
    graph.add({**made, "edges": withdrawn, "column_edges": []})
    assert sources(graph, b) == set()


def test_a_read_without_a_version_is_the_newest_before_it() -> None:
    """As the history resolves it."""
    graph = Graph()
    for number in (0, 2, 9):
        graph.add(edge_set("write", day(number), [dataset("source", str(number))], dataset("a", str(number))))
    graph.add(edge_set("read", day(5), [dataset("a", None)], dataset("b", "1")))
    assert graph.parents(Node(NAMESPACE, "b", "1")) == {Node(NAMESPACE, "a", "2")}


def test_walks_end_on_cycles_and_at_their_budget() -> None:
    """A cycle is walked once; a walk that is cut says so."""
    graph = Graph()
    for source, target in itertools.pairwise("abca"):
        graph.add(edge_set(source, START, [dataset(source, "1")], dataset(target, "1")))
    start = Place(Node(NAMESPACE, "a", "1"), None)
    whole = upstream(graph, start, 100)
    assert len(whole.hops) == 3
    assert not whole.truncated
    assert upstream(graph, start, 2).truncated
