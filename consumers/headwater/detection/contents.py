"""Fingerprints of a dataset's versions: what is read must be what was written, and what is new must differ."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from headwater.detection.aftermath import Aftermath
from headwater.detection.gates import Gate, Outcome
from headwater.detection.policy import Policy
from headwater.detection.recent import forget
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict

#: Versions of a dataset whose fingerprints are kept.
_MOST_VERSIONS = 400


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
    return Print(fingerprint["algorithm"], bytes(fingerprint["digest"]), columns)


Key = tuple[str | None, tuple[str, ...]]


class _Write(NamedTuple):
    event_time: int
    key: Key
    run_id: bytes | None
    print: Print


@dataclass(slots=True)
class Contents:
    """What is known of one dataset's contents, each event once, in any order."""

    written: OrderedDict[Key, set[Print]] = field(default_factory=OrderedDict[Key, set[Print]])
    #: Reads of versions whose write was not seen: judged when it is.
    waiting: OrderedDict[Key, list[tuple[Subject, Print, bytes]]] = field(
        default_factory=OrderedDict[Key, list[tuple[Subject, Print, bytes]]]
    )
    writes: list[_Write] = field(default_factory=list[_Write])
    seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict[bytes, None])
    read_well: Aftermath = field(default_factory=Aftermath)
    new: Aftermath = field(default_factory=Aftermath)

    def is_new(self, event_id: bytes) -> bool:
        """Whether this event was not taken so far; it is from now on."""
        if event_id in self.seen:
            return False
        self.seen[event_id] = None
        forget(self.seen, 4 * _MOST_VERSIONS)
        return True


def wrote(subject: Subject, found: Print, contents: Contents, policy: Policy, based_on: bytes) -> list[Verdict]:
    """Remembers a write; says whether it repeats the one before, and what it means for reads that came first."""
    key = (subject.version, subject.partitions)
    contents.written.setdefault(key, set()).add(found)
    forget(contents.written, _MOST_VERSIONS)
    verdicts = [_judge(*read, contents) for read in contents.waiting.pop(key, [])]
    told = [v for v in verdicts if v is not None and contents.read_well.is_told(v.outcome, policy.resolve_after)]
    repeated = _repeated(subject, found, contents, policy, based_on)
    write = _Write(subject.event_time, key, subject.run_id, found)
    if write not in contents.writes:
        contents.writes.append(write)
        contents.writes.sort(key=lambda item: item.event_time)
        del contents.writes[: -policy.rolling - 1]
    if repeated is not None and contents.new.is_told(repeated.outcome, policy.resolve_after):
        told.append(repeated)
    return told


def read(subject: Subject, found: Print, contents: Contents, policy: Policy, based_on: bytes) -> list[Verdict]:
    """Whether what was read is what was written; a read before its write is judged when that comes."""
    if subject.version is None:
        return []
    key = (subject.version, subject.partitions)
    if key not in contents.written:
        contents.waiting.setdefault(key, []).append((subject, found, based_on))
        forget(contents.waiting, _MOST_VERSIONS)
        return []
    verdict = _judge(subject, found, based_on, contents)
    if verdict is None or not contents.read_well.is_told(verdict.outcome, policy.resolve_after):
        return []
    return [verdict]


def _judge(subject: Subject, found: Print, based_on: bytes, contents: Contents) -> Verdict | None:
    prints = contents.written.get((subject.version, subject.partitions), set())
    comparable = [known for known in prints if known.comparable == found.comparable]
    if not comparable:
        return None
    same = found in comparable
    shown = f"{dataset(subject.namespace, subject.name)}@{subject.version}"
    reader = dataset(subject.job_namespace, subject.job_name) if subject.job_name else "somebody"
    text = f"{reader} read {shown} on {day(subject.event_time)} "
    text += "as it was written" if same else "with another content than its writer recorded: it was changed since"
    return Verdict(
        check="corruption",
        outcome="ok" if same else "alarm",
        subject=subject,
        explanation=text,
        severity=0.0 if same else 1.0,
        onset=None if same else subject.event_time,
        score=float(not same),
        gates=[Gate("fingerprint_differs", float(not same), 1.0, not same, found.algorithm)],
        based_on=[based_on],
        evidence={
            "unusual": json.dumps(0.0 if same else 2.0),
            "fingerprints": json.dumps({"read": found.digest.hex(), "written": [p.digest.hex() for p in comparable]}),
        },
        slice="read",
    )


def _repeated(subject: Subject, found: Print, contents: Contents, policy: Policy, based_on: bytes) -> Verdict | None:
    """Whether a run wrote what the run before wrote, where every run so far wrote something new."""
    before = [
        write
        for write in contents.writes
        if write.event_time < subject.event_time
        and write.run_id != subject.run_id
        and write.print.comparable == found.comparable
    ]
    pairs = [(a.print == b.print) for a, b in pairwise(before) if a.run_id != b.run_id]
    if len(pairs) < policy.least_waits:
        return None
    same = before[-1].print == found
    usual = sum(pairs) / len(pairs)
    outcome: Outcome = "alarm" if same and usual == 0 else "ok"
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
            Gate("runs", len(pairs), policy.least_waits, passed=True),
            Gate("same_content", float(same), 1.0, same),
            Gate("usual_share", usual, 0.0, usual == 0),
        ],
        based_on=[based_on],
        evidence={"kind": '"stale output"', "unusual": json.dumps(2.0 if outcome == "alarm" else 0.0)},
        slice="stale output",
    )
