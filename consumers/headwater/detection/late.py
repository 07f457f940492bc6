"""A profile that comes late: those behind it were judged without it, and are judged again.

So what stands of each is what would have been said had all come in order, as long as no more than `Policy.again` lie
behind one that is late, and none is behind more than that many. Whatever is judged again is said again, all of it: of
the verdicts on one profile those stand that were said with the most known (`verdicts.known_from`), and the one on the
whole profile closes them. What is said does not hang on what was said before, so a worker that starts need not know it.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.detection import gates, kinds, reference
from headwater.detection.ids import digest
from headwater.detection.policy import Policy
from headwater.detection.profile_verdicts import subject_of, verdicts
from headwater.detection.reference import Reference
from headwater.detection.series import Judged, Series
from headwater.detection.summaries import Summary
from headwater.detection.verdicts import Verdict, known_from


def judge(
    summary: Summary, series: Series, policy: Policy, pinned: Reference | None = None, *, replaying: bool = False
) -> list[Verdict]:
    """What is said of a profile, and what is to be said instead of those behind it. `replaying`: it is fed again, which
    counts as judged once.
    """
    behind = series.rewind(summary.event_time)
    found: list[Verdict] = []
    for judged in (Judged(replace(summary, row_kmv=b"", fingerprint=None)), *behind):
        found += _profile(judged, series, policy, pinned)
        series.remember(replace(judged, times=1 if replaying else judged.times + 1), policy)
    return found


def _profile(judged: Judged, series: Series, policy: Policy, pinned: Reference | None) -> list[Verdict]:
    """What is said of a profile; the verdict on the whole of it comes last."""
    summary = judged.summary
    changed = kinds.judge(subject_of(summary), summary, series, policy)
    before = series.times_before(summary.event_time, policy.again)
    known = known_from(summary.event_time, summary.event_id, before)
    findings = gates.judge_again(summary, series, policy) if judged.times else gates.judge(summary, series, policy)
    if pinned is not None:
        changed += reference.judge(summary, series, pinned, policy)
    about = digest("profile", summary.event_id)
    return [replace(verdict, judged=about, known=known) for verdict in changed + verdicts(summary, findings)]
