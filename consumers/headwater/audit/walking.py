"""Walks along the edges, up to the sources or down to what derives from them.

A frontier and a set of what was visited: each node is expanded once, so cycles and diamonds cost nothing.
What was cut, and why, is part of every answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.edge_rows import Edge
from headwater.audit.edges import Edges
from headwater.audit.lookup import Found, Nodes
from headwater.audit.model import Direction, Node, Walk, WalkEdge, WalkNode
from headwater.audit.naming import Names, exact, matching, standing, versions_of
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.audit.versions import last

#: A node on the way: its key, and its column in a walk along columns (None: all of it).
Place = tuple[int, str | None]
Versions = Literal["all", "latest"]


def walk(
    client: Client,
    node: Node | Sequence[Node],
    direction: Direction = "up",
    depth: int = 50,
    budget: int = 20_000,
    *,
    columns: bool | None = None,
    versions: Versions | None = None,
    clocks: Clocks = NOW,
) -> Walk:
    """What lies up or down from a node (or several).

    depth: edges from the root at most. budget: edges read at most. columns: along column edges; None: where
    a root names a column. versions: of a root without version, all of them or the one written last; None:
    the last one upwards, all downwards. clocks: what had happened and what had arrived by when; versions of reads
    that named none are resolved as of them too. A node under several names (aliases, renames) is one node, under
    the name that stands for all of them. Raises NotFound for a root that is not there under any of its names.
    """
    roots = (node,) if isinstance(node, Node) else tuple(node)
    columns = any(root.column is not None for root in roots) if columns is None else columns
    chosen: Versions = versions or ("latest" if direction == "up" else "all")
    names = Names(client, clocks)
    known = Nodes(client, clocks)
    progress = _Progress(direction, names, known)
    together = versions_of([root for root in roots if root.version is not None], names) if roots[1:] else {}
    for root in roots:
        nodes = together.get(root) or _start(client, root, chosen, names, clocks)
        progress.begin(nodes, root.column if columns else None)
    start = dict(progress.depths)
    progress.run(Edges(client, direction, names, known, columns=columns, clocks=clocks), depth, budget)
    found = progress.found
    depths = progress.depths
    named = _Named(found)
    return Walk(
        roots=tuple(sorted({named[place] for place in start}, key=str)),
        direction=direction,
        nodes=tuple(
            WalkNode(named[place], found[place[0]].kind, depths[place])
            for place in sorted(depths, key=lambda place: (depths[place], str(named[place])))
        ),
        edges=tuple(_edge(named, edge) for edge in progress.edges),
        truncated=bool(progress.reason),
        reason=progress.reason,
    )


class Reached(NamedTuple):
    """A node of a walk as the view `upstream` tells it; `key` and `dataset`: as the tables refer to it."""

    namespace: str
    name: str
    version: str | None
    kind: str
    depth: int
    truncated: bool
    key: int
    dataset: int


#: Edges that a question's walk reads at most; the views have no such limit, so it is far beyond what they can do.
EDGES_AT_MOST = 5_000_000


def reached(client: Client, root: Node, steps: Edges, depth: int) -> tuple[Reached, ...]:
    """The rows of the view `upstream_at` or `downstream_at`, in no order; none for a root that is not there.

    `steps`: the direction and the clocks; what several walks by the same ones read is read once.
    As there, `truncated` says that the walk came as deep as it may, and not whether more lies beyond.
    """
    progress = _Progress(steps.direction, steps.names, steps.nodes)
    progress.begin(matching(client, root, steps.names, steps.clocks), None)
    progress.run(steps, depth, EDGES_AT_MOST)
    cut = max(progress.depths.values(), default=0) >= depth or "budget" in progress.reason
    every = ((progress.found[key], at) for (key, _), at in progress.depths.items())
    return tuple(
        Reached(one.node.namespace, one.node.name, one.node.version, one.kind, at, cut, one.key, one.dataset)
        for one, at in every
    )


def _start(client: Client, root: Node, versions: Versions, names: Names, clocks: Clocks) -> list[Found]:
    every = exact(client, root, clocks, names)
    if root.version is not None or versions == "all" or len(every) == 1:
        return every
    datasets = {(one.node.namespace, one.node.name) for one in every}
    latest = last(client, datasets, clocks)
    return [one for one in every if latest is not None and one.key == latest.key] or _last_known(client, every) or every


def _last_known(client: Client, every: list[Found]) -> list[Found]:
    """Of versions that nobody is known to have written, the one that was named last."""
    rows = select(
        client,
        "SELECT key FROM nodes WHERE key IN {keys:Array(UInt64)} GROUP BY key ORDER BY min(arrival) DESC, key LIMIT 1",
        {"keys": [one.key for one in every if one.node.version is not None]},
    )
    return [one for one in every if one.key in {row["key"] for row in rows}]


class _Progress:
    """What a walk has seen so far; every node under the name that stands for all of its names."""

    def __init__(self, direction: Direction, names: Names, nodes: Nodes) -> None:
        self.direction: Direction = direction
        self.names = names
        self.nodes = nodes
        self.found: dict[int, Found] = {}
        self.same: dict[int, tuple[Found, ...]] = {}
        self.depths: dict[Place, int] = {}
        self.edges: dict[Edge, None] = {}
        self.reason = ""
        #: Of the nodes that were looked up, in order, those that are known here.
        self._learnt = 0

    def begin(self, nodes: Iterable[Found], column: str | None) -> None:
        """Begin at nodes, or at a column of each."""
        some = list(nodes)
        self._learn(some)
        for one in some:
            self.depths[standing(self.same, one.key), column] = 0

    def run(self, steps: Edges, depth: int, budget: int) -> None:
        """Walk until nothing is left, or until depth or budget is used up."""
        frontier = set(self.depths)
        level = 0
        while frontier and not self.reason:
            near = self._near(steps, frontier, depth - level, budget)
            if level == depth:
                self.reason = _cut_by_depth(near, self.depths, self.direction, depth)
                return
            level += 1
            room = max(budget - len(self.edges), 0)
            fresh = [edge for edge in dict.fromkeys(near) if edge not in self.edges]
            if len(fresh) > room:
                self.reason = f"the budget of {budget} edges was used up at depth {level}"
            taken = fresh[:room]
            self.edges.update(dict.fromkeys(taken))
            ends = {_end(edge, self.direction) for edge in taken}
            frontier = {end for end in ends if end not in self.depths}
            self.depths.update(dict.fromkeys(frontier, level))

    def _near(self, steps: Edges, frontier: set[Place], ahead: int, budget: int) -> list[Edge]:
        wanted: dict[int, set[str | None]] = {}
        for key, column in frontier:
            wanted.setdefault(key, set()).add(column)
        members = {one.key for key in wanted for one in self.same.get(key, (self.found[key],))}
        datasets = {self.found[key].dataset for key in members}
        datasets |= {name.dataset for group in self.names.of(datasets).values() for name in group}
        near = steps.next_to(members, datasets, ahead, budget)
        self._learn(islice(self.nodes.found.values(), self._learnt, None))
        self._learnt = len(self.nodes.found)
        return [edge for edge in map(self._standing, near) if _touches(edge, self.direction, wanted)]

    def _standing(self, edge: Edge) -> Edge:
        source, target = standing(self.same, edge.source), standing(self.same, edge.target)
        return edge if (source, target) == (edge.source, edge.target) else edge._replace(source=source, target=target)

    def _learn(self, nodes: Iterable[Found]) -> None:
        some = list(nodes)
        self.found.update((one.key, one) for one in some)
        for key, members in self.names.same(some).items():
            self.found.update((one.key, one) for one in members)
            self.same[key] = members
            self.same.update(dict.fromkeys((one.key for one in members), members))


def _touches(edge: Edge, direction: Direction, wanted: dict[int, set[str | None]]) -> bool:
    """Whether an edge belongs to a column on the frontier; None on either side stands for every column."""
    key, column = (edge.target, edge.target_column) if direction == "up" else (edge.source, edge.source_column)
    columns = wanted[key]
    return column is None or None in columns or column in columns


def _end(edge: Edge, direction: Direction) -> Place:
    return (edge.source, edge.source_column) if direction == "up" else (edge.target, edge.target_column)


def _cut_by_depth(near: list[Edge], visited: dict[Place, int], direction: Direction, depth: int) -> str:
    beyond = {_end(edge, direction) for edge in near} - visited.keys()
    return f"the depth of {depth} was reached, at least {len(beyond)} more nodes lie beyond" if beyond else ""


class _Named(dict[Place, Node]):
    """The nodes of places, and ids of runs, each made once: most edges of a walk share theirs."""

    def __init__(self, found: dict[int, Found]) -> None:
        super().__init__()
        self._found = found
        self._runs: dict[int, uuid.UUID | None] = {0: None}

    def run(self, run: int) -> uuid.UUID | None:
        """A run's id, made once too."""
        if run not in self._runs:
            self._runs[run] = uuid.UUID(int=run)
        return self._runs[run]

    def __missing__(self, place: Place) -> Node:
        node = self._found[place[0]].node
        self[place] = node if place[1] is None else Node(node.namespace, node.name, node.version, place[1])
        return self[place]


def _edge(named: _Named, edge: Edge) -> WalkEdge:
    return WalkEdge(
        named[edge.source, edge.source_column],
        named[edge.target, edge.target_column],
        named.run(edge.run),
        edge.job_namespace,
        edge.job_name,
        edge.at,
        edge.inferred,
        edge.transformation,
        edge.subtype,
        edge.masking,
    )
