"""Whether a number that runs measure about a dataset or model (an error, an accuracy) left its usual range."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.ordered import Judged, Ordered, Point
from headwater.detection.policy import Policy
from headwater.detection.statistics.robust import median_mad
from headwater.detection.texts import dataset, day, number
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict

#: Metrics of which more is better, by the words that their names are made of; of all others less is better.
_MORE_IS_BETTER = frozenset(
    {"accuracy", "acc", "auc", "auroc", "f1", "r2", "precision", "recall", "score", "bleu", "ndcg", "map"}
)


@dataclass(slots=True)
class Points:
    """One metric's values in the order of event time."""

    values: Ordered[float] = field(default_factory=Ordered[float])
    #: What somebody accepted as the new level: since when, and how much the values before it scattered (MAD), which
    #: stands until there are values enough of its own.
    since: int = -(2**63)
    scatter: float | None = None

    def accept(self, since: int | None, policy: Policy) -> None:
        """What came since is the new level; without a time, since the first of the last runs that were found worse.

        With no such run nothing changes.
        """
        if since is None:
            since = self._found_since()
        if since is None:
            return
        points = self.values.points
        before = _usual(points, since, policy)
        if len(before) >= policy.least_history:
            self.scatter = median_mad(before)[1]
        self.since = since
        for point in points:
            point.subject = None  # what was said before a decision stands
            if point.event_time >= since:
                point.found, point.outcome = False, "ok"

    def _found_since(self) -> int | None:
        """The first run of the finding that reaches to the newest ones."""
        since: int | None = None
        well = 0
        for point in reversed(self.values.points):
            if point.found:
                since, well = point.event_time, 0
            elif (well := well + 1) > 2:
                break
        return since


def _usual(points: Sequence[Point[float]], until: int, policy: Policy) -> list[float]:
    """The last values before a time that were no alarm."""
    usual = [point.what for point in points if point.event_time < until and point.outcome != "alarm"]
    return [value for value in usual if math.isfinite(value)][-policy.rolling :]


def take(subject: Subject, value: float, points: Points, policy: Policy, based_on: bytes) -> None:
    """Remember a value; each message is taken once."""
    points.values.take(Point(subject.event_time, based_on, value, subject), policy.again_counts)


def due(
    name: str, split: str | None, points: Points, policy: Policy, *, aloud: bool = False, replaying: bool = False
) -> list[Verdict]:
    """What is said of values that are new, and of those behind one that came late."""
    return points.values.due(
        partial(_judge, points, name, split, policy),
        lambda point: digest("metric", name, split, point.event_id),
        again=policy.again_counts,
        keep=policy.history,
        aloud=aloud,
        replaying=replaying,
    )


def _judge(
    points: Points, name: str, split: str | None, policy: Policy, values: Sequence[Point[float]], index: int
) -> Judged:
    """The verdict on a value.

    Worse than median + `metric_mads` MAD of its history (28 last values, alarmed ones left out, none from before an
    accepted level) and by at least `least_metric` of the median; alarmed when that is so in 2 of 3 runs, at once when
    it is twice as far.
    """
    point = values[index]
    subject, value = point.told_of, point.what
    level = points.since if subject.event_time >= points.since else -(2**63)
    last = values[max(0, index - policy.history) : index]
    before = [other for other in last if level <= other.event_time < subject.event_time]
    compared = _usual(before, subject.event_time, policy)
    # of a level that was accepted it is known how much values scatter, though few are there
    scatter = points.scatter if level == points.since and len(compared) < policy.least_history else None
    least = policy.least_history if scatter is None else 1
    label = f"{name} ({split})" if split else name
    head = f"{label} of {dataset(subject.namespace, subject.name)} of {day(subject.event_time)} is {number(value)}"
    comment = None if scatter is None else "of a level that was accepted as the new normal"
    gates: list[Gate] = [Gate("points", len(compared), least, len(compared) >= least, comment)]
    outcome: Outcome = "insufficient"
    usual: float | None = None
    over = 0.0
    found = False
    if compared:
        usual, mad = median_mad(compared)
        mad = mad if scatter is None else max(mad, scatter)
        worse = (usual - value) if is_better_high(name) else (value - usual)
        limit = max(policy.metric_mads * mad, policy.least_metric * abs(usual))
        over = (worse / limit if limit else float(worse > 0)) if math.isfinite(value) else 1e6
        head += f", {number(usual)} was usual in the last {len(compared)} runs"
    if usual is not None and len(compared) >= least:
        found = over > 1
        times = sum(other.found for other in before[-(policy.persistence_of - 1) :]) + found
        persistent = found and (over > 2 or times >= policy.persistence)
        gates += [Gate("over_limit", over, 1.0, found), Gate("persistent", times, policy.persistence, persistent)]
        outcome = "alarm" if persistent else "warn" if found else "ok"
    onset = (
        min((other.event_time for other in before[-2:] if other.found), default=subject.event_time) if found else None
    )
    severity = min(1.0, abs(value - usual) / abs(usual)) if usual and found and math.isfinite(value) else float(found)
    verdict = Verdict(
        check="metric",
        outcome=outcome,
        subject=subject,
        explanation=head,
        severity=severity,
        onset=onset,
        score=over,
        usual=usual,
        gates=gates,
        baseline=BaselineFacts("rolling", len(compared)) if compared else None,
        based_on=[point.event_id],
        evidence={
            "metric": json.dumps({"name": name, "split": split, "now": value, "before": compared[-28:]}),
            "unusual": json.dumps(round(over, 4)),
        },
        slice=f"{name}\n{split or ''}",
    )
    return Judged(outcome, lambda: verdict, told=True, found=found)


def is_better_high(name: str) -> bool:
    """Whether more of a metric is better, by its name."""
    return not _MORE_IS_BETTER.isdisjoint(name.lower().replace("-", "_").split("_"))
