"""The findings on a profile as verdicts: one for the dataset, one for each column that is not as usual."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headwater.detection.compare import Comparison
from headwater.detection.gates import Finding, Outcome
from headwater.detection.summaries import Summary
from headwater.detection.texts import dataset, day, json_within, number, percent
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict

_ORDER: tuple[Outcome, ...] = ("insufficient", "ok", "warn", "alarm")
#: Of 129 quantiles every fourth goes into the evidence: 33.
_EVERY = 4
_TOP_VALUES = 12
#: Of the scores of all columns, bytes of JSON: a message may have 512 KB.
_MOST_EVIDENCE = 200_000


def verdicts(summary: Summary, findings: Sequence[Finding]) -> list[Verdict]:
    """Those on columns that are told of; the dataset's verdict, with every column's score in its evidence, comes last.

    A column is told of while it is found or alarmed, and afterwards until it has been well for a while. A
    profile with nothing to compare with gets a verdict that says so.
    """
    told = [f for f in findings if f.outcome in {"warn", "alarm"} or f.recovering]
    return [*(column_verdict(summary, finding) for finding in told), _whole(summary, findings)]


def subject_of(summary: Summary, column: str | None = None) -> Subject:
    """What a verdict on a profile, or on one of its columns, is about."""
    return Subject(
        event_time=summary.event_time,
        namespace=summary.namespace,
        name=summary.name,
        version=summary.version,
        column=column,
        job_namespace=summary.job_namespace,
        job_name=summary.job_name,
        run_id=summary.run_id,
        partitions=summary.partitions,
    )


def _whole(summary: Summary, findings: Sequence[Finding]) -> Verdict:
    said = {f.outcome for f in findings}
    outcome: Outcome = "insufficient"
    for worse in _ORDER:
        outcome = worse if worse in said else outcome
    named = [f.column for f in findings if f.outcome == outcome]
    shown = dataset(summary.namespace, summary.name)
    if outcome == "alarm":
        text = f"{shown} of {day(summary.event_time)}: {_listed(named)} drifted"
    elif outcome == "warn":
        text = f"{shown} of {day(summary.event_time)}: {_listed(named)} differ, not enough for an alarm"
    elif outcome == "ok":
        text = f"{shown} of {day(summary.event_time)}: {len(findings)} column checks, nothing unusual"
    else:
        text = (
            f"{shown} of {day(summary.event_time)}: {summary.rows:,} rows and what came before do not suffice to judge"
        )
    top = max(findings, key=lambda f: f.unusual, default=None)
    scores: dict[str, dict[str, list[Any]]] = {}
    # the worst first: of a table of thousands of columns a message holds no more
    for f in sorted(findings, key=lambda f: (-_ORDER.index(f.outcome), not f.recovering, -f.unusual, -f.score)):
        if f.score > 0 or f.recovering:
            scores.setdefault(f.column, {})[f.check] = [round(f.score, 4), round(f.unusual, 4), f.outcome]
    columns, left_out = json_within(scores, _MOST_EVIDENCE)
    evidence = {"columns": columns, "role": json.dumps(summary.role), "rows": json.dumps(summary.rows)}
    if left_out:
        evidence["columns_left_out"] = json.dumps(left_out)
    return Verdict(
        check="drift",
        outcome=outcome,
        subject=subject_of(summary),
        explanation=text,
        severity=max((f.severity for f in findings if f.outcome == outcome), default=0.0)
        if outcome == "alarm"
        else 0.0,
        score=top.score if top else 0.0,
        usual=top.usual if top else None,
        based_on=[summary.event_id],
        evidence=evidence,
        slice=summary.role,
    )


def column_verdict(summary: Summary, finding: Finding) -> Verdict:
    """What is told of one column."""
    comparison = finding.comparison
    return Verdict(
        check=finding.check,
        outcome=finding.outcome,
        subject=subject_of(summary, finding.column),
        explanation=_sentence(summary, finding),
        severity=finding.severity if finding.outcome in {"warn", "alarm"} else 0.0,
        onset=finding.onset,
        score=finding.score,
        usual=finding.usual,
        gates=finding.gates,
        baseline=_baseline(comparison) if comparison else None,
        based_on=[summary.event_id],
        evidence=_evidence(summary, finding),
        slice=summary.role,
    )


def _baseline(comparison: Comparison) -> BaselineFacts:
    times = [entry.event_time for entry in comparison.entries]
    return BaselineFacts(comparison.kind, len(times), comparison.baseline_rows, min(times), max(times))


def _sentence(summary: Summary, finding: Finding) -> str:
    comparison = finding.comparison
    shown = dataset(summary.namespace, summary.name, finding.column)
    head = f"{shown} of {day(summary.event_time)}"
    if comparison is None:
        return f"{head} has nothing to be compared with"
    versus = f"against {len(comparison.entries)} earlier profiles"
    if comparison.kind == "season":
        versus += " of the same season"
    if comparison.kind == "pinned":
        reference = "the pinned reference" if finding.check == "reference" else "what the model was trained on"
        versus = f"against {reference}"
    measures = ", ".join(f"{_NAMES[m.name]} {number(m.value)}" for m in comparison.measures)
    usual = f", {number(finding.unusual)}× the limit of its own history" if finding.usual is not None else ""
    if finding.outcome == "ok":
        return f"{head} is as usual again: {measures} {versus}"
    return f"{head} {_change(finding, comparison)}: {measures} {versus}{usual}"


_NAMES = {
    "ks_distance": "Kolmogorov distance",
    "wasserstein_sigma": "shift in standard deviations",
    "total_variation": "total variation",
    "null_share_change": "share of nulls changed by",
    "new_values": "share of rows with values never seen before",
}


def _change(finding: Finding, comparison: Comparison) -> str:
    column = finding.current
    if finding.check == "nulls" and column is not None:
        before = (comparison.shares or {}).get("null", 0.0)
        return f"lacks a value in {percent(column.nulls / column.rows)} of rows, before in {percent(before)}"
    if finding.check == "values" and comparison.shares:
        new = list(comparison.shares)
        more = f" and {len(new) - 3} other new values" if len(new) > 3 else ""
        return f"holds {', '.join(map(repr, new[:3]))}{more} in {percent(comparison.distance)} of rows"
    if column is not None and column.points is not None and comparison.points is not None:
        now, before = float(column.points[64]), float(comparison.points[64])
        times = f", {number(now / before)}×" if before > 0 and now > 0 and not 0.8 < now / before < 1.25 else ""
        return f"has a median of {number(now)} where {number(before)} was usual{times}"
    if column is not None and column.values is not None and comparison.shares is not None and column.valued:
        seen = {value: count / column.valued for value, count in column.values.items()}
        known = comparison.shares
        moved = max({**seen, **known}, key=lambda value: abs(seen.get(value, 0.0) - known.get(value, 0.0)))
        share, former = percent(seen.get(moved, 0.0)), percent(known.get(moved, 0.0))
        return f"holds {moved!r} in {share} of rows, before in {former}"
    return "differs"


def _evidence(summary: Summary, finding: Finding) -> dict[str, str]:
    """Samples of both sides: 33 quantiles, or the shares of the most frequent values, or the shares of nulls."""
    facts: dict[str, Any] = {"role": summary.role, "unusual": round(finding.unusual, 4)}
    column, comparison = finding.current, finding.comparison
    if column is None or comparison is None:
        return {name: json.dumps(value) for name, value in facts.items()}
    facts["rows"] = {"now": column.rows, "before": comparison.baseline_rows}
    if finding.check == "nulls":
        facts["nulls"] = {"now": column.nulls / column.rows, "before": (comparison.shares or {}).get("null", 0.0)}
    elif column.points is not None and comparison.points is not None:
        facts["quantiles"] = {
            "now": [float(f"{value:.6g}") for value in column.points[::_EVERY].tolist()],
            "before": [float(f"{value:.6g}") for value in comparison.points[::_EVERY].tolist()],
        }
    elif column.values is not None and comparison.shares is not None:
        now = {value: count / max(1, column.valued) for value, count in column.values.items()}
        shares = comparison.shares
        ranked = sorted({**now, **shares}, key=lambda v: -max(now.get(v, 0.0), shares.get(v, 0.0)))[:_TOP_VALUES]
        facts["shares"] = {
            "now": {value: round(now.get(value, 0.0), 6) for value in ranked},
            "before": {value: round(shares.get(value, 0.0), 6) for value in ranked},
        }
    return {name: json.dumps(value) for name, value in facts.items()}


def _listed(columns: Sequence[str]) -> str:
    unique = list(dict.fromkeys(columns))
    return ", ".join(unique[:4]) + (f" and {len(unique) - 4} more" if len(unique) > 4 else "")
