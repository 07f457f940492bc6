"""Decisions of people about alarms and incidents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Decisions:
    """Windows of event time in which alarms of a dataset, a column or a job are not told (verdicts stay), and incidents
    that somebody has acknowledged. In any order, and before what they are about.
    """

    def __init__(self) -> None:
        self._standing: dict[bytes, Mapping[str, Any]] = {}
        self._lifted: set[bytes] = set()
        self._acknowledged: set[bytes] = set()

    def add(self, decision: Mapping[str, Any]) -> None:
        """A decision of kind suppress, lift or acknowledge; others change nothing here."""
        if decision["kind"] == "suppress":
            self._standing[decision["event_id"]] = decision
        elif decision["kind"] == "lift" and decision["lifts"] is not None:
            self._lifted.add(decision["lifts"])
        elif decision["kind"] == "acknowledge" and decision["incident_id"] is not None:
            self._acknowledged.add(decision["incident_id"])

    def acknowledges(self, incident_id: bytes) -> bool:
        """Whether somebody has taken care of this incident."""
        return incident_id in self._acknowledged

    def covers(self, verdict: Mapping[str, Any]) -> bool:
        """Whether a decision that stands covers this verdict."""
        return any(
            _covers(decision, verdict) for event_id, decision in self._standing.items() if event_id not in self._lifted
        )


def _covers(decision: Mapping[str, Any], verdict: Mapping[str, Any]) -> bool:
    time = verdict["event_time"]
    if decision["from_time"] is not None and time < decision["from_time"]:
        return False
    if decision["until_time"] is not None and time > decision["until_time"]:
        return False
    about = [name for name in ("namespace", "name", "job_namespace", "job_name", "column", "rule") if decision[name]]
    return bool(about) and all(decision[name] == verdict[name] for name in about)
