"""A run that failed or was aborted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.detection.gates import Gate
from headwater.detection.texts import dataset, day
from headwater.detection.uses import FAILED
from headwater.detection.verdicts import Subject, Verdict


def judge(subject: Subject, use: Mapping[str, Any]) -> list[Verdict]:
    """The verdict on a run's end, from the use that stands for its job; none for other states."""
    state = use["run_state"]
    if state not in FAILED:
        return []
    failed = state == "FAIL"
    return [
        Verdict(
            check="run",
            outcome="alarm" if failed else "warn",
            subject=subject,
            explanation=f"a run of {dataset(subject.job_namespace, subject.job_name)} "
            f"{'failed' if failed else 'was aborted'} on {day(subject.event_time)}",
            severity=0.5 if failed else 0.2,
            onset=subject.event_time if failed else None,
            score=1.0,
            gates=[Gate("state", 1.0, None, passed=True, comment=state)],
            based_on=[use["event_id"], use["source_event_id"]],
        )
    ]
