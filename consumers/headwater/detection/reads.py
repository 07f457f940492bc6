"""Who reads a dataset: a job that finds no new version where there always was one, a slice that is written again."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.detection.aftermath import Aftermath
from headwater.detection.gates import Gate, Outcome
from headwater.detection.policy import Policy
from headwater.detection.texts import dataset, day, percent
from headwater.detection.verdicts import Subject, Verdict

Version = tuple[str | None, tuple[str, ...]]


class _Take(NamedTuple):
    event_time: int
    run_id: bytes
    nominal: int | None
    version: Version
    #: The same as the run before took.
    again: bool


@dataclass(slots=True)
class Takes:
    """What each run of one job read of one dataset, or wrote to it, by event time."""

    takes: list[_Take] = field(default_factory=list[_Take])
    aftermath: Aftermath = field(default_factory=Aftermath)


def late(subject: Subject, nominal: int | None, takes: Takes, policy: Policy, based_on: bytes) -> list[Verdict]:
    """Whether a run had to read what the run before had read, where nearly every run before found something new.

    A run for the same nominal time is a retry and reads the same on purpose.
    """
    if subject.run_id is None or subject.version is None:
        return []
    again, known = _take(subject, nominal, takes, policy)
    if again is None:
        return []
    usual = sum(take.again for take in known) / len(known) if known else 0.0
    enough = len(known) >= policy.least_waits
    rare = usual <= policy.most_usual_repeats
    outcome: Outcome = "insufficient" if not enough else "alarm" if again and rare else "ok"
    read = f"{dataset(subject.namespace, subject.name)}@{subject.version}"
    text = f"a run of {dataset(subject.job_namespace, subject.job_name)} of {day(subject.event_time)} read {read}"
    text += ", as the run before it did: no new version had come" if again else ", a new version"
    if not takes.aftermath.is_told(outcome, policy.resolve_after):
        return []
    return [
        Verdict(
            check="upstream",
            outcome=outcome,
            subject=subject,
            explanation=text,
            severity=0.4 if outcome == "alarm" else 0.0,
            onset=subject.event_time if outcome == "alarm" else None,
            score=float(again),
            usual=usual,
            gates=_gates(known, usual, again=again, policy=policy),
            based_on=[based_on],
            evidence={"kind": '"late"', "unusual": json.dumps(2.0 if outcome == "alarm" else 0.0)},
            slice="late",
        )
    ]


def rerun(subject: Subject, nominal: int | None, takes: Takes, policy: Policy, based_on: bytes) -> list[Verdict]:
    """Whether a slice, or what is for one nominal time, is written again by another run, where that is no habit."""
    if subject.run_id is None or (nominal is None and not subject.partitions):
        return []
    key = (None if nominal is None else str(nominal), subject.partitions)
    known = [take for take in takes.takes if take.run_id != subject.run_id]
    again = any(take.version == key for take in known)
    usual = sum(take.again for take in known) / len(known) if known else 0.0
    if not any(take.run_id == subject.run_id for take in takes.takes):
        insort(takes.takes, _Take(subject.event_time, subject.run_id, nominal, key, again))
        del takes.takes[: -4 * policy.rolling]
    if not again or len(known) < policy.least_waits or usual > 5 * policy.most_usual_repeats:
        return []
    slices = f" {', '.join(subject.partitions)}" if subject.partitions else ""
    text = (
        f"{dataset(subject.namespace, subject.name)}{slices} was written again on {day(subject.event_time)} by another "
        f"run of {dataset(subject.job_namespace, subject.job_name)}; {percent(usual)} of its runs do that"
    )
    return [
        Verdict(
            check="duplication",
            outcome="warn",
            subject=subject,
            explanation=text,
            severity=0.3,
            score=1.0,
            usual=usual,
            gates=_gates(known, usual, again=True, policy=policy),
            based_on=[based_on],
            evidence={"kind": '"re-run"'},
            slice="re-run",
        )
    ]


def _gates(known: list[_Take], usual: float, *, again: bool, policy: Policy) -> list[Gate]:
    limit = policy.most_usual_repeats
    return [
        Gate("runs", len(known), policy.least_waits, len(known) >= policy.least_waits),
        Gate("again", float(again), 1.0, again),
        Gate("usual_share", usual, limit, usual <= limit),
    ]


def _take(subject: Subject, nominal: int | None, takes: Takes, policy: Policy) -> tuple[bool | None, list[_Take]]:
    """Whether it is the version of the run before (None: this run was counted already, or is a retry), and the runs
    before it.
    """
    assert subject.run_id is not None  # noqa: S101  # asked by the caller
    if any(take.run_id == subject.run_id for take in takes.takes):
        return None, []
    version = (subject.version, subject.partitions)
    index = bisect_left(takes.takes, subject.event_time, key=lambda take: take.event_time)
    known = takes.takes[:index][-4 * policy.rolling :]
    before = known[-1] if known else None
    if before is not None and nominal is not None and before.nominal == nominal:
        return None, []
    again = before is not None and before.version == version
    insort(takes.takes, _Take(subject.event_time, subject.run_id, nominal, version, again))
    del takes.takes[: -4 * policy.rolling]
    return again, known[1:]
