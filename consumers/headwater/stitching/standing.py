"""The edges of a unit that stand, kept one by one, and what became of them."""

from __future__ import annotations

from headwater.stitching.changes import Changes, Edge
from headwater.stitching.facts import EventRef, Node


class Standing:
    """Edges with the event that made each known; `changes` gathers until it is taken."""

    def __init__(self) -> None:
        self.changes = Changes()
        self._edges: dict[Edge, EventRef] = {}
        self._out: dict[Node, int] = {}
        self._into: dict[Node, int] = {}

    def __len__(self) -> int:
        return len(self._edges)

    def __contains__(self, edge: Edge) -> bool:
        return edge in self._edges

    def without_target(self) -> set[Node]:
        """The inputs that lead nowhere."""
        return {edge.source for edge in self._edges if edge.target is None and edge.source is not None}

    def without_source(self) -> set[Node]:
        """The outputs that come from nothing."""
        return {edge.target for edge in self._edges if edge.source is None and edge.target is not None}

    def leads_on(self, source: Node) -> bool:
        """Whether an edge leads from it to an output."""
        return self._out.get(source, 0) > 0

    def comes_from(self, target: Node) -> bool:
        """Whether an edge leads to it from an input."""
        return self._into.get(target, 0) > 0

    def settle(self, edge: Edge, wanted: bool, by: EventRef) -> None:
        """Have it stand, or not."""
        if wanted == (edge in self._edges):
            return
        self._count(edge, 1 if wanted else -1)
        if wanted:
            self._edges[edge] = by
            self.changes.known(edge, by)
        else:
            self.changes.withdrawn(edge, self._edges.pop(edge), by)

    def adopt(self, edge: Edge, known: EventRef) -> None:
        """Have one stand that was told before, as part of a product."""
        self._count(edge, 1)
        self._edges[edge] = known

    def _count(self, edge: Edge, step: int) -> None:
        if edge.source is not None and edge.target is not None:
            self._out[edge.source] = self._out.get(edge.source, 0) + step
            self._into[edge.target] = self._into.get(edge.target, 0) + step
