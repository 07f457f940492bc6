"""A profile or count that comes late: those behind it were judged without it, and are judged again.

So what stands of each is what would have been said had all come in order, as long as no more than `Policy.again` lie
behind one that is late, and none is behind more than that many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headwater.detection import gates, kinds, reference, volume
from headwater.detection.gates import Finding
from headwater.detection.policy import Policy
from headwater.detection.profile_verdicts import column_verdict, subject_of, verdicts
from headwater.detection.reference import Reference
from headwater.detection.series import Judged, Series
from headwater.detection.summaries import Summary
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict


def judge(summary: Summary, series: Series, policy: Policy, pinned: Reference | None = None) -> list[Verdict]:
    """What is said of a profile, and what is to be said instead of those behind it."""
    behind = series.rewind(summary.event_time)
    found = _profile(Judged(replace(summary, row_kmv=b"", fingerprint=None)), series, policy, pinned)
    for judged in behind:
        found += _profile(judged, series, policy, pinned)
    return found


def count(subject: Subject, rows: int, counts: volume.Counts, policy: Policy, based_on: bytes) -> list[Verdict]:
    """The same of the rows of a version."""
    behind = counts.rewind(subject.event_time)
    found: list[Verdict] = []
    for counted in (volume.Counted(subject, rows, based_on), *behind):
        verdict = volume.judge(counted.subject, counted.rows, counts, policy, counted.based_on)
        content = verdict.content
        if counted.said != content:
            found.append(replace(verdict, again=counted.said is not None))
        counts.remember(replace(counted, said=content, times=counted.times + 1), policy)
    return found


def _profile(judged: Judged, series: Series, policy: Policy, pinned: Reference | None) -> list[Verdict]:
    """What is new in what is said of a profile, which is remembered."""
    summary = judged.summary
    changed = kinds.judge(subject_of(summary), summary, series, policy)
    findings = gates.judge_again(summary, series, policy) if judged.said else gates.judge(summary, series, policy)
    if pinned is not None:
        changed += reference.judge(summary, series, pinned, policy)
    said = {(verdict.check, verdict.subject.column): verdict for verdict in verdicts(summary, findings) + changed}
    for check, column in judged.said:
        if (check, column) not in said and column is not None:
            said[check, column] = _as_usual(summary, check, column, findings)
    new = [
        replace(verdict, again=key in judged.said)
        for key, verdict in said.items()
        if judged.said.get(key) != verdict.content
    ]
    contents = {key: verdict.content for key, verdict in said.items()}
    series.remember(Judged(summary, judged.times + 1, contents), policy)
    return new


def _as_usual(summary: Summary, check: str, column: str, findings: Sequence[Finding]) -> Verdict:
    """Of a column that was told of, and would not have been."""
    for finding in findings:
        if (finding.check, finding.column) == (check, column):
            return column_verdict(summary, finding)
    subject = subject_of(summary)
    text = f"{dataset(subject.namespace, subject.name, column)} of {day(subject.event_time)} is as usual"
    return Verdict(check, "ok", replace(subject, column=column), text, based_on=[summary.event_id], slice=summary.role)
