"""One incident: its root, the checks that belong to it, what has been told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.ids import digest
from headwater.detection.incidents.causes import Cause
from headwater.detection.incidents.graph import Dataset, Node
from headwater.detection.incidents.timelines import Key
from headwater.detection.incidents.walks import Place


@dataclass(slots=True)
class Member:
    """One check in an incident: its first and last alarm."""

    first: int
    last: int


#: So many times as severe as it was told: that is news, and where somebody took care of it already, wakes again.
_WORSE = 1.5


@dataclass(slots=True)
class Acknowledged:
    """Who took care of an incident, when (µs) and why, and how severe it was as people were last paged."""

    actor: str
    reason: str
    at: int
    severity: float


@dataclass(slots=True)
class Incident:
    """State of an incident; its messages are made from it."""

    incident_id: bytes
    root: Place
    onset: int
    causes: list[Cause]
    #: The verdict that tells it best: the root's own where it has one.
    leading: dict[str, Any]
    members: dict[Key, Member] = field(default_factory=dict[Key, Member])
    #: The alarmed columns of each dataset, in the order in which they came.
    named: dict[Dataset, dict[str, None]] = field(default_factory=dict[Dataset, dict[str, None]])
    verdicts: dict[bytes, None] = field(default_factory=dict[bytes, None])
    suppressed: dict[bytes, None] = field(default_factory=dict[bytes, None])
    #: The drifted versions of the root's dataset: what is made from them is reached.
    bad: set[Node] = field(default_factory=set[Node])
    severity: float = 0.0
    last_seen: int = 0
    truncated: bool = False
    #: What messages said: their number, the last one's state, when it was sent (arrival clock, µs).
    number: int = 0
    state: str = ""
    told_at: int = 0
    #: When its reach was last worked out (arrival clock, µs).
    asked_at: int = 0
    #: Something that a person wants to know has changed since.
    changed: bool = True
    told_predictions: int = 0
    told_reach: frozenset[tuple[str | None, ...]] = frozenset()
    resolved_at: int | None = None
    #: It opened before any edge named what was alarmed; and how much lay above that when its root was sought last.
    unstitched: bool = False
    sought: int = 0
    #: Everything that it was told of was judged again and is as usual.
    withdrawn: bool = False
    acknowledged: Acknowledged | None = None
    #: The incident that turned out to explain this one.
    suppressed_by: bytes | None = None
    #: Incidents that this one turned out to explain.
    explains: dict[bytes, None] = field(default_factory=dict[bytes, None])

    @property
    def columns(self) -> list[str]:
        """The root dataset's alarmed columns, in the order in which they came."""
        return list(self.named.get(self.root.node.dataset, ()))

    def remember(self, key: Key, first: int, last: int) -> bool:
        """Take a check's alarms in; whether it is a new member."""
        known = self.members.get(key)
        if known is None:
            self.members[key] = Member(first, last)
            if key.column:
                self.named.setdefault((key.namespace, key.name), {})[key.column] = None
            return True
        known.first, known.last = min(known.first, first), max(known.last, last)
        return False

    def absorb(self, other: Incident) -> None:
        """Take another incident in, over or not: its alarms are what this one's root explains.

        It paged by itself, so that whoever takes care of this one is not woken by it again.
        """
        for key, member in other.members.items():
            self.remember(key, member.first, member.last)
        self.suppressed |= other.verdicts | other.suppressed
        self.explains |= {other.incident_id: None, **other.explains}
        self.severity = max(self.severity, other.severity)
        if self.acknowledged is not None:
            self.acknowledged.severity = max(self.acknowledged.severity, other.severity)
        self.last_seen = max(self.last_seen, other.last_seen)
        self.changed = True
        other.suppressed_by = self.incident_id
        if other.resolved_at is None:
            other.resolved_at = other.last_seen

    def move(self, root: Place, causes: list[Cause], bad: Iterable[Node]) -> None:
        """Its root turned out to lie higher: its alarms so far are what that explains."""
        self.root, self.causes, self.changed = root, causes, True
        self.suppressed = self.verdicts | self.suppressed
        self.verdicts = {}
        self.bad = set(bad)

    def holds(self, event_id: bytes) -> bool:
        """Whether this alarm is one of its own."""
        return event_id in self.verdicts or event_id in self.suppressed

    def acknowledge(self, decision: Mapping[str, Any]) -> None:
        """Somebody takes care of it."""
        self.acknowledged = Acknowledged(decision["actor"], decision["reason"], decision["event_time"], self.severity)

    def pages(self, state: str) -> bool:
        """Whether its next message wakes people: the first one; of one that was acknowledged an update that tells that
        it is half as severe again, once.
        """
        if state == "updated" and self._worsened():
            assert self.acknowledged is not None  # noqa: S101  # else it is not worse than it was then
            self.acknowledged.severity = self.severity
            return True
        return state == "opened"

    def _worsened(self) -> bool:
        return self.acknowledged is not None and self.severity > self.acknowledged.severity * _WORSE

    def replace(self, before: bytes, verdict: dict[str, Any]) -> None:
        """An alarm that was judged again and still is one."""
        for told in (self.verdicts, self.suppressed):
            if told.pop(before, 0) is None:
                told[verdict["event_id"]] = None
        if self.leading["event_id"] == before:
            self.leading = verdict

    def withdraw(self, before: bytes, key: Key, last: int | None) -> None:
        """An alarm that was judged again and is none; `last`: when its check was alarmed last all the same."""
        self.verdicts.pop(before, None)
        self.suppressed.pop(before, None)
        self.changed = True
        if last is not None:
            self.members[key].last = last
            return
        self.members.pop(key, None)
        dataset = (key.namespace, key.name)
        if not any((m.namespace, m.name) == dataset and m.column == key.column for m in self.members):
            self.named.get(dataset, {}).pop(key.column or "", None)
        self.withdrawn = not self.members

    def add(self, key: Key, verdict: dict[str, Any], *, of_root: bool) -> None:
        """One more alarmed verdict."""
        if self.remember(key, verdict["onset"] or verdict["event_time"], verdict["event_time"]):
            self.changed = True
        (self.verdicts if of_root else self.suppressed)[verdict["event_id"]] = None
        if verdict["severity"] > self.severity * _WORSE:
            self.changed = True
        self.severity = max(self.severity, verdict["severity"])
        # of what came once it was over no later message would tell
        self.changed = self.changed or self._worsened() or self.resolved_at is not None
        self.last_seen = max(self.last_seen, verdict["event_time"])


def incident_id(root: Place, check: str, job: tuple[str, str], onset: int) -> bytes:
    """Deterministic: the root's dataset and column (a job where there is no dataset) and when it began."""
    return digest("incident", root.node.namespace, root.node.name, root.column, check, *job, onset)
