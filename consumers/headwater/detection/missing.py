"""A job that reads a slice or version which nobody wrote, where each of its runs before read what was written."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.detection.aftermath import Aftermath
from headwater.detection.gates import Gate, Outcome
from headwater.detection.policy import Policy
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict

Job = tuple[str, str]
_Order = list[tuple[int, "int | str"]]
#: Slices and versions that are remembered as written.
_MOST = 2_000


class _Read(NamedTuple):
    event_time: int
    run_id: bytes
    missing: bool


@dataclass(slots=True)
class _Reads:
    reads: list[_Read] = field(default_factory=list[_Read])
    aftermath: Aftermath = field(default_factory=Aftermath)


class _Waiting(NamedTuple):
    until: int
    subject: Subject
    item: str
    based_on: bytes


@dataclass(slots=True)
class Written:
    """What was written of one dataset, by slice and by version, and who reads it."""

    items: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])
    #: By kind of slice (empty: versions) the least of those that are remembered: what lies before it may be forgotten.
    least: dict[str, _Order] = field(default_factory=dict[str, "_Order"])
    jobs: dict[Job, _Reads] = field(default_factory=dict[Job, _Reads])
    #: Reads of what was not written so far, until (arrival, µs) they are told: the write may stand behind them.
    waiting: list[_Waiting] = field(default_factory=list[_Waiting])


def wrote(subject: Subject, written: Written, policy: Policy) -> list[Verdict]:
    """Remembers a write; a run that was waiting for it read what was written after all."""
    for item in _items(subject):
        written.items[item] = None
        written.items.move_to_end(item)
        written.least[_kind(item)] = min(written.least.get(_kind(item), _order(item)), _order(item))
    while len(written.items) > _MOST:
        gone, _ = written.items.popitem(last=False)
        written.least[_kind(gone)] = max(written.least[_kind(gone)], _order(gone))
    there = [one for one in written.waiting if one.item in written.items]
    written.waiting = [one for one in written.waiting if one.item not in written.items]
    return [verdict for one in there for verdict in _judge(one, written, policy, missing=False)]


def read(subject: Subject, told_at: int, written: Written, policy: Policy, based_on: bytes) -> list[Verdict]:
    """A read, told at `told_at` (arrival, µs): what is not written by then may come yet.

    Only what lies behind the least that is remembered can be missing: what lies before may have been forgotten.
    """
    if subject.run_id is None or not subject.job_name:
        return []
    items = [item for item in _items(subject) if _kind(item) in written.least]
    if not items or any(one.subject.run_id == subject.run_id for one in written.waiting):
        return []
    known = written.jobs.get((subject.job_namespace, subject.job_name))
    if known is not None and any(one.run_id == subject.run_id for one in known.reads):
        return []
    absent = [i for i in items if i not in written.items and _order(i) > written.least[_kind(i)]]
    one = _Waiting(told_at + policy.hold_us, subject, (absent or items)[0], based_on)
    if absent:
        written.waiting.append(one)
        return []
    return _judge(one, written, policy, missing=False)


def overdue(now: int, written: Written, policy: Policy) -> list[Verdict]:
    """What is said of reads that have waited long enough for what they read."""
    due = [one for one in written.waiting if one.until <= now]
    if not due:
        return []
    written.waiting = [one for one in written.waiting if one.until > now]
    return [verdict for one in due for verdict in _judge(one, written, policy, missing=True)]


def _judge(one: _Waiting, written: Written, policy: Policy, *, missing: bool) -> list[Verdict]:
    subject = one.subject
    assert subject.run_id is not None  # noqa: S101  # `read` takes no other
    job = written.jobs.setdefault((subject.job_namespace, subject.job_name), _Reads())
    end = bisect_left(job.reads, subject.event_time, key=lambda known: known.event_time)
    before = job.reads[max(0, end - 4 * policy.rolling) : end]
    insort(job.reads, _Read(subject.event_time, subject.run_id, missing))
    del job.reads[: -4 * policy.rolling]
    usual = sum(known.missing for known in before) / len(before) if before else 0.0
    enough = len(before) >= policy.least_waits
    rare = usual <= policy.most_usual_repeats
    outcome: Outcome = "insufficient" if not enough else "alarm" if missing and rare else "ok"
    if not job.aftermath.is_told(outcome, policy.resolve_after):
        return []
    read_what = f"{dataset(subject.namespace, subject.name)} {one.item}"
    text = f"a run of {dataset(subject.job_namespace, subject.job_name)} of {day(subject.event_time)} read {read_what}"
    text += f", which nobody had written; {len(before)} runs before read what was" if missing else ", as it was written"
    return [
        Verdict(
            check="upstream",
            outcome=outcome,
            subject=subject,
            explanation=text,
            severity=0.5 if outcome == "alarm" else 0.0,
            onset=subject.event_time if outcome == "alarm" else None,
            score=float(missing),
            usual=usual,
            gates=[
                Gate("runs", len(before), policy.least_waits, enough),
                Gate("missing", float(missing), 1.0, missing),
                Gate("usual_share", usual, policy.most_usual_repeats, rare),
            ],
            based_on=[one.based_on],
            evidence={"kind": '"missing"', "unusual": json.dumps(2.0 if outcome == "alarm" else 0.0)},
            slice="missing",
        )
    ]


def _items(subject: Subject) -> tuple[str, ...]:
    """The slices, else the version where it is no run's own."""
    if subject.partitions:
        return subject.partitions
    version = subject.version
    return () if version is None or version.startswith("run:") else (f"@{version}",)


def _kind(item: str) -> str:
    return item.split("=", 1)[0] if not item.startswith("@") else ""


def _order(item: str) -> _Order:
    """Numbers in it as numbers, so that hour=10 lies behind hour=9."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"([0-9]+)", item) if part]
