"""Which versions of a model were evaluated: a metric that names one, or none and came while it was the newest."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.incidents.graph import Dataset, Graph, Node
from headwater.detection.recent import forget

#: Versions, and of each model evaluations that name none, that are remembered.
_MOST, _MOST_UNNAMED = 100_000, 1_000


@dataclass(slots=True)
class Evaluations:
    """Metrics of uses, in any order."""

    _named: OrderedDict[Node, None] = field(default_factory=OrderedDict[Node, None])
    #: Event times of those that name no version.
    _unnamed: dict[Dataset, list[int]] = field(default_factory=lambda: defaultdict(list[int]))

    def add(self, node: Node, use: Mapping[str, Any]) -> bool:
        """Take a use in; whether it holds a result (an epoch's metric is none)."""
        if all(metric["step"] is not None for metric in use["metrics"]):
            return False
        if node.version is not None:
            self._named[node] = None
            forget(self._named, _MOST)
        else:
            insort(self._unnamed[node.dataset], use["event_time"])
            del self._unnamed[node.dataset][:-_MOST_UNNAMED]
        return True

    def has(self, node: Node, graph: Graph) -> bool:
        """Whether this version was evaluated."""
        if node in self._named:
            return True
        since, times = graph.time(node), self._unnamed.get(node.dataset)
        if since is None or not times:
            return False
        later = (graph.time(other) for other in graph.versions(node.dataset, since + 1, 2**63 - 1))
        until = min((time for time in later if time is not None), default=2**63 - 1)
        return any(since <= time < until for time in times)
