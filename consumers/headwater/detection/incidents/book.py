"""All incidents: which alarm belongs to which, when one opens, is told anew, and is over."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headwater.detection.incidents import messages
from headwater.detection.incidents.causes import Cause, Evidence, coverage, rank
from headwater.detection.incidents.decisions import Suppressions
from headwater.detection.incidents.facts import Runs, Scores
from headwater.detection.incidents.graph import Graph, Node
from headwater.detection.incidents.incident import Incident, Member, incident_id
from headwater.detection.incidents.predictions import Predictions
from headwater.detection.incidents.reach import Reach, reach
from headwater.detection.incidents.timelines import Key, Timelines, key_of, points_of
from headwater.detection.incidents.walks import Place, Walk, deciders, upstream
from headwater.detection.policy import DAY_US, Policy

#: Two alarms of one fault may lie so far apart in event time: steps of a pipeline do not run at one moment.
_SLACK_US = DAY_US
_MOST_WALKS = 1000

Verdict = dict[str, Any]


class Book:
    """The incidents and what they are judged by. Its clock is what `verdict` and `tick` are given, µs of arrival."""

    def __init__(self, policy: Policy, database: str) -> None:
        self.graph = Graph()
        self.scores = Scores()
        self.runs = Runs()
        self.predictions = Predictions()
        self.suppressions = Suppressions()
        self._policy = policy
        self._database = database
        self._timelines = Timelines()
        self._pending: dict[bytes, tuple[int, Verdict]] = {}
        self._incidents: dict[bytes, Incident] = {}
        self._attached: set[bytes] = set()
        self._walks: OrderedDict[Place, Walk] = OrderedDict()
        self._newest = -(2**63)

    def verdict(self, verdict: Verdict, arrived: int) -> None:
        """One verdict; an alarm waits for the edges and verdicts that belong to it."""
        self._newest = max(self._newest, verdict["event_time"])
        self.scores.add(verdict)
        for key, point in points_of(verdict):
            self._timelines.add(key, point)
        if verdict["outcome"] != "alarm" or key_of(verdict) is None or verdict["event_id"] in self._attached:
            return
        if not self.suppressions.covers(verdict):
            self._pending.setdefault(verdict["event_id"], (arrived, verdict))

    def use(self, use: Mapping[str, Any]) -> None:
        """One use of a dataset, or of none where it stands for a job."""
        if use["name"]:
            node = Node(use["namespace"], use["name"], use["version"])
            self.graph.see(node, use["kind"], use["event_time"])
        self.runs.add(use)

    def decision(self, decision: Mapping[str, Any]) -> None:
        """What a person decided: owners, suppression, acknowledgement."""
        if decision["kind"] == "owner":
            self.runs.decide_owners(decision)
        elif decision["kind"] == "acknowledge" and decision["incident_id"] in self._incidents:
            incident = self._incidents[decision["incident_id"]]
            incident.changed = incident.changed or not incident.acknowledged
            incident.acknowledged = True
        else:
            self.suppressions.add(decision)

    def told(self, alert: Mapping[str, Any]) -> None:
        """A message about an incident, of this worker or one before: what was told is not told again."""
        incident = self._incidents.get(alert["incident_id"])
        if incident is not None and incident.number >= alert["number"]:
            return
        restored = _restore(alert)
        self._incidents[restored.incident_id] = restored
        for event_id in (*restored.verdicts, *restored.suppressed):
            self._attached.add(event_id)
            self._pending.pop(event_id, None)

    def tick(self, now: int) -> list[dict[str, Any]]:
        """Messages due at `now`: alarms that have settled, incidents that are over, those with something new."""
        settled = [v for arrived, v in self._pending.values() if arrived + self._policy.settle_us <= now]
        found = list(self._take(settled, now))
        for incident in list(self._incidents.values()):
            found += self._tell(incident, now)
        return found

    def forget(self) -> None:
        """Drop what lies further behind the newest event time than is kept."""
        oldest = self._newest - self._policy.graph_us
        self.graph.forget(self._policy.graph_us)
        self.scores.forget(self.graph.nodes())
        self.runs.forget(oldest)
        self.predictions.forget(oldest)
        for incident in [i for i in self._incidents.values() if i.resolved_at is not None and i.last_seen < oldest]:
            del self._incidents[incident.incident_id]
            self._attached.difference_update(incident.verdicts, incident.suppressed)

    def _take(self, settled: Sequence[Verdict], now: int) -> Iterator[dict[str, Any]]:
        walks = [(verdict, _place(verdict), self._walk(verdict)) for verdict in settled]
        for _, place, walk in walks:
            self._walks[place] = walk
            self._walks.move_to_end(place)
        while len(self._walks) > _MOST_WALKS:
            self._walks.popitem(last=False)
        covered = coverage(self._walks)
        # in the order in which it happened, and what lies upstream before what was made from it
        walks.sort(key=lambda item: (item[0]["event_time"], len(item[2].hops), item[0]["event_id"]))
        for verdict, place, walk in walks:
            del self._pending[verdict["event_id"]]
            for incident in self._incidents.values():
                yield from self._tell_recovered(incident, verdict["event_time"], now)
            self._attach(verdict, place, walk, covered)

    def _walk(self, verdict: Verdict) -> Walk:
        place = _place(verdict)
        if verdict["check"] == "run":
            return Walk({place: 0})
        also: set[Place] = set()
        if verdict["check"] == "metric" and verdict["run_id"] is not None:
            also = {Place(node, None) for node in self.runs.reads_of(verdict["run_id"])}
        return upstream(self.graph, place, self._policy.walk_budget, also, whole=verdict["check"] == "volume")

    def _attach(self, verdict: Verdict, place: Place, walk: Walk, covered: Mapping[Place, int]) -> None:
        key = key_of(verdict)
        assert key is not None  # noqa: S101  # only such verdicts become pending
        onset = verdict["onset"] if verdict["onset"] is not None else verdict["event_time"]
        causes = self._causes(verdict, place, walk, covered, onset)
        root = causes[0].place
        job = (verdict["job_namespace"], verdict["job_name"]) if verdict["check"] == "run" else ("", "")
        incident = self._belongs_to(key, verdict, root, walk, onset)
        if incident is None:
            new = incident_id(root, "run" if job[1] else "", job, onset)
            incident = self._incidents.setdefault(new, Incident(new, root, onset, causes, verdict))
        elif self._is_above(place, incident):
            incident.root, incident.causes, incident.leading, incident.changed = root, causes, verdict, True
        of_root = place.node.dataset == incident.root.node.dataset
        if of_root and _place(incident.leading).node.dataset != incident.root.node.dataset:
            incident.leading = verdict
        incident.add(key, verdict, of_root=of_root)
        incident.truncated = incident.truncated or walk.truncated
        incident.bad.update(self._bad(incident, walk))
        incident.onset = min(incident.onset, onset)
        self._attached.add(verdict["event_id"])

    def _causes(
        self, verdict: Verdict, place: Place, walk: Walk, covered: Mapping[Place, int], onset: int
    ) -> list[Cause]:
        """Candidates, the likeliest first. Where what values derive from was as usual, what chose the rows is asked."""
        evidence = Evidence(self.graph, self.scores, self.runs, self._policy)
        own, since = _own_effect(verdict), onset - _SLACK_US
        causes = rank(place, own, walk, covered, since, evidence)
        if verdict["check"] not in {"drift", "nulls"} or not causes[0].inputs_were_well:
            return causes
        root = causes[0].place
        wider = upstream(self.graph, place, self._policy.walk_budget, deciders(self.graph, root))
        below = covered.get(root, 1)
        counted = {p: covered.get(p, 0) + (0 if p in walk.hops else below) for p in wider.hops}
        return rank(place, own, wider, counted, since, evidence)

    def _belongs_to(self, key: Key, verdict: Verdict, root: Place, walk: Walk, onset: int) -> Incident | None:
        """The incident that explains this alarm: its root lies above, or is the same, or lies below."""
        time = verdict["event_time"]
        near = [
            incident
            for incident in self._incidents.values()
            if incident.onset - _SLACK_US <= time
            and (incident.resolved_at is None or time <= incident.last_seen + _SLACK_US)
        ]
        near.sort(key=lambda incident: (incident.resolved_at is not None, incident.onset, incident.incident_id))
        if key.check == "run":
            return next((incident for incident in near if key in incident.members), None)
        for incident in near:
            if key in incident.members:
                return incident
        for incident in near:
            same = root.node.dataset == incident.root.node.dataset and abs(onset - incident.onset) < _SLACK_US
            if same and incident.leading["check"] != "run":
                return incident
        for incident in near:
            # fewer rows are no drift of a column: only a fault of all columns explains them
            if (key.check != "volume" or incident.root.column is None) and self._bad(incident, walk):
                return incident
        return next((incident for incident in near if self._is_above(_place(verdict), incident)), None)

    def _bad(self, incident: Incident, walk: Walk) -> set[Node]:
        """The versions of the root's dataset in this walk that are of the incident's time and columns."""
        columns = {incident.root.column, *incident.columns}
        return {
            place.node
            for place in walk.hops
            if place.node.dataset == incident.root.node.dataset
            and (place.column in columns or None in {place.column, incident.root.column})
            and place.node.dataset != ("", "")
            and (self.graph.time(place.node) or incident.onset) >= incident.onset - _SLACK_US // 2
        }

    def _is_above(self, place: Place, incident: Incident) -> bool:
        """Whether the incident's root was made from this place: then this is nearer to the cause."""
        walk = self._walks.get(incident.root)
        return walk is not None and place != incident.root and place in walk.hops

    def _tell(self, incident: Incident, now: int) -> Iterator[dict[str, Any]]:
        if incident.number == 0:
            yield self._message(incident, "opened", now, incident.last_seen)
        yield from self._tell_recovered(incident, None, now)
        if now - incident.told_at < self._policy.update_us:
            return
        if incident.acknowledged and incident.state in {"opened", "updated"}:
            yield self._message(incident, "acknowledged", now, incident.last_seen)
            return
        found = self._reach(incident)
        grown = found.datasets > incident.told_reach or found.predictions >= 2 * max(1, incident.told_predictions)
        if incident.changed or grown:
            # a resolved incident stays resolved: a model trained on what it left behind is told all the same
            state = "updated" if incident.resolved_at is None else "resolved"
            yield self._message(incident, state, now, incident.last_seen, found)

    def _tell_recovered(self, incident: Incident, before: int | None, now: int) -> Iterator[dict[str, Any]]:
        """The message that it is over, where it is (by `before`)."""
        if incident.resolved_at is not None or not incident.members:
            return
        times: list[int] = []
        for key, member in incident.members.items():
            well = self._well_since(key, member)
            if well is not None:
                times.append(well)
        own = [key for key in incident.members if (key.namespace, key.name) == incident.root.node.dataset]
        for key in own or list(incident.members):
            if self._well_since(key, incident.members[key]) is None:
                return
        at = max(times)
        for key, member in incident.members.items():
            # a thing that is not made anew, such as one training set, is over with its root
            newest = self._timelines.newest(key)
            if self._well_since(key, member) is None and newest is not None and newest > at:
                return
        if before is not None and at >= before:
            return
        if incident.number == 0:
            yield self._message(incident, "opened", now, incident.last_seen)
        incident.resolved_at = at
        yield self._message(incident, "resolved", now, at)

    def _well_since(self, key: Key, member: Member) -> int | None:
        if key.check == "run":
            namespace, name = key.detail.split("\n", 1)
            return self.runs.completed_after((namespace, name), member.last)
        if key.check == "schema":
            return self.runs.written_after((key.namespace, key.name), member.last, self._policy.resolve_after)
        return self._timelines.recovered(key, member.last, self._policy.resolve_after)

    def _reach(self, incident: Incident) -> Reach:
        starts = sorted(incident.bad, key=str) or [incident.root.node]
        until = incident.last_seen + _SLACK_US if incident.resolved_at is not None else 2**62
        return reach(self.graph, self.runs, self.predictions, starts, incident.onset, until, self._policy.walk_budget)

    def _message(
        self, incident: Incident, state: str, now: int, event_time: int, found: Reach | None = None
    ) -> dict[str, Any]:
        found = found or self._reach(incident)
        incident.number += 1
        incident.state, incident.told_at, incident.changed = state, now, False
        incident.told_predictions, incident.told_reach = found.predictions, found.datasets
        owners = self.runs.owners(incident.root.node.dataset)
        return messages.alert(incident, state, found, owners, event_time, self._database)


def _place(verdict: Mapping[str, Any]) -> Place:
    return Place(Node(verdict["namespace"], verdict["name"], verdict["version"]), verdict["column"])


def _own_effect(verdict: Mapping[str, Any]) -> float:
    """How far the alarm lies beyond its own limit."""
    if verdict["check"] in {"volume", "run", "schema"}:
        return 1.0 + float(verdict["severity"])
    return float(json.loads(verdict["evidence"].get("unusual", "1.0")))


def _restore(alert: Mapping[str, Any]) -> Incident:
    """An incident as its newest message tells it."""
    namespace, name, version, column = json.loads(alert["evidence"]["root"])
    leading = {
        name: alert[name]
        for name in (
            "check",
            "namespace",
            "name",
            "version",
            "column",
            "job_namespace",
            "job_name",
            "rule",
            "run_id",
            "event_time",
            "severity",
            "onset",
        )
    }
    leading |= {
        "event_id": alert["verdicts"][0] if alert["verdicts"] else alert["event_id"],
        "gates": alert["measures"],
        "evidence": alert["evidence"],
        "explanation": json.loads(alert["evidence"]["verdict"]),
    }
    incident = Incident(
        alert["incident_id"], Place(Node(namespace, name, version), column), alert["onset"], [], leading
    )
    incident.causes = messages.causes_of(alert)
    for *key, first, last in json.loads(alert["evidence"]["members"]):
        incident.members[Key(*key)] = Member(first, last)
    incident.verdicts = dict.fromkeys(alert["verdicts"])
    incident.suppressed = dict.fromkeys(alert["suppressed"])
    incident.bad = {Node(*item) for item in json.loads(alert["evidence"]["versions"])}
    incident.severity, incident.last_seen = alert["severity"], alert["last_seen"]
    incident.number, incident.state, incident.told_at = alert["number"], alert["state"], alert["emit_time"]
    incident.changed, incident.truncated = False, False
    incident.acknowledged = alert["state"] == "acknowledged"
    incident.resolved_at = alert["event_time"] if alert["state"] == "resolved" else None
    incident.told_reach = frozenset((item["namespace"], item["name"]) for item in alert["reaches"])
    incident.told_predictions = sum(item["predictions"] or 0 for item in alert["reaches"])
    return incident
