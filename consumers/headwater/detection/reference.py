"""A dataset against one version of it that somebody pinned, such as what a model was trained on: a slow signal.

Rolling baselines follow what changes slowly; a reference does not. Single profiles are not held against it, since
weekdays differ by nature, but a week of them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.detection import compare
from headwater.detection.accepting import Accept
from headwater.detection.gates import Finding, Gate, Outcome, severity_of
from headwater.detection.packed import Columns
from headwater.detection.policy import Policy
from headwater.detection.profile_verdicts import column_verdict, subject_of
from headwater.detection.series import Entry, Series
from headwater.detection.statistics import numeric
from headwater.detection.statistics.robust import holm
from headwater.detection.summaries import Column, Summary
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Verdict

#: Slices of the pinned version that are taken together.
_MOST = 64


@dataclass(slots=True)
class Reference:
    """The profiles of the pinned version, as written, and what they are together."""

    version: str
    profiles: dict[bytes, Summary] = field(default_factory=dict[bytes, Summary])
    entry: Entry | None = None
    #: By column (empty: all): the last decision that accepted another normal.
    accepted: dict[str, Accept] = field(default_factory=dict[str, Accept])
    _told: dict[str, int] = field(default_factory=dict[str, int])

    def accept(self, accept: Accept) -> None:
        """Somebody accepted another normal: a version from before that is held against no more."""
        self.accepted[accept.column or ""] = accept
        self._told.clear()

    def superseded(self, column: str) -> Accept | None:
        """The decision by which the pinned version says no more what is normal in a column; None where it does."""
        decided = [accept for name in ("", column) if (accept := self.accepted.get(name)) is not None]
        last = max(decided, key=lambda accept: accept.until, default=None)
        return last if last is not None and self.entry is not None and self.entry.event_time < last.until else None

    def is_told(self, column: str, times: int) -> bool:
        """Whether it is still to be told of a column that it is held against no more; asked once a profile."""
        self._told[column] = self._told.get(column, 0) + 1
        return self._told[column] <= times

    def add(self, summary: Summary) -> None:
        """Take a profile in where it is one of the version; others change nothing. Any order, any number of times."""
        wanted = summary.version == self.version and summary.role == "output"
        if not wanted or summary.event_id in self.profiles or len(self.profiles) >= _MOST:
            return
        packed = replace(summary, columns=Columns(summary.columns), row_kmv=b"", fingerprint=None)
        self.profiles[summary.event_id] = packed
        ordered = sorted(self.profiles.values(), key=lambda one: (one.event_time, one.event_id))
        columns = Columns(together([one.columns for one in ordered]))
        self.entry = Entry(ordered[-1].event_time, ordered[-1].event_id, -1, columns, frozenset())


def judge(summary: Summary, series: Series, pinned: Reference, policy: Policy) -> list[Verdict]:
    """The last profiles up to this one, together, against the reference; told are findings, and afterwards their end.

    Gates 2 and 3, the effect `reference_times` as large as between neighbours, in 2 of 3 profiles.
    """
    entry = pinned.entry
    if entry is None or summary.version == pinned.version:
        return []
    now = together([one.columns for one in series.until(summary.event_time, policy.reference_profiles)])
    pairs: list[tuple[str, compare.Comparison]] = []
    accepted: list[Verdict] = []
    for name, column in now.items():
        if name in entry.columns and name in summary.columns:
            if (accept := pinned.superseded(name)) is not None:
                # so often that an incident of it is over
                if pinned.is_told(name, policy.resolve_after):
                    accepted.append(_superseded(summary, name, pinned.version, accept))
                continue
            made = compare.drift(column, name, "pinned", [entry], policy)
            if made is not None and min(made.rows, made.baseline_rows) >= policy.least_rows:
                pairs.append((name, made))
    held = holm([made.p_value for _, made in pairs], policy.family_alpha)
    findings = [
        _through(summary, series, now[name], name, made, threshold, policy)
        for (name, made), threshold in zip(pairs, held, strict=True)
    ]
    return accepted + [
        column_verdict(summary, finding)
        for finding in findings
        if finding.outcome in {"warn", "alarm"} or finding.recovering
    ]


def _superseded(summary: Summary, column: str, version: str, accept: Accept) -> Verdict:
    shown = dataset(summary.namespace, summary.name, column)
    text = (
        f"{shown} of {day(summary.event_time)} is not held against the pinned reference {version}: {accept.actor} "
        f"accepted what came since {day(accept.until)} as the new normal. Pin a version from since then"
    )
    return Verdict(
        check="reference",
        outcome="ok",
        subject=subject_of(summary, column),
        explanation=text,
        based_on=[summary.event_id],
        slice=summary.role,
    )


def _through(
    summary: Summary,
    series: Series,
    current: Column,
    name: str,
    made: compare.Comparison,
    threshold: float,
    policy: Policy,
) -> Finding:
    score = made.score / policy.reference_times
    found = threshold > 0 and score >= 1
    signal = series.signal("reference", name)
    before = signal.before(summary.event_time, policy.history)
    recent = before.found_times(policy.persistence_of - 1)
    persistent = found and len(recent) + 1 >= policy.persistence
    signal.add(summary.event_time, score, None, found=found, keep=policy.history + policy.again)
    outcome: Outcome = "alarm" if persistent else "warn" if found else "ok"
    floors = [(m, m.floor * policy.reference_times) for m in made.measures]
    return Finding(
        check="reference",
        column=name,
        outcome=outcome,
        severity=severity_of(made),
        score=score,
        usual=None,
        unusual=score,
        gates=(
            Gate("rows", min(made.rows, made.baseline_rows), policy.least_rows, passed=True),
            Gate("p_value", made.p_value, threshold or None, threshold > 0, "Holm over all columns"),
            *(Gate(m.name, m.value, floor, m.value >= floor) for m, floor in floors),
            Gate("persistent", len(recent) + found, policy.persistence, persistent),
        ),
        onset=min(recent, default=summary.event_time) if found else None,
        comparison=made,
        current=current,
        recovering=bool(before.found_times(policy.resolve_after)),
    )


def together(profiles: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """Columns of several profiles as those of one; of a column that came in several kinds the newest kind."""
    named: dict[str, list[Column]] = {}
    for columns in profiles:
        for name, column in columns.items():
            if column.kind != "none" and column.valued > 0:
                named.setdefault(name, []).append(column)
    return {name: _one([c for c in parts if c.kind == parts[-1].kind]) for name, parts in named.items()}


def _one(parts: list[Column]) -> Column:
    facts: dict[str, Any] = {"rows": sum(part.rows for part in parts), "nulls": sum(part.nulls for part in parts)}
    points = [part.points for part in parts if part.points is not None]
    if points:
        return Column("numeric", points=numeric.pool(points).quantiles, **facts)
    values: dict[str, int] = {}
    for part in parts:
        for value, count in (part.values or {}).items():
            values[value] = values.get(value, 0) + count
    return Column("categorical", values=values, cut=any(part.cut for part in parts), **facts)
