"""All that incidents are judged by, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.detection.incidents.durations import Durations
from headwater.detection.incidents.facts import Runs, Scores
from headwater.detection.incidents.graph import Graph
from headwater.detection.incidents.predictions import Predictions
from headwater.detection.incidents.timelines import Timelines
from headwater.detection.policy import Policy


@dataclass(frozen=True, slots=True)
class World:
    """Graph, scores, runs, predictions and the checks through time; mutable parts, one policy."""

    policy: Policy
    graph: Graph = field(default_factory=Graph)
    scores: Scores = field(default_factory=Scores)
    runs: Runs = field(default_factory=Runs)
    predictions: Predictions = field(default_factory=Predictions)
    timelines: Timelines = field(default_factory=Timelines)
    durations: Durations = field(default_factory=Durations)

    def forget(self, oldest: int) -> None:
        """Drop what is older than `oldest`, an event time."""
        self.graph.forget(oldest)
        self.scores.forget(self.graph.nodes())
        self.runs.forget(oldest)
        self.predictions.forget(oldest)
