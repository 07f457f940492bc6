"""What people are told of an incident, and when: each of its states once, and what is new in it from time to time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.detection.incidents import messages
from headwater.detection.incidents.belonging import SLACK_US, explained_by, standing
from headwater.detection.incidents.decisions import Decisions
from headwater.detection.incidents.incident import Incident
from headwater.detection.incidents.reach import Reach, reach
from headwater.detection.incidents.recovery import recovered_at
from headwater.detection.incidents.timelines import key_of
from headwater.detection.incidents.world import World


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes the messages. What it looks at is the book's own: `pending` are alarms that have not settled."""

    world: World
    decisions: Decisions
    incidents: Mapping[bytes, Incident]
    pending: Mapping[bytes, tuple[int, dict[str, Any]]]
    database: str

    def due(self, incident: Incident, now: int) -> Iterator[dict[str, Any]]:
        """Its messages at `now`: that it opened, is over, was taken by somebody, is explained, has something new."""
        if incident.number == 0:
            yield self._message(incident, "opened", now, incident.last_seen)
        if incident.withdrawn and incident.resolved_at is None:
            incident.resolved_at = incident.last_seen
            yield self._message(incident, "resolved", now, incident.last_seen)
        yield from self.recovered(incident, None, now)
        if now - max(incident.told_at, incident.asked_at) < self.world.policy.update_us:
            return
        decision = self.decisions.acknowledgement(incident.incident_id)
        if decision is not None and incident.acknowledged is None and incident.resolved_at is None:
            incident.acknowledge(decision)
            yield self._message(incident, "acknowledged", now, incident.last_seen)
            return
        incident.asked_at = now
        if incident.suppressed_by is not None:
            yield from self._explained(incident, now)
            return
        if (other := explained_by(incident, self.incidents.values(), self.world)) is not None:
            other.absorb(incident)
            yield self._message(incident, "resolved", now, self._time(incident))
            return
        found = self._reach(incident)
        grown = found.told > incident.told_reach or found.predictions >= 2 * max(1, incident.told_predictions)
        if incident.changed or grown:
            # a resolved incident stays resolved: a model trained on what it left behind is told all the same
            state = "updated" if incident.resolved_at is None else "resolved"
            yield self._message(incident, state, now, self._time(incident), found)

    def _explained(self, incident: Incident, now: int) -> Iterator[dict[str, Any]]:
        """Of an incident that another one explains: what explains that one explains it too. A worker that died may have
        told it of the one and not of the other.
        """
        before = incident.suppressed_by
        root = standing(incident, self.incidents)
        if root is incident:
            return
        if incident.incident_id not in root.explains:
            root.absorb(incident)
        incident.suppressed_by = root.incident_id
        if incident.suppressed_by != before:
            yield self._message(incident, "resolved", now, self._time(incident))

    def recovered(self, incident: Incident, before: int | None, now: int) -> Iterator[dict[str, Any]]:
        """The message that it is over, where it is (by `before`)."""
        if incident.resolved_at is not None:
            return
        at = recovered_at(incident, self.world)
        if at is None or (before is not None and at >= before) or self._waits_for(incident, at):
            return
        if incident.number == 0:
            yield self._message(incident, "opened", now, incident.last_seen)
        incident.resolved_at = at
        yield self._message(incident, "resolved", now, at)

    def _time(self, incident: Incident) -> int:
        """Of a message about it: when it was over, else its last alarm."""
        return incident.last_seen if incident.resolved_at is None else incident.resolved_at

    def _waits_for(self, incident: Incident, at: int) -> bool:
        """Whether an alarm of one of its checks from before `at` has not settled: it would open an incident anew."""
        return any(key_of(one) in incident.members and one["event_time"] <= at for _, one in self.pending.values())

    def _reach(self, incident: Incident) -> Reach:
        starts = sorted(incident.bad, key=str) or [incident.root.node]
        until = incident.last_seen + SLACK_US if incident.resolved_at is not None else 2**62
        return reach(self.world, starts, incident.onset, until)

    def _message(
        self, incident: Incident, state: str, now: int, event_time: int, found: Reach | None = None
    ) -> dict[str, Any]:
        found = found or self._reach(incident)
        incident.number += 1
        incident.state, incident.told_at, incident.changed = state, now, False
        incident.told_predictions, incident.told_reach = found.predictions, found.told
        owners = self.world.runs.owners(incident.root.node.dataset)
        return messages.alert(incident, state, found, owners, event_time, self.database)
