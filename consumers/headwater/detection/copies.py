"""Rows that were there before, and rows that are there several times, from sketches of the rows' hashes."""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.ordered import Judged, Ordered, Point, earlier
from headwater.detection.policy import Policy
from headwater.detection.statistics.robust import median_mad
from headwater.detection.summaries import Summary
from headwater.detection.texts import dataset, day, number, percent
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict

Hashes = NDArray[np.uint64]
Kind = Literal["replay", "fan-out"]
#: Smallest hashes of earlier profiles that are kept: 1.5 KB each. At a share of 0.2 the standard error is 0.03.
_KEPT = 180
#: Hashes that must lie below both sketches' ends; at a share of 0.2 the standard error is then 0.05.
_LEAST_COMPARED = 64
#: Hashes that a producer keeps of a profile's rows.
_SENT = 1024


@dataclass(slots=True)
class _Rows:
    """The smallest hashes of a profile's rows."""

    partitions: tuple[str, ...]
    hashing: str
    hashes: Hashes
    #: Whether they are all of the rows' hashes.
    whole: bool
    #: The largest share of them that an earlier profile has too; None where none can be compared.
    share: float | None = None


@dataclass(slots=True)
class _Past:
    """What was measured of profiles that are not judged again any more, by event time; NaN where it was alarmed."""

    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def take(self, measured: Iterable[tuple[int, float, bool]], most: int) -> None:
        """Event times, values, and whether they were alarmed."""
        for event_time, value, alarmed in measured:
            index = bisect_right(self.times, event_time)
            self.times.insert(index, event_time)
            self.values.insert(index, math.nan if alarmed else value)
        del self.times[:-most]
        del self.values[:-most]

    def before(self, event_time: int) -> list[float]:
        """Those from before a time that were no alarm."""
        return [value for value in self.values[: bisect_left(self.times, event_time)] if not math.isnan(value)]


@dataclass(slots=True)
class Copies:
    """The last profiles of one series, by event time: their sketches, and what was measured."""

    rows: Ordered[_Rows] = field(default_factory=Ordered[_Rows])
    shares: _Past = field(default_factory=_Past)
    #: Rows for each distinct row.
    ratios: Ordered[float] = field(default_factory=Ordered[float])
    past_ratios: _Past = field(default_factory=_Past)


def take(subject: Subject, summary: Summary, copies: Copies, policy: Policy) -> None:
    """Remember the sketch of a profile; each is taken once."""
    hashes = np.frombuffer(summary.row_kmv[: len(summary.row_kmv) // 8 * 8], "<u8").astype(np.uint64)
    if summary.rows < policy.least_rows or not len(hashes):
        return
    rows = _Rows(
        summary.partitions,
        summary.hashing,
        hashes[:_KEPT].copy(),  # a view would keep all that were sent
        len(hashes) <= _KEPT and len(hashes) < _SENT,
    )
    copies.rows.take(Point(summary.event_time, summary.event_id, rows, subject), policy.again)
    # of a sample it cannot be said how often a row is there
    if summary.sampled_rows is None:
        ratio = _ratio(summary.rows, hashes)
        copies.ratios.take(Point(summary.event_time, summary.event_id, ratio, subject), policy.again)


def due(copies: Copies, policy: Policy, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
    """Whether rows lie in an earlier profile that should share none with theirs, or are there several times.

    Both are held against the dataset's own history: a table that is written whole each time shares all its rows with
    the one before, and a log may well hold a row twice.
    """
    return copies.rows.due(
        partial(_replay, copies, policy),
        lambda point: digest("replay", point.event_id),
        again=policy.again,
        keep=policy.rolling,
        oks=policy.resolve_after,
        aloud=aloud,
        replaying=replaying,
        gone=lambda points: copies.shares.take(_shares(points), policy.history),
    ) + copies.ratios.due(
        partial(_fan, copies, policy),
        lambda point: digest("fan-out", point.event_id),
        again=policy.again,
        keep=policy.again,
        oks=policy.resolve_after,
        aloud=aloud,
        replaying=replaying,
        gone=lambda points: copies.past_ratios.take(
            ((point.event_time, point.what, point.outcome == "alarm") for point in points), policy.history
        ),
    )


def contained(now: Hashes, now_whole: bool, before: Hashes, before_whole: bool) -> float | None:
    """The share of the distinct rows of `now` that `before` has too; None where the sketches say too little.

    Below the smaller of both sketches' largest hashes each sketch holds all hashes of its side (Beyer et al. 2007).
    """
    end = min(
        np.iinfo(np.uint64).max if now_whole else int(now[-1]),
        np.iinfo(np.uint64).max if before_whole else int(before[-1]),
    )
    compared = now[now <= np.uint64(end)]
    if len(compared) < _LEAST_COMPARED:
        return None
    places = np.minimum(np.searchsorted(before, compared), len(before) - 1)
    return float((before[places] == compared).mean())


def _largest_share(points: Sequence[Point[_Rows]], index: int, policy: Policy) -> tuple[float | None, int]:
    """The largest share of a profile's rows that an earlier one has, and when that was; None where none is compared."""
    point = points[index]
    now = point.what
    best: tuple[float | None, int] = (None, 0)
    for other in points[max(0, index - policy.rolling) : earlier(points, index)]:
        before = other.what
        # the same slice written again is a re-run, and told as one
        if before.hashing != now.hashing or (before.partitions and before.partitions == now.partitions):
            continue
        share = contained(now.hashes, now.whole, before.hashes, before.whole)
        if share is not None and (best[0] is None or share > best[0]):
            best = share, other.event_time
    return best


def _shares(points: Iterable[Point[_Rows]]) -> Iterable[tuple[int, float, bool]]:
    for point in points:
        if point.what.share is not None:
            yield point.event_time, point.what.share, point.outcome == "alarm"


def _ratio(rows: int, hashes: Hashes) -> float:
    """Rows for each distinct row."""
    if len(hashes) < _SENT:
        return rows / len(hashes)
    return rows / ((len(hashes) - 1) * 2.0**64 / float(hashes[-1]))


def _replay(copies: Copies, policy: Policy, points: Sequence[Point[_Rows]], index: int) -> Judged:
    point = points[index]
    share, other = _largest_share(points, index, policy)
    point.what.share = share
    near = [value for _, value, alarmed in _shares(points[: earlier(points, index)]) if not alarmed]
    before = [*copies.shares.before(point.event_time), *near][-policy.history :]
    # the third-largest of its history: once is no habit
    usual = sorted(before)[-min(policy.tail_rank, len(before))] if before else 0.0
    limit = max(policy.least_copies, 1.5 * usual + 0.05)
    enough = share is not None and len(before) >= policy.least_waits
    found = share or 0.0
    outcome: Outcome = "insufficient" if not enough else "alarm" if found >= limit else "ok"

    def verdict() -> Verdict:
        text = f"{percent(found)} of its rows were there on {day(other)}, {percent(usual)} at most were usual"
        gates = [
            Gate("profiles", len(before), policy.least_waits, enough),
            Gate("rows_seen_before", found, limit, found >= limit),
        ]
        shown = text if share is not None else "its rows can be compared with no earlier ones"
        return _verdict("replay", outcome, point, shown, found, usual, limit, gates, len(before))

    return Judged(outcome, verdict)


def _fan(copies: Copies, policy: Policy, points: Sequence[Point[float]], index: int) -> Judged:
    point = points[index]
    ratio, time = point.what, point.event_time
    near = [one.what for one in points[: earlier(points, index)] if one.outcome != "alarm"]
    before = [*copies.past_ratios.before(time), *near][-policy.history :]
    enough = len(before) >= policy.least_history
    usual, mad = median_mad(before) if before else (1.0, 0.0)
    third = sorted(before)[-min(policy.tail_rank, len(before))] if before else 1.0
    limit = max(usual + policy.volume_mads * mad, 1.2 * third, 1.3 * usual)
    outcome: Outcome = "insufficient" if not enough else "alarm" if ratio >= limit else "ok"

    def verdict() -> Verdict:
        text = f"{number(ratio)} rows for each distinct one, {number(usual)} was usual"
        gates = [
            Gate("profiles", len(before), policy.least_history, enough),
            Gate("rows_a_distinct_row", ratio, limit, ratio >= limit),
        ]
        return _verdict("fan-out", outcome, point, text, ratio, usual, limit, gates, len(before))

    return Judged(outcome, verdict)


def _verdict(
    kind: Kind,
    outcome: Outcome,
    point: Point[_Rows] | Point[float],
    text: str,
    value: float,
    usual: float,
    limit: float,
    gates: list[Gate],
    compared: int,
) -> Verdict:
    subject = point.told_of
    shown = f"{dataset(subject.namespace, subject.name)} of {day(subject.event_time)}"
    return Verdict(
        check="duplication",
        outcome=outcome,
        subject=subject,
        explanation=f"{shown}: {text}" if kind == "replay" else f"{shown} holds {text}",
        severity=min(1.0, value if kind == "replay" else 1 - usual / value) if outcome == "alarm" else 0.0,
        onset=subject.event_time if outcome == "alarm" else None,
        score=value,
        usual=usual,
        gates=gates,
        baseline=BaselineFacts("rolling", compared),
        based_on=[point.event_id],
        evidence={"kind": json.dumps(kind), "unusual": json.dumps(round(value / limit, 4))},
        slice=kind,
    )
