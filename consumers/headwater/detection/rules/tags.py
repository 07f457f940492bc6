"""Tags on their way: along column edges from where they were said, until a transformation masks the value."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.detection.incidents.decisions import Latest
from headwater.detection.incidents.graph import Dataset, Graph, Node
from headwater.detection.incidents.walks import Place


class Tags:
    """What events and people say of columns and datasets; what people say stands over events."""

    def __init__(self) -> None:
        self._said: dict[tuple[Dataset, str | None], set[str]] = defaultdict(set)
        self._decided: Latest[tuple[Dataset, str | None], set[str]] = Latest()
        #: Counts changes, so that whoever judged before knows to judge again.
        self.changes = 0

    def add(self, use: Mapping[str, Any]) -> None:
        """The tags of a use, its dataset's and its columns'."""
        dataset = (use["namespace"], use["name"])
        for column, tags in ((None, use["tags"]), *((column["name"], column["tags"]) for column in use["columns"])):
            new = {tag["key"] for tag in tags} - self._said.get((dataset, column), set())
            if new:
                self._said[dataset, column] |= new
                self.changes += 1

    def decide(self, decision: Mapping[str, Any]) -> None:
        """A decision of kind tag: all tags of a column or dataset from now on; or of kind lift."""
        if decision["kind"] == "lift":
            self._decided.lift(decision)
        else:
            key = ((decision["namespace"], decision["name"]), decision["column"])
            self._decided.add(key, decision, {tag["key"] for tag in decision["tags"]})
        self.changes += 1

    def has(self, place: Place, tag: str) -> bool:
        """Whether a column has it, by itself or with its dataset; of a whole version, whether any column has."""
        dataset = place.node.dataset
        if tag in self._of(dataset, None):
            return True
        if place.column is not None:
            return tag in self._of(dataset, place.column)
        columns = {column for known, column in (*self._said, *self._decided) if known == dataset}
        return any(tag in self._of(dataset, column) for column in columns)

    def _of(self, dataset: Dataset, column: str | None) -> set[str]:
        decided = self._decided.of((dataset, column))
        return decided if decided is not None else self._said.get((dataset, column), set())


def carried(graph: Graph, tags: Tags, target: Node, tag: str, budget: int) -> dict[str | None, list[Place]]:
    """The columns of a version that carry a tag unmasked, each with the way from where it was said to them.

    Where the column lineage of two datasets is not known, the whole may carry it: column None.
    """
    starts = {column for parent in graph.parents(target) for column in _columns(graph, parent, target)}
    starts |= {None} if tags.has(Place(target, None), tag) else set()
    found: dict[str | None, list[Place]] = {}
    for column in sorted(starts, key=lambda name: name or ""):
        way = _way(graph, tags, Place(target, column), tag, budget)
        if way:
            found[column] = way
    return found


def _columns(graph: Graph, parent: Node, target: Node) -> set[str | None]:
    return {edge.target for edge in graph.column_sources(parent, target)} or {None}


def _way(graph: Graph, tags: Tags, start: Place, tag: str, budget: int) -> list[Place]:
    through: dict[Place, Place | None] = {start: None}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        if tags.has(place, tag):
            way = [place]
            while (following := through[way[-1]]) is not None:
                way.append(following)
            return way
        for source in sorted(_unmasked(graph, place), key=str):
            if source not in through and len(through) < budget:
                through[source] = place
                waiting.append(source)
    return []


def _unmasked(graph: Graph, place: Place) -> set[Place]:
    """One step up along which the value itself comes: direct, unmasked column edges; all of it where none is known."""
    found: set[Place] = set()
    for parent in graph.parents(place.node):
        edges = graph.column_sources(parent, place.node)
        if not edges:
            found.add(Place(parent, None))
        found |= {
            Place(parent, edge.source)
            for edge in edges
            if edge.direct and not edge.masked and (place.column is None or edge.target in {place.column, None})
        }
    return found


def told(way: Sequence[Place]) -> str:
    """a.email@1 → b.mail@7"""
    return " → ".join(
        f"{place.node.namespace}/{place.node.name}" + (f".{place.column}" if place.column else "") for place in way
    )
