"""The five gates, in their order: enough data, significant, large enough, unusual here, persistent."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from headwater.detection import compare
from headwater.detection.compare import Comparison
from headwater.detection.policy import Policy
from headwater.detection.series import FREQUENT, Series
from headwater.detection.signals import Past
from headwater.detection.statistics.robust import Floats, holm, ordered_median_mad
from headwater.detection.summaries import Column, Summary

Outcome = Literal["ok", "insufficient", "warn", "alarm"]
#: The distribution, the share of nulls, the share of values never seen before, what is served against training,
#: a week against what was pinned.
Check = Literal["drift", "nulls", "values", "skew", "reference"]
_MEASURES: tuple[tuple[Check, Callable[..., Comparison | None]], ...] = (
    ("drift", compare.drift),
    ("nulls", compare.nulls),
    ("values", compare.novelty),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's number, what it was held against, and whether it lets the finding through."""

    name: str
    value: float
    threshold: float | None
    passed: bool | None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one column of one profile."""

    check: Check
    column: str
    outcome: Outcome
    severity: float
    score: float
    usual: float | None
    #: The score over the limit of its own history (over the least effect where there is none): 1 is the limit.
    unusual: float
    gates: tuple[Gate, ...]
    onset: int | None
    #: The comparison that speaks for it: the weaker of rolling and season.
    comparison: Comparison | None = field(repr=False, default=None)
    current: Column | None = field(repr=False, default=None)
    #: Whether one of the last profiles was told of, so that its end is told too.
    recovering: bool = False


@dataclass(frozen=True, slots=True)
class _Test:
    check: Check
    column: str
    current: Column
    #: Those that must speak for it.
    comparisons: tuple[Comparison, ...]
    #: The score against the rolling baseline.
    rolling: float


def judge(summary: Summary, series: Series, policy: Policy) -> list[Finding]:
    """Every column of a profile through the gates; the series is remembered with the outcome.

    A profile that the series knows already changes nothing and is answered by an empty list.
    """
    return [] if series.knows(summary.event_id) else judge_again(summary, series, policy)


def judge_again(summary: Summary, series: Series, policy: Policy) -> list[Finding]:
    """The same of a profile that the series was made to forget."""
    tests = [test for name, column in summary.columns.items() for test in _tests(name, column, summary, series, policy)]
    judged = [index for index, test in enumerate(tests) if _enough(test, policy)]
    # what cannot differ, such as no nulls on both sides, is no test that could be wrong (Tarone 1990)
    tried = [index for index in judged if tests[index].comparisons[0].score > 0]
    # with two baselines both must speak for it, so the larger chance counts
    chances = {index: max(c.p_value for c in tests[index].comparisons) for index in judged}
    held = dict(zip(tried, holm([chances[index] for index in tried], policy.family_alpha), strict=True))
    findings: list[Finding] = []
    for index, test in enumerate(tests):
        finding = _through(test, summary, series, policy, chance=chances.get(index), threshold=held.get(index, 0.0))
        findings.append(finding)
    # what was found and may yet prove persistent must not be compared with either
    series.add(summary, frozenset(finding.column for finding in findings if finding.onset is not None), policy)
    return findings


def _tests(name: str, column: Column, summary: Summary, series: Series, policy: Policy) -> list[_Test]:
    rolling = series.rolling(name, summary.event_time, policy)
    if not rolling:
        return []
    seasonal = series.seasonal(name, summary.event_time, policy)
    alone = bool(seasonal) and seasonal[0].season >= FREQUENT
    found: list[_Test] = []
    for check, measure in _MEASURES:
        first = measure(column, name, "rolling", rolling, policy)
        if first is None:
            continue
        second = measure(column, name, "season", seasonal, policy) if seasonal else None
        comparisons = (first,) if second is None else (second,) if alone else (first, second)
        found.append(_Test(check, name, column, comparisons, first.score))
    return found


def _enough(test: _Test, policy: Policy) -> bool:
    return all(min(c.rows, c.baseline_rows) >= policy.least_rows for c in test.comparisons)


def _through(
    test: _Test, summary: Summary, series: Series, policy: Policy, *, chance: float | None, threshold: float
) -> Finding:
    signal = series.signal(test.check, test.column)
    before = signal.before(summary.event_time, policy.history)
    weakest = min(test.comparisons, key=lambda c: c.score)
    fewest = min(min(c.rows, c.baseline_rows) for c in test.comparisons)
    gates = [Gate("rows", fewest, policy.least_rows, chance is not None)]
    significant = chance is not None and threshold > 0
    if chance is not None:
        gates.append(Gate("p_value", chance, threshold or None, significant, "Holm over all columns"))
    large = weakest.score >= 1
    gates += [Gate(m.name, m.value, m.floor, m.value >= m.floor) for m in weakest.measures]
    usual, unusual, known, is_unusual = _own_history(test, before, policy)
    gates.append(
        Gate(
            "unusual",
            unusual,
            1.0,
            is_unusual,
            None if known else f"{len(before)} points of history, {policy.least_history} are needed",
        )
    )
    found = significant and large and is_unusual and known
    told = significant and large and not known
    recent = before.found_times(policy.persistence_of - 1)
    times = len(recent) + found
    at_once = found and min(c.distance for c in test.comparisons) >= policy.at_once
    persistent = found and (at_once or times >= policy.persistence)
    if found:
        comment = f"at once: {weakest.measures[0].name} from {policy.at_once:g} on" if at_once else None
        gates.append(Gate("persistent", times, policy.persistence, persistent, comment))
    outcome: Outcome = (
        "alarm" if persistent else "warn" if found or told else "ok" if chance is not None else "insufficient"
    )
    season = next((c.score for c in test.comparisons if c.kind == "season"), None)
    signal.add(summary.event_time, test.rolling, season, found=found, keep=policy.history + policy.again)
    return Finding(
        check=test.check,
        column=test.column,
        outcome=outcome,
        severity=severity_of(weakest),
        score=weakest.score,
        usual=usual,
        unusual=unusual,
        gates=tuple(gates),
        onset=min(recent, default=summary.event_time) if found else None,
        comparison=weakest,
        current=test.current,
        recovering=bool(before.found_times(policy.resolve_after)),
    )


def _own_history(test: _Test, before: Past, policy: Policy) -> tuple[float | None, float, bool, bool]:
    """What the score usually is, the score over its limit, whether there is history enough, whether it is unusual.

    Each baseline has a history of its own; the season's counts once it is long enough. The one nearest to its
    usual score decides.
    """
    known = len(before) >= policy.least_history and before.found.count(0) >= policy.least_history
    if min(c.score for c in test.comparisons) < policy.least_asked:
        return None, 0.0, known, False
    decided: tuple[float | None, float] | None = None
    for comparison in test.comparisons:
        scores = before.scores if comparison.kind == "rolling" else before.season_scores
        history = _usual_scores(scores, before.found)
        if len(history) < policy.least_history:
            continue
        median, limit = own_limit(history, policy)
        over = comparison.score / limit if limit > 0 else comparison.score
        if decided is None or over < decided[1]:
            decided = (median, over)
    if decided is None and test.comparisons[0].kind == "season":
        return None, min(c.score for c in test.comparisons), False, False
    if decided is None:
        return None, min(c.score for c in test.comparisons), known, known
    return decided[0], decided[1], known, decided[1] > 1


def own_limit(history: Floats, policy: Policy) -> tuple[float, float]:
    """The median of a history of scores, and the limit above which a score is unusual.

    Median + 4 MAD suits scores that scatter evenly; many have a long tail (delays, fog). So the limit is at
    least where an exponential tail through the third-largest score is passed once in `tail_rarity` profiles.
    """
    ordered, median, mad = ordered_median_mad(history)
    limit = median + max(policy.unusual_mads * mad, policy.least_unusual * median)
    rank = min(policy.tail_rank, len(ordered))
    high = float(ordered[-rank])
    reach = math.log(policy.tail_rarity) / math.log(len(ordered) / rank)
    return median, max(limit, median + (high - median) * reach)


def _usual_scores(scores: array[float], found: bytes) -> Floats:
    """Scores that were not found, and of each finding that is over its largest: what comes again is usual."""
    every = np.array(scores, np.float64)
    missing = np.isnan(every)
    if 1 not in found:
        return every[~missing] if missing.any() else every
    usual: list[float] = []
    episode: float | None = None
    for score, was_found in zip(scores, found, strict=True):
        if math.isnan(score):
            continue
        if was_found:
            episode = score if episode is None else max(episode, score)
        else:
            if episode is not None:
                usual.append(episode)
                episode = None
            usual.append(score)
    return np.array(usual, np.float64)


def severity_of(comparison: Comparison) -> float:
    """Effect size: the share of rows that moved, or half the shift in standard deviations, at most 1."""
    shift = next((m.value for m in comparison.measures if m.name == "wasserstein_sigma"), 0.0)
    return min(1.0, max(comparison.distance, shift / 2))
