"""Whom an incident reaches: everything made from the drifted versions, with predictions and owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.incidents.facts import named_owners
from headwater.detection.incidents.graph import Dataset, Node
from headwater.detection.incidents.walks import downstream
from headwater.detection.incidents.world import World

_COUNTED = frozenset({"prediction_stream", "deployment", "model"})


@dataclass(frozen=True, slots=True)
class Reached:
    """A dataset downstream: its newest version that is reached."""

    node: Node
    kind: str
    hops: int
    predictions: int | None
    owners: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reach:
    """All that lies downstream, nearest first."""

    reached: list[Reached]
    predictions: int
    truncated: bool
    #: Where a prediction stream itself is what is wrong: the model versions that answered for it meanwhile, and how
    #: many predictions each made.
    served: Mapping[Node, int] = field(default_factory=dict[Node, int])

    @property
    def told(self) -> frozenset[tuple[str | None, ...]]:
        """Datasets without versions and counts, models with their versions: what is told anew when it grows."""
        return frozenset[tuple[str | None, ...]](item.node.dataset for item in self.reached) | frozenset(self.served)


def reach(world: World, starts: list[Node], since: int, until: int) -> Reach:
    """What lies below these versions. Predictions: those of runs that read a reached version, and, where
    predictions name no run, those of a reached stream from `since` to `until`.
    """
    graph, runs, predictions = world.graph, world.runs, world.predictions
    hops, truncated = downstream(graph, starts, world.policy.walk_budget)
    best: dict[Dataset, tuple[int, int, Node]] = {}
    for node, distance in hops.items():
        if distance == 0 and node in starts:
            continue
        time = graph.time(node) or 0
        known = best.get(node.dataset)
        nearest = distance if known is None else min(distance, known[0])
        newest = (time, node) if known is None else max((time, node), (known[1], known[2]))
        best[node.dataset] = (nearest, *newest)
    tainted = {run for node in hops for run in runs.readers(node)}
    found: list[Reached] = []
    total = 0
    for dataset, (distance, _, node) in best.items():
        kind = graph.kind(node)
        count: int | None = None
        if kind == "prediction_stream":
            count = predictions.by_runs(dataset, tainted) + predictions.in_hours(dataset, since, until)
            total += count
        found.append(Reached(node, kind, distance, count, named_owners(runs.owners(dataset))))
    found.sort(key=lambda item: (item.hops, item.node))
    served: dict[Node, int] = {}
    for dataset in sorted({node.dataset for node in starts}):
        served |= predictions.models(dataset, since, until)
    return Reach(found, total, truncated, served)
