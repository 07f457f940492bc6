"""Verdicts as the contract has them: what is common to all checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest


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
    #: Stands in place of what was said before, since something came late: its evidence names the first verdict.
    again: bool = False

    @property
    def event_id(self) -> bytes:
        """A digest of the check and what it is about, and of what it says where it replaces another verdict."""
        return digest("again", self.first_id, self.content) if self.again else self.first_id

    @property
    def content(self) -> bytes:
        """A digest of what it says."""
        said = (self.outcome, self.severity, self.onset, self.score, self.usual, self.explanation)
        return digest(repr(said), repr(tuple(self.gates)), repr(self.baseline), repr(sorted(self.evidence.items())))

    @property
    def first_id(self) -> bytes:
        """The id of the first verdict of this check on this subject: all that replace it name it."""
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
            "evidence": {**self.evidence, **({"replaces": json.dumps(self.first_id.hex())} if self.again else {})},
        }
