"""A directed graph in layers, left to right: where each box of a picture stands, and through which points edges go.

After Sugiyama, Tagawa and Toda (1981): cycles are opened, each box stands one layer behind the last that it comes from,
long edges get a place in every layer that they cross, layers are sorted by barycentre to cross less, and boxes are
moved towards what they are joined to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 12
#: Places of long edges at most: beyond, they are drawn straight (each sweep costs by their number).
_MOST_PLACES: Final = 20_000


@dataclass(frozen=True)
class Layout:
    """`layer` and `row` of each box; rows are heights in units of the boxes, from 0. `through`: for each edge the
    (layer, row) places between its ends, in order from source to target.
    """

    layer: Mapping[int, int]
    row: Mapping[int, float]
    through: Mapping[tuple[int, int], Sequence[tuple[int, float]]]
    #: Edges that lead backwards: they close a cycle.
    back: frozenset[tuple[int, int]]

    @property
    def height(self) -> float:
        """The largest row, of boxes and edges."""
        places = [row for points in self.through.values() for _, row in points]
        return max([*self.row.values(), *places], default=0.0)


def laid_out(count: int, edges: Iterable[tuple[int, int]]) -> Layout:
    """Boxes 0 to count - 1 and the edges between them; the same graph gives the same layout."""
    every = sorted({edge for edge in edges if edge[0] != edge[1]})
    back = _back(count, every)
    ahead = sorted({(target, source) if (source, target) in back else (source, target) for source, target in every})
    layer = _layers(count, ahead)
    chains, places = _chains(count, ahead, layer)
    columns: dict[int, list[int]] = defaultdict(list)
    for place, at in places.items():
        columns[at].append(place)
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for chain in chains.values():
        for one, other in pairwise(chain):
            after[one].append(other)
            before[other].append(one)
    order = [columns[at] for at in sorted(columns)]
    _sort(order, before, after)
    row = _rows(order, before, after)
    through: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for edge in every:
        if edge in back:
            points = [(places[place], row[place]) for place in chains[edge[1], edge[0]][1:-1]]
            through[edge] = points[::-1]
        else:
            through[edge] = [(places[place], row[place]) for place in chains[edge][1:-1]]
    return Layout(layer, {box: row[box] for box in range(count)}, through, frozenset(back))


def _back(count: int, edges: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Edges that close a cycle in a search from the boxes that nothing leads to, then from the others."""
    after: dict[int, list[int]] = defaultdict(list)
    targets: set[int] = set()
    for source, target in edges:
        after[source].append(target)
        targets.add(target)
    found: set[tuple[int, int]] = set()
    state = [0] * count
    for start in sorted(range(count), key=lambda box: (box in targets, box)):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(after[start]))]
        while stack:
            box, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[box] = 2
                stack.pop()
            elif state[following] == 1:
                found.add((box, following))
            elif state[following] == 0:
                state[following] = 1
                stack.append((following, iter(after[following])))
    return found


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The longest way to each box; then boxes that nothing leads to are moved next to what they lead to."""
    after: dict[int, list[int]] = defaultdict(list)
    open_ends = [0] * count
    for source, target in edges:
        after[source].append(target)
        open_ends[target] += 1
    sources = [box for box in range(count) if open_ends[box] == 0]
    layer = dict.fromkeys(range(count), 0)
    ready = list(sources)
    while ready:
        box = ready.pop()
        for target in after[box]:
            layer[target] = max(layer[target], layer[box] + 1)
            open_ends[target] -= 1
            if open_ends[target] == 0:
                ready.append(target)
    for box in sources:
        if after[box]:
            layer[box] = min(layer[target] for target in after[box]) - 1
    return layer


def _chains(
    count: int, edges: Sequence[tuple[int, int]], layer: Mapping[int, int]
) -> tuple[dict[tuple[int, int], list[int]], dict[int, int]]:
    """Each edge as its boxes with a place in every layer between; and the layer of each box and place."""
    places = dict(layer)
    chains: dict[tuple[int, int], list[int]] = {}
    following = count
    for source, target in edges:
        chain = [source]
        if following - count < _MOST_PLACES:
            for at in range(layer[source] + 1, layer[target]):
                places[following] = at
                chain.append(following)
                following += 1
        chains[source, target] = [*chain, target]
    return chains, places


def _sort(order: list[list[int]], before: Mapping[int, list[int]], after: Mapping[int, list[int]]) -> None:
    """Sort each layer by the mean place of what its boxes are joined to, forwards and backwards in turn."""
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        steps = range(1, len(order)) if sweep % 2 == 0 else range(len(order) - 2, -1, -1)
        for at in steps:
            other = order[at - 1 if sweep % 2 == 0 else at + 1]
            rank = {place: number for number, place in enumerate(other)}
            own = {place: number for number, place in enumerate(order[at])}
            order[at].sort(
                key=lambda place: (
                    _mean([rank[one] for one in near.get(place, ()) if one in rank], own[place]),
                    own[place],
                )
            )


def _mean(values: Sequence[float], without: float) -> float:
    return sum(values) / len(values) if values else without


def _rows(
    order: Sequence[list[int]], before: Mapping[int, list[int]], after: Mapping[int, list[int]]
) -> dict[int, float]:
    """Heights: each box near the mean of those it is joined to, at least 1 apart from its neighbours."""
    row = {place: float(number) for layer in order for number, place in enumerate(layer)}
    for sweep in range(_SWEEPS):
        for layer in order if sweep % 2 == 0 else order[::-1]:
            wanted = [
                _mean([row[one] for one in (*before.get(place, ()), *after.get(place, ()))], row[place])
                for place in layer
            ]
            row.update(zip(layer, _apart(wanted), strict=True))
    lowest = min(row.values(), default=0.0)
    return {place: at - lowest for place, at in row.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """The places nearest to those wanted (least squares) that keep the order and a distance of 1: blocks that would
    overlap are merged and stand around their common mean.
    """
    blocks: list[tuple[float, int]] = []  # sum of (wanted - number within), how many
    for want in wanted:
        total, size = want, 1
        while blocks and blocks[-1][0] / blocks[-1][1] + blocks[-1][1] > total / size:
            earlier, many = blocks.pop()
            total, size = earlier + total - many * size, many + size
        blocks.append((total, size))
    return [total / size + number for total, size in blocks for number in range(size)]
