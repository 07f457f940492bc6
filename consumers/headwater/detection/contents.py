"""Fingerprints of a dataset's versions: what is read must be what was written, and what is new must differ."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from sys import intern
from typing import Any, NamedTuple

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.ordered import Judged, Ordered, Point, earlier
from headwater.detection.policy import Policy
from headwater.detection.recent import Ids, forget
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict

#: Versions of a dataset whose fingerprints are kept.
_MOST_VERSIONS = 400
#: Reads of one version that wait for its write.
_MOST_WAITING = 100


class Print(NamedTuple):
    """A fingerprint; of different algorithms, or over other columns, two are not compared."""

    algorithm: str
    digest: bytes
    columns: int | None = None

    @property
    def comparable(self) -> tuple[str, int | None]:
        """Only prints that agree in this can be the same."""
        return self.algorithm, self.columns


def print_of(fingerprint: Mapping[str, Any] | None, columns: int | None = None) -> Print | None:
    """The fingerprint field of a use or profile; None where there is none."""
    if fingerprint is None or not fingerprint["digest"]:
        return None
    return Print(intern(fingerprint["algorithm"]), bytes(fingerprint["digest"]), columns)


Key = tuple[str | None, tuple[str, ...]]


class _Read(NamedTuple):
    key: Key
    print: Print


class _Write(NamedTuple):
    run_id: bytes | None
    print: Print


@dataclass(slots=True)
class Contents:
    """What is known of one dataset's contents, each event once, in any order."""

    #: Mostly one of each version.
    written: OrderedDict[Key, tuple[Print, ...]] = field(default_factory=OrderedDict[Key, tuple[Print, ...]])
    #: Reads that nothing written can be compared with so far: judged when that comes.
    waiting: OrderedDict[Key, list[Point[_Read]]] = field(default_factory=OrderedDict[Key, list[Point[_Read]]])
    reads: Ordered[_Read] = field(default_factory=Ordered[_Read])
    writes: Ordered[_Write] = field(default_factory=Ordered[_Write])
    seen: Ids = field(default_factory=lambda: Ids(4 * _MOST_VERSIONS))

    def is_new(self, event_id: bytes) -> bool:
        """Whether this event was not taken so far; it is from now on."""
        if event_id in self.seen:
            return False
        self.seen.add(event_id)
        return True


def wrote(subject: Subject, found: Print, contents: Contents, policy: Policy, based_on: bytes) -> None:
    """Remembers a write, and judges reads anew for which it is what they may have read."""
    key = (subject.version, subject.partitions)
    contents.writes.take(Point(subject.event_time, based_on, _Write(subject.run_id, found), subject), policy.again_uses)
    written = contents.written.get(key, ())
    if found in written:
        return
    contents.written[key] = (*written, found)
    forget(contents.written, _MOST_VERSIONS)
    for point in contents.reads.points:
        if point.what.key == key:
            contents.reads.ask_again(point)
    waiting = contents.waiting.pop(key, [])
    if left := [point for point in waiting if not _comparable(point.what, contents)]:
        contents.waiting[key] = left
    for point in waiting:
        if point not in left:
            contents.reads.take(point, policy.again_uses)


def read(subject: Subject, found: Print, contents: Contents, policy: Policy, based_on: bytes) -> None:
    """Remembers a read; one that comes before its write is judged when that comes."""
    if subject.version is None:
        return
    key = (subject.version, subject.partitions)
    point = Point(subject.event_time, based_on, _Read(key, found), subject)
    if _comparable(point.what, contents):
        contents.reads.take(point, policy.again_uses)
        return
    waiting = contents.waiting.setdefault(key, [])
    waiting.append(point)
    del waiting[:-_MOST_WAITING]
    forget(contents.waiting, _MOST_VERSIONS)


def due(contents: Contents, policy: Policy, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
    """What is said of reads and writes: whether what was read is what was written, whether a write repeats the one
    before.
    """
    return contents.reads.due(
        partial(_as_written, contents),
        lambda point: digest("corruption", point.event_id),
        again=policy.again_uses,
        keep=1,
        oks=policy.resolve_after,
        aloud=aloud,
        replaying=replaying,
        known=lambda reads, index: f"{len(_comparable(reads[index].what, contents)):08x}",
    ) + contents.writes.due(
        partial(_repeated, policy),
        lambda point: digest("stale output", point.event_id),
        again=policy.again_uses,
        keep=policy.rolling + 1,
        oks=policy.resolve_after,
        aloud=aloud,
        replaying=replaying,
    )


def _comparable(read: _Read, contents: Contents) -> list[Print]:
    """What was written of the version that was read, as far as the two can be the same."""
    return [known for known in contents.written.get(read.key, ()) if known.comparable == read.print.comparable]


def _as_written(contents: Contents, reads: Sequence[Point[_Read]], index: int) -> Judged:
    point = reads[index]
    comparable = _comparable(point.what, contents)
    if not comparable:  # what was written was forgotten meanwhile
        return Judged("insufficient", partial(_corruption, point, [], "insufficient"))
    outcome: Outcome = "ok" if point.what.print in comparable else "alarm"
    return Judged(outcome, partial(_corruption, point, comparable, outcome))


def _corruption(point: Point[_Read], comparable: Sequence[Print], outcome: Outcome) -> Verdict:
    subject, found = point.told_of, point.what.print
    differs = outcome == "alarm"
    shown = f"{dataset(subject.namespace, subject.name)}@{subject.version}"
    reader = dataset(subject.job_namespace, subject.job_name) if subject.job_name else "somebody"
    text = f"{reader} read {shown} on {day(subject.event_time)} "
    text += "with another content than its writer recorded: it was changed since" if differs else "as it was written"
    written = sorted(known.digest.hex() for known in comparable)
    return Verdict(
        check="corruption",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=float(differs),
        onset=subject.event_time if differs else None,
        score=float(differs),
        gates=[Gate("fingerprint_differs", float(differs), 1.0, differs, found.algorithm)],
        based_on=[point.event_id],
        evidence={
            "unusual": json.dumps(2.0 if differs else 0.0),
            "fingerprints": json.dumps({"read": found.digest.hex(), "written": written}),
        },
        slice="read",
    )


def _repeated(policy: Policy, writes: Sequence[Point[_Write]], index: int) -> Judged:
    """Whether a run wrote what the run before wrote, where every run so far wrote something new."""
    point = writes[index]
    last = writes[max(0, index - policy.rolling - 1) : earlier(writes, index)]
    before = [
        one
        for one in last
        if one.what.run_id != point.what.run_id and one.what.print.comparable == point.what.print.comparable
    ]
    pairs = [(a.what.print == b.what.print) for a, b in pairwise(before) if a.what.run_id != b.what.run_id]
    enough = len(pairs) >= policy.least_waits
    same = enough and before[-1].what.print == point.what.print
    outcome: Outcome = "insufficient" if not enough else "alarm" if same and not any(pairs) else "ok"
    return Judged(outcome, partial(_stale, point, before, pairs, outcome, policy))


def _stale(
    point: Point[_Write], before: Sequence[Point[_Write]], pairs: Sequence[bool], outcome: Outcome, policy: Policy
) -> Verdict:
    subject = point.told_of
    same = bool(before) and before[-1].what.print == point.what.print
    usual = sum(pairs) / len(pairs) if pairs else 0.0
    text = f"{dataset(subject.namespace, subject.name)} of {day(subject.event_time)} holds "
    text += (
        f"exactly what it held on {day(before[-1].event_time)}, where {len(pairs)} runs before each wrote something new"
        if same
        else "something new"
    )
    return Verdict(
        check="duplication",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=0.5 if outcome == "alarm" else 0.0,
        onset=subject.event_time if outcome == "alarm" else None,
        score=float(same),
        usual=usual,
        gates=[
            Gate("runs", len(pairs), policy.least_waits, len(pairs) >= policy.least_waits),
            Gate("same_content", float(same), 1.0, same),
            Gate("usual_share", usual, 0.0, usual == 0),
        ],
        based_on=[point.event_id],
        evidence={"kind": '"stale output"', "unusual": json.dumps(2.0 if outcome == "alarm" else 0.0)},
        slice="stale output",
    )
