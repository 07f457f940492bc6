"""Who reads a dataset: a job that finds no new version where there always was one, a slice that is written again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.ordered import Judged, Ordered, Point, earlier
from headwater.detection.policy import Policy
from headwater.detection.texts import dataset, day, percent
from headwater.detection.verdicts import Subject, Verdict

Version = tuple[str | None, tuple[str, ...]]


@dataclass(slots=True)
class _Take:
    run_id: bytes
    nominal: int | None
    version: Version
    #: For the same nominal time as the run before: it takes the same on purpose, and is not counted.
    retry: bool = False


@dataclass(slots=True)
class Takes:
    """What each run of one job read of one dataset, or wrote to it, by event time.

    Of several messages of one run the earliest stands. `found` of a point: it is what the run before took.
    """

    takes: Ordered[_Take] = field(default_factory=Ordered[_Take])


def late(subject: Subject, nominal: int | None, takes: Takes, policy: Policy, based_on: bytes) -> None:
    """Remembers what a run read."""
    if subject.run_id is not None and subject.version is not None:
        take = _Take(subject.run_id, nominal, (subject.version, subject.partitions))
        _remember(Point(subject.event_time, based_on, take, subject), takes, policy)


def late_due(takes: Takes, policy: Policy, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
    """Whether runs had to read what the run before had read, where nearly every run before found something new.

    A run for the same nominal time is a retry and reads the same on purpose.
    """
    return takes.takes.due(
        partial(_late, policy),
        partial(_about, "late"),
        again=policy.again_uses,
        keep=_kept(policy),
        oks=policy.resolve_after,
        aloud=aloud,
        replaying=replaying,
    )


def rerun(subject: Subject, nominal: int | None, takes: Takes, policy: Policy, based_on: bytes) -> None:
    """Remembers for what a run wrote."""
    if subject.run_id is not None and (nominal is not None or subject.partitions):
        take = _Take(subject.run_id, nominal, (None if nominal is None else str(nominal), subject.partitions))
        _remember(Point(subject.event_time, based_on, take, subject), takes, policy)


def rerun_due(takes: Takes, policy: Policy, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
    """Whether a slice, or what is for one nominal time, is written again by another run, where that is no habit."""
    return takes.takes.due(
        partial(_rerun, policy),
        partial(_about, "re-run"),
        again=policy.again_uses,
        keep=_kept(policy),
        aloud=aloud,
        replaying=replaying,
    )


def _remember(point: Point[_Take], takes: Takes, policy: Policy) -> None:
    run_id = point.what.run_id
    known = next((one for one in takes.takes.points if one.what.run_id == run_id and one.stands), None)
    if not takes.takes.take(point, policy.again_uses) or known is None:
        return
    point.stands, known.stands = point.place < known.place, known.place < point.place
    if point.stands:
        point.said, known.said = known.said, None


def _about(kind: str, point: Point[_Take]) -> bytes:
    subject = point.told_of
    job = (subject.job_namespace, subject.job_name)
    return digest(kind, subject.namespace, subject.name, *job, point.what.run_id)


def _kept(policy: Policy) -> int:
    """Messages, of one run or several, that one is held against."""
    return 4 * policy.rolling


def _late(policy: Policy, takes: Sequence[Point[_Take]], index: int) -> Judged:
    point = takes[index]
    near = takes[max(0, index - _kept(policy)) : earlier(takes, index)]
    known = [one for one in near if one.stands and not one.what.retry]
    before = known[-1].what if known else None
    nominal = point.what.nominal
    point.what.retry = before is not None and nominal is not None and before.nominal == nominal
    again = before is not None and before.version == point.what.version and not point.what.retry
    known = known[1:]
    usual = sum([one.found for one in known]) / len(known) if known else 0.0
    outcome: Outcome = "insufficient"
    if len(known) >= policy.least_waits and not point.what.retry:
        outcome = "alarm" if again and usual <= policy.most_usual_repeats else "ok"
    return Judged(outcome, partial(_late_verdict, point, len(known), usual, again, outcome, policy), found=again)


def _late_verdict(
    point: Point[_Take], known: int, usual: float, again: bool, outcome: Outcome, policy: Policy
) -> Verdict:
    subject = point.told_of
    read = f"{dataset(subject.namespace, subject.name)}@{subject.version}"
    text = f"a run of {dataset(subject.job_namespace, subject.job_name)} of {day(subject.event_time)} read {read}"
    if point.what.retry:
        text += " for the nominal time of the run before it"
    else:
        text += ", as the run before it did: no new version had come" if again else ", a new version"
    alarmed = outcome == "alarm"
    return Verdict(
        check="upstream",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=0.4 if alarmed else 0.0,
        onset=subject.event_time if alarmed else None,
        score=float(again),
        usual=usual,
        gates=_gates(known, usual, again=again, policy=policy),
        based_on=[point.event_id],
        evidence={"kind": '"late"', "unusual": json.dumps(2.0 if alarmed else 0.0)},
        slice="late",
    )


def _rerun(policy: Policy, takes: Sequence[Point[_Take]], index: int) -> Judged:
    point = takes[index]
    known = [one for one in takes[max(0, index - _kept(policy)) : index] if one.stands]
    again = any(one.what.version == point.what.version for one in known)
    usual = sum([one.found for one in known]) / len(known) if known else 0.0
    outcome: Outcome = "insufficient"
    if len(known) >= policy.least_waits:
        outcome = "warn" if again and usual <= 5 * policy.most_usual_repeats else "ok"
    return Judged(outcome, partial(_rerun_verdict, point, len(known), usual, again, outcome, policy), found=again)


def _rerun_verdict(
    point: Point[_Take], known: int, usual: float, again: bool, outcome: Outcome, policy: Policy
) -> Verdict:
    subject = point.told_of
    slices = f" {', '.join(subject.partitions)}" if subject.partitions else ""
    text = f"{dataset(subject.namespace, subject.name)}{slices} was written "
    text += f"again on {day(subject.event_time)} by another run" if again else f"on {day(subject.event_time)} by a run"
    text += f" of {dataset(subject.job_namespace, subject.job_name)}; {percent(usual)} of its runs write one again"
    return Verdict(
        check="duplication",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=0.3 if outcome == "warn" else 0.0,
        score=float(again),
        usual=usual,
        gates=_gates(known, usual, again=again, policy=policy),
        based_on=[point.event_id],
        evidence={"kind": '"re-run"'},
        slice="re-run",
    )


def _gates(known: int, usual: float, *, again: bool, policy: Policy) -> list[Gate]:
    limit = policy.most_usual_repeats
    return [
        Gate("runs", known, policy.least_waits, known >= policy.least_waits),
        Gate("again", float(again), 1.0, again),
        Gate("usual_share", usual, limit, usual <= limit),
    ]
