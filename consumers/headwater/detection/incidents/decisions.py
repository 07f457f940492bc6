"""Decisions of people about alarms and incidents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar

About = TypeVar("About", bound=Hashable)
Said = TypeVar("Said")


class Latest(Generic[About, Said]):
    """What was decided last about each thing: by event time, then by id, in any order; what was lifted never was."""

    def __init__(self) -> None:
        self._said: dict[About, dict[bytes, tuple[int, bytes, Said]]] = defaultdict(dict)
        self._lifted: set[bytes] = set()

    def add(self, about: About, decision: Mapping[str, Any], said: Said) -> None:
        """A decision, any number of times."""
        key: bytes = decision["event_id"]
        self._said[about][key] = decision["event_time"], key, said

    def lift(self, decision: Mapping[str, Any]) -> None:
        """A decision of kind lift; it may come before the one that it lifts."""
        if decision["lifts"] is not None:
            self._lifted.add(decision["lifts"])

    def of(self, about: About) -> Said | None:
        """What stands; None where nothing does."""
        standing = [one for key, one in self._said.get(about, {}).items() if key not in self._lifted]
        return max(standing, key=lambda one: one[:2])[2] if standing else None

    def __iter__(self) -> Iterator[About]:
        return iter(self._said)


class Decisions:
    """Windows of event time in which alarms of a dataset, a column or a job are not told (verdicts stay), and incidents
    that somebody has acknowledged. In any order, and before what they are about.
    """

    def __init__(self) -> None:
        self._standing: dict[bytes, Mapping[str, Any]] = {}
        #: When (event time) each that was lifted was lifted first.
        self._lifted: dict[bytes, int] = {}
        self._acknowledged: dict[bytes, Mapping[str, Any]] = {}

    def add(self, decision: Mapping[str, Any]) -> None:
        """A decision of kind suppress, lift or acknowledge; others change nothing here."""
        if decision["kind"] == "suppress":
            self._standing[decision["event_id"]] = decision
        elif decision["kind"] == "lift" and decision["lifts"] is not None:
            at = decision["event_time"]
            self._lifted[decision["lifts"]] = min(at, self._lifted.get(decision["lifts"], at))
        elif decision["kind"] == "acknowledge" and decision["incident_id"] is not None:
            known = self._acknowledged.get(decision["incident_id"], decision)
            first = min(known, decision, key=lambda one: (one["event_time"], one["event_id"]))
            self._acknowledged[decision["incident_id"]] = first

    def acknowledgement(self, incident_id: bytes) -> Mapping[str, Any] | None:
        """The first decision that took care of this incident, by event time."""
        return self._acknowledged.get(incident_id)

    def covers(self, verdict: Mapping[str, Any]) -> bool:
        """Whether a decision that stands covers this verdict."""
        return any(_covers(decision, verdict) for key, decision in self._standing.items() if key not in self._lifted)

    def covered(self, verdict: Mapping[str, Any]) -> bool:
        """Whether a decision covered this verdict until it was lifted."""
        return any(
            key in self._standing and verdict["event_time"] <= lifted and _covers(self._standing[key], verdict)
            for key, lifted in self._lifted.items()
        )


def _covers(decision: Mapping[str, Any], verdict: Mapping[str, Any]) -> bool:
    time = verdict["event_time"]
    if decision["from_time"] is not None and time < decision["from_time"]:
        return False
    if decision["until_time"] is not None and time > decision["until_time"]:
        return False
    about = [name for name in ("namespace", "name", "job_namespace", "job_name", "column", "rule") if decision[name]]
    return bool(about) and all(decision[name] == verdict[name] for name in about)
