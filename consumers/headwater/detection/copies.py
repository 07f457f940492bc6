"""Rows that were there before, and rows that are there several times, from sketches of the rows' hashes."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.detection.aftermath import Aftermath
from headwater.detection.gates import Gate, Outcome
from headwater.detection.policy import Policy
from headwater.detection.statistics.robust import median_mad
from headwater.detection.summaries import Summary
from headwater.detection.texts import dataset, day, number, percent
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict

Hashes = NDArray[np.uint64]
Kind = Literal["replay", "fan-out"]
#: Smallest hashes of earlier profiles that are kept: 2 KB each.
_KEPT = 256
#: Hashes that must lie below both sketches' ends; at a share of 0.2 the standard error is then 0.05.
_LEAST_COMPARED = 64
#: Hashes that a producer keeps of a profile's rows.
_SENT = 1024


class _Known(NamedTuple):
    event_time: int
    event_id: bytes
    partitions: tuple[str, ...]
    hashing: str
    hashes: Hashes
    #: Whether the sketch holds all of the rows' hashes.
    whole: bool


class _Score(NamedTuple):
    event_time: int
    value: float
    alarmed: bool


@dataclass(slots=True)
class Copies:
    """The last profiles of one series, by event time: their sketches, and what was found."""

    known: list[_Known] = field(default_factory=list[_Known])
    shares: list[_Score] = field(default_factory=list[_Score])
    ratios: list[_Score] = field(default_factory=list[_Score])
    replays: Aftermath = field(default_factory=Aftermath)
    fans: Aftermath = field(default_factory=Aftermath)


def judge(subject: Subject, summary: Summary, copies: Copies, policy: Policy) -> list[Verdict]:
    """Whether its rows lie in an earlier profile that it should share none with, or are there several times.

    Both are held against the dataset's own history: a table that is written whole each time shares all its rows with
    the one before, and a log may well hold a row twice.
    """
    hashes = np.frombuffer(summary.row_kmv[: len(summary.row_kmv) // 8 * 8], "<u8").astype(np.uint64)
    if summary.rows < policy.least_rows or not len(hashes):
        return []
    found: list[Verdict] = []
    share, other = _largest_share(summary, hashes, copies)
    if other is not None:
        found += _told(copies.replays, _replay(subject, summary, share, other, copies, policy), policy)
    # of a sample it cannot be said how often a row is there
    if summary.sampled_rows is None:
        found += _told(copies.fans, _fan(subject, summary, _ratio(summary.rows, hashes), copies, policy), policy)
    known = _Known(
        summary.event_time,
        summary.event_id,
        summary.partitions,
        summary.hashing,
        hashes[:_KEPT].copy(),  # a view would keep all that were sent
        len(hashes) <= _KEPT and len(hashes) < _SENT,
    )
    insort(copies.known, known, key=lambda item: item.event_time)
    del copies.known[: -policy.rolling]
    return found


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


def _largest_share(summary: Summary, hashes: Hashes, copies: Copies) -> tuple[float, _Known | None]:
    kept, whole = hashes[:_KEPT], len(hashes) <= _KEPT and len(hashes) < _SENT
    best: tuple[float, _Known | None] = (0.0, None)
    for known in copies.known[: bisect_left(copies.known, summary.event_time, key=lambda item: item.event_time)]:
        # the same slice written again is a re-run, and told as one
        if known.hashing != summary.hashing or (known.partitions and known.partitions == summary.partitions):
            continue
        share = contained(kept, whole, known.hashes, known.whole)
        if share is not None and (best[1] is None or share > best[0]):
            best = share, known
    return best


def _ratio(rows: int, hashes: Hashes) -> float:
    """Rows for each distinct row."""
    if len(hashes) < _SENT:
        return rows / len(hashes)
    return rows / ((len(hashes) - 1) * 2.0**64 / float(hashes[-1]))


def _replay(subject: Subject, summary: Summary, share: float, other: _Known, copies: Copies, policy: Policy) -> Verdict:
    before = [s.value for s in copies.shares if s.event_time < summary.event_time and not s.alarmed]
    # the third-largest of its history: once is no habit
    usual = sorted(before)[-min(policy.tail_rank, len(before))] if before else 0.0
    limit = max(policy.least_copies, 1.5 * usual + 0.05)
    enough = len(before) >= policy.least_waits
    outcome: Outcome = "insufficient" if not enough else "alarm" if share >= limit else "ok"
    text = (
        f"{dataset(subject.namespace, subject.name)} of {day(subject.event_time)}: {percent(share)} of its rows "
        f"were there on {day(other.event_time)}, {percent(usual)} at most were usual"
    )
    gates = [
        Gate("profiles", len(before), policy.least_waits, enough),
        Gate("rows_seen_before", share, limit, share >= limit),
    ]
    return _verdict("replay", outcome, subject, text, share, usual, limit, gates, copies.shares, policy)


def _fan(subject: Subject, summary: Summary, ratio: float, copies: Copies, policy: Policy) -> Verdict:
    before = [s.value for s in copies.ratios if s.event_time < summary.event_time and not s.alarmed]
    enough = len(before) >= policy.least_history
    usual, mad = median_mad(before) if before else (1.0, 0.0)
    third = sorted(before)[-min(policy.tail_rank, len(before))] if before else 1.0
    limit = max(usual + policy.volume_mads * mad, 1.2 * third, 1.3 * usual)
    outcome: Outcome = "insufficient" if not enough else "alarm" if ratio >= limit else "ok"
    text = (
        f"{dataset(subject.namespace, subject.name)} of {day(subject.event_time)} holds {number(ratio)} rows for each "
        f"distinct one, {number(usual)} was usual"
    )
    gates = [
        Gate("profiles", len(before), policy.least_history, enough),
        Gate("rows_a_distinct_row", ratio, limit, ratio >= limit),
    ]
    return _verdict("fan-out", outcome, subject, text, ratio, usual, limit, gates, copies.ratios, policy)


def _verdict(
    kind: Kind,
    outcome: Outcome,
    subject: Subject,
    text: str,
    value: float,
    usual: float,
    limit: float,
    gates: list[Gate],
    scores: list[_Score],
    policy: Policy,
) -> Verdict:
    compared = len(scores)
    insort(scores, _Score(subject.event_time, value, outcome == "alarm"))
    del scores[: -policy.history]
    return Verdict(
        check="duplication",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=min(1.0, value if kind == "replay" else 1 - usual / value) if outcome == "alarm" else 0.0,
        onset=subject.event_time if outcome == "alarm" else None,
        score=value,
        usual=usual,
        gates=gates,
        baseline=BaselineFacts("rolling", compared),
        evidence={"kind": json.dumps(kind), "unusual": json.dumps(round(value / limit, 4))},
        slice=kind,
    )


def _told(aftermath: Aftermath, verdict: Verdict, policy: Policy) -> list[Verdict]:
    return [verdict] if aftermath.is_told(verdict.outcome, policy.resolve_after) else []
