"""Which incident an alarm belongs to, and what caused it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.detection.incidents.causes import Cause, explains_effect, rank
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.incident import Incident
from headwater.detection.incidents.recovery import recovered_at
from headwater.detection.incidents.timelines import OF_COLUMNS, OF_JOBS, OF_VERSIONS, Key, key_of
from headwater.detection.incidents.walks import Place, Walk, deciders, upstream
from headwater.detection.incidents.world import World
from headwater.detection.policy import DAY_US

#: Two alarms of one fault may lie so far apart in event time: steps of a pipeline do not run at one moment.
SLACK_US = DAY_US

#: Incidents of their own: nothing explains them, and they explain nothing.
_APART = OF_JOBS | {"policy"}
#: What these find has no cause above it: it happened there.
_ALONE = OF_JOBS | {"corruption", "upstream", "policy", "skew", "assertion"}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarmed verdict with what lies above it."""

    verdict: dict[str, Any]
    key: Key
    place: Place
    walk: Walk

    @property
    def event_time(self) -> int:
        """Of the verdict."""
        return int(self.verdict["event_time"])

    @property
    def onset(self) -> int:
        """Since when, as the check says; else its event time."""
        onset = self.verdict["onset"]
        return int(onset) if onset is not None else self.event_time

    @property
    def apart(self) -> tuple[str, tuple[str, str]]:
        """What tells incidents of one root and time apart: the job that failed or hangs, the rule that is broken."""
        check, verdict = self.key.check, self.verdict
        if check in OF_JOBS:
            return check, (verdict["job_namespace"], verdict["job_name"])
        return (check, ("", verdict["rule"] or "")) if check == "policy" else ("", ("", ""))

    @property
    def effect(self) -> float:
        """How far it lies beyond its own limit."""
        if self.key.check in {"volume", "schema", *OF_JOBS}:
            return 1.0 + float(self.verdict["severity"])
        return float(json.loads(self.verdict["evidence"].get("unusual", "1.0")))


def place_of(verdict: Mapping[str, Any]) -> Place:
    """The column or version that a verdict is about."""
    return Place(Node(verdict["namespace"], verdict["name"], verdict["version"]), verdict["column"])


def walk_up(verdict: Mapping[str, Any], world: World) -> Walk:
    """What an alarmed place was made from: by column edges, for rows by whole versions, for a metric by what its
    run read too.
    """
    place = place_of(verdict)
    if verdict["check"] in _ALONE:
        return Walk({place: 0})
    also: set[Place] = set()
    if verdict["check"] == "metric" and verdict["run_id"] is not None:
        job = verdict["job_namespace"], verdict["job_name"]
        also = {Place(node, None) for node in world.runs.reads_of(verdict["run_id"], job)}
    return upstream(world.graph, place, world.policy.walk_budget, also, whole=verdict["check"] in OF_VERSIONS)


def causes(alarm: Alarm, covered: Mapping[Place, Sequence[float]], world: World) -> list[Cause]:
    """Candidates, the likeliest first. Where what values derive from was as usual, what chose the rows is asked."""
    since = alarm.onset - SLACK_US
    found = rank(alarm.place, alarm.effect, alarm.walk, covered, since, world)
    if alarm.key.check not in OF_COLUMNS or not found[0].inputs_were_well:
        return found
    root = found[0].place
    wider = upstream(world.graph, alarm.place, world.policy.walk_budget, deciders(world.graph, root))
    below = covered.get(root, [alarm.effect])
    counted = {p: [*covered.get(p, ()), *(() if p in alarm.walk.hops else below)] for p in wider.hops}
    return rank(alarm.place, alarm.effect, wider, counted, since, world)


def seek(
    incident: Incident, others: Iterable[Incident], covered: Mapping[Place, Sequence[float]], world: World
) -> Walk | None:
    """Of an incident that opened for want of edges: move its root up to where edges that came since show it, as if they
    had been there before; not to where another one has its root, which explains it now or when it is over. The walk,
    where it is another than when that was looked for last.
    """
    verdict = incident.leading
    key = key_of(verdict)
    walk = walk_up(verdict, world)
    known = len(walk.hops) + sum(world.scores.at(place) is not None for place in walk.hops)
    if key is None or known == incident.sought:
        return None
    incident.sought = known
    alarm = Alarm(verdict, key, place_of(verdict), walk)
    walk.effect = alarm.effect
    found = causes(alarm, covered, world)
    root = found[0].place
    taken = any(
        other.root.node.dataset == root.node.dataset and abs(other.onset - incident.onset) < SLACK_US
        for other in others
        if other.suppressed_by is None and not other.withdrawn
    )
    if not taken and walk.hops.get(root, 0) > walk.hops.get(incident.root, 0):
        since = incident.onset - SLACK_US // 2
        incident.move(root, found, world.graph.versions(root.node.dataset, since, incident.last_seen))
    return walk


def belongs_to(
    alarm: Alarm, root: Place, incidents: Iterable[Incident], above: Mapping[Place, Walk], world: World
) -> Incident | None:
    """The incident that explains an alarm: it holds this check already, its root is the alarm's own root, its
    root lies above, or the alarm lies above its root. `above`: the walks of alarmed places.
    """
    near = [
        incident
        for incident in incidents
        if incident.onset - SLACK_US <= alarm.event_time <= _until(incident, again=alarm.key in incident.members)
        and not incident.withdrawn
        and incident.suppressed_by is None
    ]
    near.sort(key=lambda incident: (incident.resolved_at is not None, incident.onset, incident.incident_id))
    for incident in near:
        if alarm.key in incident.members:
            return incident
    if alarm.key.check in _APART:
        return None
    near = [incident for incident in near if incident.leading["check"] not in _APART]
    for incident in near:
        if root.node.dataset == incident.root.node.dataset and abs(alarm.onset - incident.onset) < SLACK_US:
            return incident
    for incident in near:
        # fewer rows are no drift of a column: only a fault of all columns explains them
        if (
            (alarm.key.check != "volume" or incident.root.column is None)
            and _can_explain(incident, alarm.effect, world)
            and bad_versions(incident, alarm.walk, world)
        ):
            return incident
    return next((incident for incident in near if is_above(alarm.place, incident, above)), None)


def explained_by(incident: Incident, others: Iterable[Incident], world: World) -> Incident | None:
    """The incident whose root lies above this one's, as edges that came later may show; of several the earliest.

    Both may be over by then. One that lasts is not explained by one that is over: its alarms would be told nowhere.
    """
    near = [other for other in others if _may_explain(other, incident, world)]
    if not near:
        return None
    walk = walk_up(incident.leading, world)
    found = [
        other
        for other in near
        if bad_versions(other, walk, world)
        and (
            other.resolved_at is None
            or incident.resolved_at is not None
            or recovered_at(other, world, incident) is not None
        )
    ]
    return min(found, key=lambda other: _rank(other, incident.onset), default=None)


def _rank(incident: Incident, time: int) -> tuple[bool, bool, int, str, bytes]:
    """Those that lasted at a time first, then those that are alarmed at their root, then the earliest."""
    over = time > _until(incident, again=True)
    below = incident.root.node.dataset != place_of(incident.leading).node.dataset
    return over, below, incident.onset, str(incident.root), incident.incident_id


def standing(incident: Incident, incidents: Mapping[bytes, Incident]) -> Incident:
    """The incident that explains this one, or itself where none does; of all of them, by their ids."""
    while (above := incidents.get(incident.suppressed_by or b"")) is not None:
        incident = above
    return incident


def _may_explain(other: Incident, incident: Incident, world: World) -> bool:
    """Whether another incident explains this one if its root lies above."""
    checks = {incident.leading["check"], other.leading["check"]}
    same = other.root.node.dataset == incident.root.node.dataset
    return (
        other is not incident
        and other.suppressed_by is None
        and not other.withdrawn
        and not incident.withdrawn
        and other.root != incident.root
        and not checks & _APART
        and other.onset - SLACK_US <= incident.onset
        and incident.onset <= _until(other, again=same)
        and not (same and other.onset > _until(incident, again=True))
        and (incident.leading["check"] != "volume" or other.root.column is None)
        and (not incident.causes or _can_explain(other, incident.causes[0].effect, world))
    )


def _until(incident: Incident, *, again: bool) -> int:
    """The last event time of which alarms belong to it. `again`: of what was alarmed in it and well again: that is a
    fault of its own then.
    """
    if incident.resolved_at is None:
        return 2**63 - 1
    if again:
        return incident.resolved_at
    return max(incident.resolved_at, incident.last_seen + SLACK_US)


def _can_explain(incident: Incident, effect: float, world: World) -> bool:
    return not incident.causes or explains_effect(incident.causes[0].effect, effect, world)


def bad_versions(incident: Incident, walk: Walk, world: World) -> set[Node]:
    """The versions of the root's dataset in a walk that are of the incident's time and columns."""
    dataset = incident.root.node.dataset
    columns = incident.named.get(dataset, {})
    # what is overdue was written long before
    late = incident.leading["check"] == "freshness"
    return {
        place.node
        for place in walk.hops
        if place.node.dataset == dataset
        and dataset != ("", "")
        and (place.column in columns or incident.root.column in {place.column, None} or place.column is None)
        and (late or (world.graph.time(place.node) or incident.onset) >= incident.onset - SLACK_US // 2)
    }


def is_above(place: Place, incident: Incident, walks: Mapping[Place, Walk]) -> bool:
    """Whether the incident's root was made from this place: then this is nearer to the cause."""
    walk = walks.get(incident.root)
    return walk is not None and place != incident.root and place in walk.hops
