"""Walks along the edges, up to the sources or down to what derives from them.

A frontier and a set of what was visited: each node is expanded once, so cycles and diamonds cost nothing.
What was cut, and why, is part of every answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.edges import Edge, Edges
from headwater.audit.lookup import Found, by_keys, exact
from headwater.audit.model import Direction, Node, Walk, WalkEdge, WalkNode
from headwater.audit.rows import run_or_none, select
from headwater.audit.store import Client

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
    that named none are resolved as of them too. Raises NotFound for a root that is not there.
    """
    roots = (node,) if isinstance(node, Node) else tuple(node)
    columns = any(root.column is not None for root in roots) if columns is None else columns
    chosen: Versions = versions or ("latest" if direction == "up" else "all")
    found: dict[int, Found] = {}
    start: dict[Place, int] = {}
    for root in roots:
        for one in _start(client, root, chosen, clocks):
            found[one.key] = one
            start[one.key, root.column if columns else None] = 0
    steps = Edges(client, direction, columns=columns, clocks=clocks)
    progress = _Progress(direction, found, start, clocks)
    progress.run(client, steps, depth, budget)
    depths = progress.depths
    return Walk(
        roots=tuple(sorted({_named(found, place) for place in start}, key=str)),
        direction=direction,
        nodes=tuple(
            WalkNode(_named(found, place), found[place[0]].kind, depths[place])
            for place in sorted(depths, key=lambda place: (depths[place], str(_named(found, place))))
        ),
        edges=tuple(_edge(found, edge) for edge in progress.edges),
        truncated=bool(progress.reason),
        reason=progress.reason,
    )


def _start(client: Client, root: Node, versions: Versions, clocks: Clocks) -> Iterable[Found]:
    every = exact(client, root, clocks)
    if root.version is not None or versions == "all" or len(every) == 1:
        return every
    written = select(
        client,
        f"SELECT key FROM {clocks.view('dataset_versions')} WHERE dataset = {{dataset:UInt64}} "
        "ORDER BY written_at DESC NULLS LAST, arrival DESC, key LIMIT 1",
        {"dataset": every[0].dataset, **clocks.values()},
    )
    return [one for one in every if one.key in {row["key"] for row in written}] or every


class _Progress:
    """What a walk has seen so far."""

    def __init__(self, direction: Direction, found: dict[int, Found], start: dict[Place, int], clocks: Clocks) -> None:
        self.clocks = clocks
        self.direction: Direction = direction
        self.found = found
        self.depths = dict(start)
        self.edges: dict[Edge, None] = {}
        self.reason = ""

    def run(self, client: Client, steps: Edges, depth: int, budget: int) -> None:
        """Walk until nothing is left, or until depth or budget is used up."""
        frontier = set(self.depths)
        level = 0
        while frontier and not self.reason:
            near = _near(steps, self.direction, frontier, self.found)
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
            ends = {key for edge in taken for key in (edge.source, edge.target)}
            self.found.update(by_keys(client, ends - self.found.keys(), self.clocks))
            frontier = {_end(edge, self.direction) for edge in taken} - self.depths.keys()
            self.depths.update(dict.fromkeys(frontier, level))


def _near(steps: Edges, direction: Direction, frontier: set[Place], found: dict[int, Found]) -> list[Edge]:
    wanted: dict[int, set[str | None]] = {}
    for key, column in frontier:
        wanted.setdefault(key, set()).add(column)
    near = steps.next_to(wanted, {found[key].dataset for key in wanted})
    return [edge for edge in near if _touches(edge, direction, wanted)]


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


def _named(found: dict[int, Found], place: Place) -> Node:
    node = found[place[0]].node
    return Node(node.namespace, node.name, node.version, place[1])


def _edge(found: dict[int, Found], edge: Edge) -> WalkEdge:
    return WalkEdge(
        _named(found, (edge.source, edge.source_column)),
        _named(found, (edge.target, edge.target_column)),
        run_or_none(edge.run_id),
        edge.job_namespace,
        edge.job_name,
        edge.at,
        edge.inferred,
        edge.transformation,
        edge.subtype,
        edge.masking,
    )
