"""Verdicts as the contract has them: what is common to all checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest

_END: Final = 2**63 - 1
_ALL_IDS: Final = 2**128 - 1
#: Of a sum of up to 65,536 times, from the beginning of time.
_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verdict is about."""

    event_time: int
    namespace: str = ""
    name: str = ""
    version: str | None = None
    column: str | None = None
    job_namespace: str = ""
    job_name: str = ""
    run_id: bytes | None = None
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BaselineFacts:
    """What a check compared with. Times in µs."""

    kind: str
    runs: int
    rows: int | None = None
    from_time: int | None = None
    until_time: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of one thing; `fields` is the message without emit time and producer."""

    check: str
    outcome: Outcome
    subject: Subject
    explanation: str
    severity: float = 0.0
    onset: int | None = None
    score: float = 0.0
    usual: float | None = None
    gates: Sequence[Gate] = ()
    baseline: BaselineFacts | None = None
    based_on: Sequence[bytes] = ()
    evidence: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The name of the policy that it is about.
    rule: str | None = None
    #: Tells two verdicts of one check about the same subject apart, e.g. the role of a profile.
    slice: str = ""
    #: Of what is judged again when something comes late: an id of what is judged, which all verdicts on it share, and
    #: how much was known (`known_from`). Those with the most known stand, all others do not.
    judged: bytes | None = None
    known: str = ""

    @property
    def event_id(self) -> bytes:
        """A digest of the check and what it is about; of what is judged again also of what is known and what is said,
        so that the same events make the same id, in whatever order they came.
        """
        if self.judged is None:
            return self._subject_id
        return digest("judged", self._subject_id, self.known, self.content)

    @property
    def content(self) -> bytes:
        """A digest of what it says."""
        said = (self.outcome, self.severity, self.onset, self.score, self.usual, self.explanation)
        return digest(repr(said), repr(tuple(self.gates)), repr(self.baseline), repr(sorted(self.evidence.items())))

    @property
    def _subject_id(self) -> bytes:
        subject = self.subject
        return digest(
            "verdict",
            self.check,
            subject.namespace,
            subject.name,
            subject.version,
            subject.column,
            subject.job_namespace,
            subject.job_name,
            subject.run_id,
            subject.event_time,
            self.slice,
            *subject.partitions,
        )

    def fields(self) -> dict[str, Any]:
        """The record as `headwater.schemas` encodes it, without emit_time, producer_id and sequence."""
        subject = self.subject
        baseline = self.baseline
        return {
            "event_id": self.event_id,
            "event_time": subject.event_time,
            "check": self.check,
            "outcome": self.outcome,
            "severity": self.severity,
            "namespace": subject.namespace,
            "name": subject.name,
            "version": subject.version,
            "column": subject.column,
            "job_namespace": subject.job_namespace,
            "job_name": subject.job_name,
            "rule": self.rule,
            "run_id": subject.run_id,
            "partitions": list(subject.partitions),
            "onset": self.onset,
            "score": self.score,
            "usual": self.usual,
            "gates": [
                {
                    "name": g.name,
                    "value": float(g.value),
                    "threshold": g.threshold,
                    "passed": g.passed,
                    "comment": g.comment,
                }
                for g in self.gates
            ],
            "baseline": None
            if baseline is None
            else {
                "kind": baseline.kind,
                "runs": baseline.runs,
                "rows": baseline.rows,
                "from_time": baseline.from_time,
                "until_time": baseline.until_time,
            },
            "explanation": self.explanation,
            "based_on": list(self.based_on),
            "evidence": {**self.evidence, **self._standing()},
        }

    def _standing(self) -> dict[str, str]:
        if self.judged is None:
            return {}
        return {"judged": json.dumps(self.judged.hex()), "known": json.dumps(self.known)}


def known_from(event_time: int, told_by: bytes, before: Sequence[int]) -> str:
    """How much is known where something is judged by what lies before it: texts to be compared, the greater is more.

    `event_time` and `told_by`, 16 bytes: of the message that tells of it; of several messages the earliest stands, of
    one time that with the least id. `before`: event times of what lies before it, ascending, the last ones, as many as
    may lie behind one that still makes it judged again.

    The times are summed up, the newest by itself, the two before it, the four before these and so on, each from the
    beginning of time. One more among them makes the sum greater in which it is, and none less: it pushes an older one
    out. So of two judgements the one that knows all that the other knows, and more, has the greater text, and it is a
    function of the events alone. What lies furthest back decides last: where that was forgotten, such as by a worker
    that started since, a nearer one that came late is more all the same.
    """
    sums: list[str] = []
    end, size = len(before), 1
    while end > 0:
        part = before[max(0, end - size) : end]
        sums.append(f"{sum(part) + len(part) * 2**63:0{_DIGITS}x}")
        end, size = end - size, 2 * size
    return f"{_END - event_time:016x}{_ALL_IDS - int.from_bytes(told_by):032x}{''.join(sums)}"
