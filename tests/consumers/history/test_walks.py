"""Walks give what a plain walk over the same edges in memory gives: cycles, withdrawals and open reads included."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from headwater.audit import Node, find, resolve, walk
from headwater.audit.model import Direction
from headwater.audit.render import dot, mermaid, tree
from headwater.errors import NotFound
from headwater.schemas.topics import EDGES, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, as_uuid, at, batch, dataset, edge_set, run_event

pytestmark = pytest.mark.integration

Pair = tuple[Node, Node]


def reached(pairs: Iterable[Pair], roots: Iterable[Node], direction: Direction) -> dict[Node, int]:
    """Depth of every node, by breadth-first search over plain pairs."""
    near: Mapping[Node, set[Node]] = defaultdict(set)
    for source, target in pairs:
        one, other = (target, source) if direction == "up" else (source, target)
        near[one].add(other)
    depths = dict.fromkeys(roots, 0)
    frontier = list(depths)
    while frontier:
        following: list[Node] = []
        for node in frontier:
            for other in near[node]:
                if other not in depths:
                    depths[other] = depths[node] + 1
                    following.append(other)
        frontier = following
    return depths


@dataclass
class Graph:
    """A random history: what was sent, and the pairs that stand."""

    events: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    sets: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    pairs: set[Pair] = field(default_factory=set[Pair])


def random_graph(draw: random.Random, datasets: int, runs: int) -> Graph:
    """Runs one after the other, each reading up to three datasets and writing one; later ones may close a cycle."""
    graph = Graph()
    written: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for number in range(runs):
        minute = 10.0 * number
        label = f"job{number % 7} {number}"
        reads = [
            (f"d{draw.randrange(datasets)}", draw.choice(("none", "last", "own"))) for _ in range(draw.randint(1, 3))
        ]
        inputs: dict[tuple[str, str | None], Node | None] = {}
        for name, how in reads:
            last = written[name][-1][1] if written[name] else None
            if how == "none":
                # What the history takes an open read for: the version that stood then.
                inputs[name, None] = Node(NS, name, last)
            else:
                version = last if how == "last" and last else f"own{draw.randrange(3)}"
                inputs[name, version] = Node(NS, name, version)
        target = f"d{draw.randrange(datasets)}"
        version = f"v{number}"
        nodes = [dataset(name, stated) for name, stated in inputs]
        graph.events.append(run_event(label, "START", at(minute), inputs=nodes))
        graph.events.append(run_event(label, "COMPLETE", at(minute + 5), outputs=[dataset(target, version)]))
        known = f"{label} COMPLETE"
        edges = [(i, len(nodes)) for i in range(len(nodes))]
        ends = [*nodes, dataset(target, version)]
        graph.sets.append(edge_set(label, at(minute + 5), ends, edges, known=known))
        gone = draw.random() < 0.15
        if gone:
            graph.sets.append(edge_set(label, at(minute + 5), ends, edges[:1], known=known, withdrawn=f"{label} undo"))
        for place, node in enumerate(inputs.values()):
            if node is not None and not (gone and place == 0):
                graph.pairs.add((node, Node(NS, target, version)))
        written[target].append((minute + 5, version))
    return graph


def test_random_graphs(history: History, seed: int) -> None:
    """From any node and in both directions: the same nodes at the same depths as in memory."""
    draw = random.Random(seed)
    graph = random_graph(draw, 12, 60)
    draw.shuffle(graph.events)
    draw.shuffle(graph.sets)
    history.keep(batch(RUNS.name, graph.events), batch(EDGES.name, graph.sets))
    nodes = sorted({node for pair in graph.pairs for node in pair}, key=str)
    for node in draw.sample([node for node in nodes if node.version], 12):
        for direction in ("up", "down"):
            found = walk(history.client, node, direction)
            assert not found.truncated
            depths = {item.node: item.depth for item in found.nodes}
            assert depths == reached(graph.pairs, [node], direction), (node, direction)
            used = {(edge.source, edge.target) for edge in found.edges}
            assert used <= graph.pairs
    rows = history.rows(
        "SELECT source_namespace, source_name, source_version, target_namespace, target_name, target_version FROM edges"
    )
    assert {(Node(*row[:3]), Node(*row[3:])) for row in rows} == graph.pairs


def cycle(history: History) -> list[Node]:
    """model 1 → predictions → training data → model 2 → … and back into the data: a model retrained on itself."""
    names = ["model", "predictions", "training"]
    ends = [dataset(name, "1") for name in names]
    history.keep(
        batch(RUNS.name, [run_event("loop 1", "COMPLETE", at(1), inputs=ends, outputs=ends)]),
        batch(EDGES.name, [edge_set("loop 1", at(1), ends, [(0, 1), (1, 2), (2, 0)])]),
    )
    return [Node(NS, name, "1") for name in names]


def test_a_cycle_ends(history: History) -> None:
    """Each node of a cycle is reached once; the whole is not called truncated; the SQL views agree."""
    model, predictions, training = cycle(history)
    up = walk(history.client, model, "up")
    assert {item.node: item.depth for item in up.nodes} == {model: 0, training: 1, predictions: 2}
    assert (len(up.edges), up.truncated) == (3, False)
    assert "(above)" in tree(up)
    rows = history.rows(
        "SELECT name, depth, truncated "
        "FROM upstream(namespace = {ns:String}, name = 'model', version = '1', depth = 10)",
        ns=NS,
    )
    assert sorted(rows) == [("model", 0, False), ("predictions", 2, False), ("training", 1, False)]


def test_what_was_cut_is_said(history: History) -> None:
    """Depth and budget cut a walk, and it says which, also in SQL; at exactly the needed depth nothing is cut."""
    chain = [dataset("c", str(n)) for n in range(6)]
    history.keep(batch(EDGES.name, [edge_set("chain 1", at(1), chain, [(n, n + 1) for n in range(5)])]))
    last = Node(NS, "c", "5")
    whole = walk(history.client, last, "up", 5)
    assert (len(whole.nodes), whole.truncated, whole.reason) == (6, False, "")
    cut = walk(history.client, last, "up", 3)
    assert (len(cut.nodes), cut.truncated) == (4, True)
    assert "depth of 3" in cut.reason
    assert "(truncated:" in tree(cut)
    poor = walk(history.client, last, "up", budget=2)
    assert (len(poor.edges), poor.truncated) == (2, True)
    assert "budget of 2" in poor.reason
    rows = history.rows(
        "SELECT max(depth), any(truncated) "
        "FROM upstream(namespace = {ns:String}, name = 'c', version = '5', depth = 3)",
        ns=NS,
    )
    assert rows == [(3, True)]


def test_columns(history: History) -> None:
    """A column's walk follows its own column edges, and those that hold for every column."""
    ends = [dataset("raw", "1"), dataset("clean", "1"), dataset("features", "1"), dataset("filter", "1")]
    columns = [
        {"source": 0, "target": 1, "column": "a", "target_column": "x", "transformation": "DIRECT"},
        {"source": 0, "target": 1, "column": "b", "target_column": "y", "transformation": "DIRECT", "masking": True},
        {"source": 1, "target": 2, "column": "x", "target_column": "f", "transformation": "DIRECT"},
        {
            "source": 3,
            "target": 1,
            "column": "k",
            "target_column": None,
            "transformation": "INDIRECT",
            "subtype": "JOIN",
        },
    ]
    history.keep(batch(EDGES.name, [edge_set("clean 1", at(1), ends, [(0, 1), (1, 2), (3, 1)], columns=columns)]))
    up = walk(history.client, Node(NS, "features", "1", "f"), "up")
    assert {item.node for item in up.nodes} == {
        Node(NS, "features", "1", "f"),
        Node(NS, "clean", "1", "x"),
        Node(NS, "raw", "1", "a"),
        Node(NS, "filter", "1", "k"),
    }
    down = walk(history.client, Node(NS, "raw", "1", "b"), "down")
    assert [(str(edge.target), edge.masking) for edge in down.edges] == [(f"{NS}/clean@1[y]", True)]
    whole = walk(history.client, Node(NS, "clean", "1"), "up", columns=True)
    assert {item.node.column for item in whole.nodes} == {None, "a", "b", "k"}
    assert [line.partition("]")[0] for line in tree(whole).splitlines()[1:]] == [
        "├── clean@1[x",
        "│   └── raw@1[a",
        "├── clean@1[y",
        "│   └── raw@1[b",
        "└── filter@1[k",
    ]


def test_a_dataset_read_twice_in_one_run(history: History) -> None:
    """Two versions of one dataset in one run are two sources; the same version twice is one."""
    ends = [dataset("d", "1"), dataset("d", "2"), dataset("out", "1")]
    history.keep(
        batch(RUNS.name, [run_event("r 1", "COMPLETE", at(1), inputs=[*ends[:2], ends[0]], outputs=ends[2:])]),
        batch(EDGES.name, [edge_set("r 1", at(1), ends, [(0, 2), (1, 2)])]),
    )
    found = walk(history.client, Node(NS, "out", "1"), "up")
    assert [item.node.version for item in found.nodes] == ["1", "1", "2"]
    assert len(found.edges) == 2


def test_an_open_read_is_resolved_as_of_the_read(history: History) -> None:
    """A read without version is taken for what stood when it happened, marked inferred; failed writes never stand."""
    history.keep(
        batch(
            RUNS.name,
            [
                run_event("w 1", "COMPLETE", at(10), outputs=[dataset("d", "1")]),
                run_event("w 2", "FAIL", at(20), outputs=[dataset("d", "2")]),
                run_event("r 1", "START", at(25), inputs=[dataset("d")]),
                run_event("w 3", "COMPLETE", at(26), outputs=[dataset("d", "3")]),
                run_event("r 1", "COMPLETE", at(30), outputs=[dataset("out", "1")]),
                run_event("early 1", "COMPLETE", at(5), inputs=[dataset("d")], outputs=[dataset("out", "0")]),
            ],
        ),
        batch(
            EDGES.name,
            [
                edge_set("r 1", at(30), [dataset("d"), dataset("out", "1")], [(0, 1)]),
                edge_set("early 1", at(5), [dataset("d"), dataset("out", "0")], [(0, 1)]),
            ],
        ),
    )
    [edge] = walk(history.client, Node(NS, "out", "1"), "up").edges
    assert (edge.source.version, edge.inferred, edge.run_id) == ("1", True, as_uuid("r 1"))
    [early] = walk(history.client, Node(NS, "out", "0"), "up").edges
    assert (early.source.version, early.inferred) == (None, False)
    assert [str(edge.target) for edge in walk(history.client, Node(NS, "d", "1"), "down").edges] == [f"{NS}/out@1"]
    assert walk(history.client, Node(NS, "d", "3"), "down").edges == ()
    assert "version inferred" in tree(walk(history.client, Node(NS, "out", "1"), "up"))
    rows = history.rows("SELECT source_version, target_version, inferred FROM edges ORDER BY target_version")
    assert rows == [(None, "0", False), ("1", "1", True)]


NAMES = (
    "it's",
    'say "hi"',
    "back\\slash",
    "semi;colon -- ",
    "new\nline",
    "emoji 🛩",
    "nul\0",
    "{x:String}",
    "x" * 10_000,
)


def test_names_may_hold_anything(history: History) -> None:
    """Quotes, backslashes, newlines, NUL, emoji and 10 kB are names: found, walked, drawn, and nothing else."""
    for number, name in enumerate(NAMES):
        ends = [dataset(name, name), dataset(f"{name} out", "1")]
        history.keep(
            batch(EDGES.name, [edge_set(f"r {number}", at(1), ends, [(0, 1)], job=name)], first=number),
        )
        found = walk(history.client, Node(NS, f"{name} out", "1"), "up")
        assert [edge.source for edge in found.edges] == [Node(NS, name, name)]
        assert resolve(history.client, f"{NS}/{name} out") == Node(NS, f"{name} out")
        for drawing in (tree(found), mermaid(found), dot(found)):
            assert "\0" not in drawing
            assert "\x1b" not in drawing
        assert len(tree(found).splitlines()) == 2
    rows = history.rows("SELECT count() FROM edges")
    assert rows == [(len(NAMES),)]


def test_looking_for_nodes(history: History) -> None:
    """Part of a name finds it; what fits twice or not at all is refused with suggestions."""
    ends = [dataset("flights_raw", "1"), dataset("flights_clean", "2")]
    history.keep(batch(EDGES.name, [edge_set("r 1", at(1), ends, [(0, 1)])]))
    assert [node.name for node in find(history.client, "FLIGHTS")] == ["flights_raw", "flights_clean"]
    assert resolve(history.client, "clean@2") == Node(NS, "flights_clean", "2")
    assert resolve(history.client, "flights_raw[distance]") == Node(NS, "flights_raw", column="distance")
    with pytest.raises(NotFound, match="more than one"):
        resolve(history.client, "flights")
    with pytest.raises(NotFound, match=r"did you mean .*flights_raw"):
        resolve(history.client, "fligths_raw")
    with pytest.raises(NotFound, match="flights_clean"):
        walk(history.client, Node(NS, "flights_clean", "77"), "up")
