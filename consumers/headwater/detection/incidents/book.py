"""All incidents: which alarm belongs to which, when one opens, is told anew, and is over."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from headwater.detection.accepting import accept_of
from headwater.detection.incidents.belonging import (
    Alarm,
    bad_versions,
    belongs_to,
    causes,
    is_above,
    place_of,
    seek,
    standing,
    walk_up,
)
from headwater.detection.incidents.causes import coverage
from headwater.detection.incidents.decisions import Decisions
from headwater.detection.incidents.escalation import escalated
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.incident import Incident, incident_id
from headwater.detection.incidents.recovery import well_since
from headwater.detection.incidents.restoring import restore
from headwater.detection.incidents.skew import Skew
from headwater.detection.incidents.standing import Standing
from headwater.detection.incidents.telling import Telling
from headwater.detection.incidents.timelines import Key, Point, key_of, points_of
from headwater.detection.incidents.walks import Place, Walk
from headwater.detection.incidents.world import World
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.recent import forget
from headwater.detection.rules.judge import Judge
from headwater.detection.rules.model import Rules
from headwater.detection.summaries import Assembly
from headwater.detection.verdicts import Verdict

_log = logging.getLogger("headwater.detection")
#: Walks of alarmed places that are kept, to count what lies below a candidate.
_MOST_WALKS = 1000
#: Alarms that a suppression holds back, the last ones.
_MOST_HELD = 10_000


class Book:
    """The incidents. Its clock is what `verdict`, `tick` and `forget` are given, µs of arrival."""

    def __init__(self, policy: Policy, database: str, rules: Rules | None = None) -> None:
        self.world = World(policy)
        self.judge = Judge(rules or Rules(), self.world)
        self._skew = Skew(self.world, self.judge.rules)
        self._assembly = Assembly()
        self._escalated: list[Verdict] = []
        self._policy = policy
        self._decisions = Decisions()
        #: Alarmed verdicts that belong to no incident yet, and when each came.
        self._pending: dict[bytes, tuple[int, dict[str, Any]]] = {}
        #: Alarms that a suppression covers, in the order in which they came.
        self._held: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._incidents: dict[bytes, Incident] = {}
        self._attached: set[bytes] = set()
        self._walks: OrderedDict[Place, Walk] = OrderedDict()
        self._newest = -(2**63)
        self._standing = Standing()
        self._telling = Telling(self.world, self._decisions, self._incidents, self._pending, database)

    def use(self, use: Mapping[str, Any], now: int = 0) -> None:
        """One use of a dataset, or of none where it stands for a job; it came at `now`."""
        if use["name"]:
            node = Node(use["namespace"], use["name"], use["version"])
            self.world.graph.see(node, use["kind"], use["event_time"])
        self.world.runs.add(use)
        self.world.durations.add(use, self._policy)
        self.judge.use(use, now)

    def edges(self, edge_set: Mapping[str, Any]) -> None:
        """One edge set."""
        self.world.graph.add(edge_set)
        self.judge.edges(edge_set)

    def profile(self, part: Mapping[str, Any], now: int) -> None:
        """One part of a profile."""
        summary = self._assembly.add(part)
        if summary is not None:
            self._skew.profile(summary, now, part["emit_time"])

    def judged(self, now: int, *, absent: bool = True) -> list[Verdict]:
        """Verdicts that need the graph or all runs; they go to the topic of verdicts, and come back from there.

        `absent`: also of what should have come by now.
        """
        found = self.judge.due(now) + self._skew.due(now) + self._escalated
        self._escalated = []
        return found + self.world.durations.overdue(now, self._policy) if absent else found

    def verdict(self, verdict: dict[str, Any], arrived: int) -> None:
        """One verdict; an alarm waits for the edges and verdicts that belong to it."""
        self._newest = max(self._newest, verdict["event_time"])
        alarm = escalated(verdict, self.world.graph)
        if "judged" in verdict["evidence"]:
            if not self._judged_again(verdict, alarm):
                return
        else:
            for key, point in points_of(verdict):
                self.world.timelines.add(key, point)
        self.world.scores.add(verdict)
        if verdict["outcome"] == "alarm" and key_of(verdict) is not None and verdict["event_id"] not in self._attached:
            self._pending.setdefault(verdict["event_id"], (arrived, verdict))
        if alarm is not None:
            self._escalated.append(alarm)

    def _judged_again(self, verdict: dict[str, Any], instead: Verdict | None) -> bool:
        """Whether a verdict on what is judged again stands; what stood before it gives way, to `instead` where an alarm
        is made of it.
        """
        judgement, gone = self._standing.take(verdict)
        if judgement is None:
            return False
        timelines, time = self.world.timelines, verdict["event_time"]
        for key, point in points_of(verdict):
            for before in (judgement.event_time, time) if judgement.again else ():
                timelines.remove(key, before)
            timelines.add(key, point)
        judgement.event_time = time
        for key, alarm in gone.items():
            if key_of(verdict) is None:
                timelines.remove(key, time)
                timelines.add(key, Point(time, "ok", verdict["event_id"]))
            self._replace(alarm, key, verdict if instead is None else instead.fields())
        return True

    def _replace(self, before: bytes, key: Key, verdict: dict[str, Any]) -> None:
        """An alarm that was told already gives way to a verdict; to that on the whole profile where it is none."""
        self._pending.pop(before, None)
        self._held.pop(before, None)
        if before not in self._attached:
            return
        stays = verdict["outcome"] == "alarm" and key_of(verdict) == key
        if stays:
            self._attached.add(verdict["event_id"])  # it is not taken for a new one
        for incident in self._incidents.values():
            if not incident.holds(before):
                continue
            if stays:
                incident.replace(before, verdict)
            elif (member := incident.members.get(key)) is not None:
                last = self.world.timelines.last_alarm(key, min(member.first, incident.onset), member.last)
                incident.withdraw(before, key, last)

    def decision(self, decision: Mapping[str, Any]) -> None:
        """What a person decided: owners, tags, suppression, acknowledgement, and what is asked of a model as normal."""
        if decision["kind"] in {"tag", "lift"}:
            self.judge.tags.decide(decision)
        if decision["kind"] in {"owner", "lift"}:
            self.world.runs.decide_owners(decision)
        if (accept := accept_of(decision)) is not None:
            self._skew.accept(accept)
        else:
            self._decisions.add(decision)
        if decision["kind"] == "lift":
            self._release()

    def _release(self) -> None:
        """Alarms that no suppression covers any more have waited long enough."""
        for event_id, verdict in list(self._held.items()):
            if not self._decisions.covers(verdict):
                del self._held[event_id]
                self._pending[event_id] = 0, verdict

    def told(self, alert: Mapping[str, Any]) -> None:
        """A message about an incident, of this worker or one before: what was told is not told again."""
        incident = self._incidents.get(alert["incident_id"])
        if incident is not None and incident.number >= alert["number"]:
            return
        try:
            restored = restore(alert)
        except (KeyError, ValueError, TypeError) as error:
            _log.warning("alert %s is not of ours and left out: %s", alert["event_id"].hex(), error)
            return
        self._incidents[restored.incident_id] = restored
        for event_id in (*restored.verdicts, *restored.suppressed):
            self._attached.add(event_id)
            self._pending.pop(event_id, None)
            self._held.pop(event_id, None)

    def tick(self, now: int) -> list[dict[str, Any]]:
        """Messages due at `now`: alarms that have settled, incidents that are over, those with something new."""
        settled = [verdict for arrived, verdict in self._pending.values() if self._has_settled(verdict, now - arrived)]
        found = list(self._take(settled, now)) if settled else []
        for incident in self._incidents.values():
            found += self._telling.due(incident, now)
            if incident.unstitched and incident.asked_at == now:
                self._seek(incident)
        return found

    def _seek(self, incident: Incident) -> None:
        """Look whether edges that came since show where an incident has its root, where no other one explains it."""
        if incident.suppressed_by is None and not incident.withdrawn:
            walk = seek(incident, self._incidents.values(), coverage(self._walks), self.world)
            if walk is not None:
                self._walks[place_of(incident.leading)] = walk

    @property
    def incidents(self) -> Mapping[bytes, Incident]:
        """Those that are remembered, by id."""
        return self._incidents

    @property
    def open(self) -> int:
        """Incidents that people were told of and that are not over."""
        return sum(bool(one.number) and one.resolved_at is None for one in self._incidents.values())

    def forget(self, now: int) -> None:
        """Drop what lies further behind the newest event time than is kept; a clock ahead of `now` counts as now."""
        oldest = min(self._newest, now + DAY_US) - self._policy.graph_us
        self.world.forget(oldest)
        for event_id in [event_id for event_id, one in self._held.items() if one["event_time"] < oldest]:
            del self._held[event_id]
        for incident in list(self._incidents.values()):
            if incident.resolved_at is not None and incident.last_seen < oldest:
                del self._incidents[incident.incident_id]
                self._attached.difference_update(incident.verdicts, incident.suppressed)

    def _has_settled(self, verdict: Mapping[str, Any], waited: int) -> bool:
        stitched = not verdict["name"] or self.world.graph.is_stitched(place_of(verdict).node)
        return waited >= (self._policy.settle_us if stitched else self._policy.edges_wait_us)

    def _take(self, settled: Sequence[dict[str, Any]], now: int) -> Iterator[dict[str, Any]]:
        alarms: list[Alarm] = []
        for verdict in settled:
            del self._pending[verdict["event_id"]]
            key = key_of(verdict)
            if key is None or self._is_untold(key, verdict):
                continue
            alarm = Alarm(verdict, key, place_of(verdict), walk_up(verdict, self.world))
            alarm.walk.effect = alarm.effect
            alarms.append(alarm)
            self._walks[alarm.place] = alarm.walk
            self._walks.move_to_end(alarm.place)
        forget(self._walks, _MOST_WALKS)
        covered = coverage(self._walks)
        # in the order in which it happened, and what lies upstream before what was made from it
        alarms.sort(key=lambda alarm: (alarm.event_time, len(alarm.walk.hops), alarm.verdict["event_id"]))
        for event_time, together in groupby(alarms, key=lambda alarm: alarm.event_time):
            # once for each time: of a table of thousands of columns all may alarm at once
            for incident in self._incidents.values():
                yield from self._telling.recovered(incident, event_time, now)
            for alarm in together:
                self._attach(alarm, covered)

    def _is_untold(self, key: Key, verdict: dict[str, Any]) -> bool:
        """Whether nobody is to be told of an alarm: one that a suppression covers waits for that to be lifted."""
        if self._decisions.covers(verdict):
            self._held[verdict["event_id"]] = verdict
            forget(self._held, _MOST_HELD)
            return True
        return key.check == "run" and self.world.runs.is_well(verdict)

    def _attach(self, alarm: Alarm, covered: Mapping[Place, Sequence[float]]) -> None:
        found = causes(alarm, covered, self.world)
        root = found[0].place
        verdict = alarm.verdict
        incident = belongs_to(alarm, root, self._incidents.values(), self._walks, self.world)
        if incident is None:
            # of what a suppression covered until it was lifted people are told while it lasts
            if self._decisions.covered(verdict) and well_since(alarm.key, alarm.event_time, self.world) is not None:
                return
            new = incident_id(root, *alarm.apart, alarm.onset)
            opened = Incident(new, root, alarm.onset, found, verdict)
            opened.unstitched = bool(verdict["name"]) and not self.world.graph.is_stitched(alarm.place.node)
            incident = standing(self._incidents.setdefault(new, opened), self._incidents)
            if incident.withdrawn:
                incident.withdrawn, incident.resolved_at = False, None
        elif is_above(alarm.place, incident, self._walks):
            incident.root, incident.causes, incident.leading, incident.changed = root, found, verdict, True
        of_root = alarm.place.node.dataset == incident.root.node.dataset
        if of_root and place_of(incident.leading).node.dataset != incident.root.node.dataset:
            incident.leading = verdict
        if not incident.holds(incident.leading["event_id"]):
            incident.leading = verdict  # what it was told by was withdrawn
        incident.add(alarm.key, verdict, of_root=of_root)
        incident.truncated = incident.truncated or alarm.walk.truncated
        incident.onset = min(incident.onset, alarm.onset)
        incident.bad |= bad_versions(incident, alarm.walk, self.world)
        self._attached.add(verdict["event_id"])
