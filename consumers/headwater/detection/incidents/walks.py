"""Walks over the run-level graph: up to what a column was made from, down to whatever was made from a version."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.detection.incidents.graph import Graph, Node


class Place(NamedTuple):
    """A column of a dataset version; column None: the version as a whole."""

    node: Node
    column: str | None


@dataclass(slots=True)
class Walk:
    """What a walk found: each place with its hops and the place through which it was first reached."""

    hops: dict[Place, int] = field(default_factory=dict[Place, int])
    through: dict[Place, Place] = field(default_factory=dict[Place, Place])
    truncated: bool = False
    #: Of the alarm at which it began, in limits of its own history.
    effect: float = 0.0

    def path(self, place: Place) -> list[Node]:
        """From the place to where the walk began, each version once."""
        nodes = [place.node]
        while (following := self.through.get(place)) is not None:
            place = following
            if place.node != nodes[-1]:
                nodes.append(place.node)
        return nodes


def upstream(graph: Graph, start: Place, budget: int, also: Iterable[Place] = (), *, whole: bool = False) -> Walk:
    """All places that `start` was made from, itself included, nearest first.

    `also`: places that count as its parents too, e.g. what a run read that measured it. `whole`: by
    versions alone, for what concerns all columns.
    """
    walk = Walk({start: 0})
    waiting = deque([start])
    for place in sorted(also, key=_order):
        if place not in walk.hops:
            walk.hops[place], walk.through[place] = 1, start
            waiting.append(place)
    while waiting:
        place = waiting.popleft()
        above = {Place(node, None) for node in graph.parents(place.node)} if whole else sources(graph, place)
        for source in sorted(above, key=_order):
            if source in walk.hops:
                continue
            if len(walk.hops) >= budget:
                walk.truncated = True
                return walk
            walk.hops[source] = walk.hops[place] + 1
            walk.through[source] = place
            waiting.append(source)
    return walk


def downstream(graph: Graph, starts: Iterable[Node], budget: int) -> tuple[dict[Node, int], bool]:
    """All versions made from these, with their hops, and whether the walk was cut. Never narrowed by columns:

    a column edge adds knowledge of what was used and none of what was not, and a reach must miss nothing.
    """
    hops = dict.fromkeys(starts, 0)
    waiting = deque(hops)
    while waiting:
        node = waiting.popleft()
        for child in graph.children(node):
            if child in hops:
                continue
            if len(hops) >= budget:
                return hops, True
            hops[child] = hops[node] + 1
            waiting.append(child)
    return hops, False


def sources(graph: Graph, place: Place) -> set[Place]:
    """What a place was made from, one step up: by its direct column edges, else indirect ones, else all parents."""
    parents = graph.parents(place.node)
    if place.column is None:
        found: set[Place] = set()
        for parent in parents:
            known = graph.column_sources(parent, place.node)
            found.update(Place(parent, edge.source) for edge in known) if known else found.add(Place(parent, None))
        return found
    for direct in (True, False):
        narrowed = {
            Place(parent, edge.source)
            for parent in parents
            for edge in graph.column_sources(parent, place.node)
            if edge.direct is direct and edge.target in {place.column, None}
        }
        if narrowed:
            return narrowed
    return {Place(parent, None) for parent in parents}


def deciders(graph: Graph, place: Place) -> set[Place]:
    """What decided which rows a place has: its indirect column edges (filters, join keys), one step up."""
    return {
        Place(parent, edge.source)
        for parent in graph.parents(place.node)
        for edge in graph.column_sources(parent, place.node)
        if not edge.direct and edge.target in {place.column, None}
    }


def _order(place: Place) -> tuple[str, str, str, str]:
    return place.node.namespace, place.node.name, place.node.version or "", place.column or ""
