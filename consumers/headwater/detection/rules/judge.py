"""Policies held against what happens: each violation a verdict, with the rule's name and the path."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.gates import Gate
from headwater.detection.ids import digest
from headwater.detection.incidents.facts import Run
from headwater.detection.incidents.graph import Dataset, Node
from headwater.detection.incidents.world import World
from headwater.detection.policy import DAY_US
from headwater.detection.recent import forget
from headwater.detection.rules.evaluations import Evaluations
from headwater.detection.rules.model import PolicyRule, Rules, matches
from headwater.detection.rules.tags import Tags, carried, told
from headwater.detection.texts import dataset, day, number
from headwater.detection.verdicts import Subject, Verdict

#: Kinds that one read or write by itself breaks.
_OF_USES = frozenset({"purpose", "writers", "flow", "retention"})
#: Told violations that are remembered, so that each is told once a worker's life.
_MOST_TOLD = 100_000
#: Versions of models that lack something and are remembered.
_MOST_LACKING = 1_000
_HOUR_US = DAY_US // 24


@dataclass(slots=True)
class Judge:
    """Holds the policies of a rules file against uses and edges, in any order; what is due is taken by `due`."""

    rules: Rules
    world: World
    tags: Tags = field(default_factory=Tags)
    _found: list[Verdict] = field(default_factory=list[Verdict])
    _told: OrderedDict[bytes, None] = field(default_factory=OrderedDict[bytes, None])
    #: Of what broke a rule, how often it must be well until that is no longer told: by rule, dataset and column.
    _broken: dict[tuple[str, Dataset, str | None], int] = field(
        default_factory=dict[tuple[str, Dataset, "str | None"], int]
    )
    #: Versions of models that were written: by rule and version until when (µs) what belongs to them may come, and
    #: the run.
    _models: dict[tuple[str, Node], tuple[int, bytes | None]] = field(
        default_factory=dict[tuple[str, Node], tuple[int, "bytes | None"]]
    )
    #: Those that lacked something when that time was over; it may come yet.
    _lacking: OrderedDict[tuple[str, Node], bytes | None] = field(
        default_factory=OrderedDict[tuple[str, Node], "bytes | None"]
    )
    _evaluations: Evaluations = field(default_factory=Evaluations)
    #: Versions in the targets of tag rules since they were judged last, and the newest of each dataset.
    _touched: set[Node] = field(default_factory=set[Node])
    _newest: dict[Dataset, Node] = field(default_factory=dict[Dataset, Node])
    _changed: bool = False
    _tags_seen: int = 0

    def use(self, use: Mapping[str, Any], now: int) -> None:
        """One use, after the world was told of it."""
        if not self.rules.policies:
            return
        self.tags.add(use)
        node = Node(use["namespace"], use["name"], use["version"])
        if not use["name"]:
            return
        if self._evaluations.add(node, use):
            self._ask_again(node.dataset, now)
        for rule in self.rules.policies:
            if rule.kind in _OF_USES:
                self._one(rule, use, node)
            elif rule.kind == "model" and use["access"] == "write" and use["kind"] == "model":
                if use["run_state"] in {"COMPLETE", ""} and matches(rule.datasets, *node.dataset):
                    until = max(now + self.world.policy.edges_wait_us, use["event_time"] + int(rule.hours * _HOUR_US))
                    self._models[rule.name, node] = until, use["run_id"]
            elif rule.kind == "tags" and use["access"] != "read" and matches(rule.into, *node.dataset):
                self._touch(node)

    def edges(self, edge_set: Mapping[str, Any]) -> None:
        """One edge set, after the graph was told of it."""
        rules = [rule for rule in self.rules.policies if rule.kind == "tags"]
        if not rules:
            return
        self._changed = True
        for item in edge_set["datasets"]:
            if any(matches(rule.into, item["namespace"], item["name"]) for rule in rules):
                self._touch(Node(item["namespace"], item["name"], item["version"]))

    def due(self, now: int) -> list[Verdict]:
        """Verdicts since it was asked last, each once."""
        for (name, node), (until, run_id) in list(self._models.items()):
            if until <= now:
                del self._models[name, node]
                self._model(next(rule for rule in self.rules.policies if rule.name == name), node, run_id)
        if self._changed or self.tags.changes != self._tags_seen:
            self._changed, self._tags_seen = False, self.tags.changes
            for node in sorted(self._touched | set(self._newest.values()), key=str):
                self._tagged(node)
            self._touched.clear()
        found, self._found = self._found, []
        return found

    def _touch(self, node: Node) -> None:
        self._touched.add(node)
        known = self._newest.get(node.dataset)
        time = self.world.graph.time
        if known is None or (time(node) or 0) >= (time(known) or 0):
            self._newest[node.dataset] = node
        self._changed = True

    def _one(self, rule: PolicyRule, use: Mapping[str, Any], node: Node) -> None:
        why = next(self._broken_by(rule, use, node), None) if self._concerns(rule, use, node) else None
        if why is None and not (self._concerns(rule, use, node) and (rule.name, node.dataset, None) in self._broken):
            return
        subject = Subject(
            use["event_time"], node.namespace, node.name, node.version, None,
            use["job_namespace"], use["job_name"], use["run_id"], tuple(use["partitions"]),
        )  # fmt: skip
        self._say(rule, subject, why, {}, based_on=use["event_id"], at=use["access"])

    def _concerns(self, rule: PolicyRule, use: Mapping[str, Any], node: Node) -> bool:
        """Whether a use is one that a rule is about; a run is judged once, at its end, by what it then says."""
        if rule.kind == "flow":
            return matches(rule.job, use["job_namespace"], use["job_name"])
        access = "write" if rule.kind == "writers" else "read"
        return use["access"] == access and matches(rule.datasets, *node.dataset)

    def _broken_by(self, rule: PolicyRule, use: Mapping[str, Any], node: Node) -> Iterator[str]:
        shown = dataset(*node.dataset)
        job = dataset(use["job_namespace"], use["job_name"]) if use["job_name"] else "somebody without a job"
        when = day(use["event_time"])
        if rule.kind == "purpose" and not use["purpose"]:
            yield f"{job} read {shown} on {when} and says no purpose"
        elif rule.kind == "writers" and not any(
            matches(allowed, use["job_namespace"], use["job_name"]) for allowed in rule.jobs
        ):
            yield f"{job} wrote {shown} on {when}; only {', '.join(rule.jobs)} may"
        elif rule.kind == "flow":
            allowed = {"read": rule.reads, "write": rule.writes}.get(use["access"])
            if allowed is not None and not any(matches(pattern, *node.dataset) for pattern in allowed):
                yield f"{job} {'read' if use['access'] == 'read' else 'wrote'} {shown} on {when}, which it is not to"
        elif rule.kind == "retention":
            first = self.world.graph.time(node)
            if node.version is not None and first is not None and use["event_time"] - first > rule.days * DAY_US:
                days = number((use["event_time"] - first) / DAY_US)
                kept = f"{rule.days:g} are kept"
                yield f"{job} read {shown}@{node.version} on {when}, {days} days after it was made; {kept}"

    def _ask_again(self, model: Dataset, now: int) -> None:
        """A version that lacked a metric may have got it."""
        for (name, node), run_id in self._lacking.items():
            if node.dataset == model:
                self._models.setdefault((name, node), (now, run_id))

    def _model(self, rule: PolicyRule, node: Node, run_id: bytes | None) -> None:
        run: Run | None = self.world.runs.writer(node)
        has = {
            "owner": bool(self.world.runs.owners(node.dataset)),
            "code": run is not None and run.code is not None,
            "metric": self._evaluations.has(node, self.world.graph),
        }
        lacks = [need for need in rule.needs if not has[need]]
        shown = f"{dataset(*node.dataset)}@{node.version}"
        why = f"the model {shown} has no {' and no '.join(lacks)}" if lacks else None
        job = run.job if run is not None else ("", "")
        time = self.world.graph.time(node) or 0
        subject = Subject(time, node.namespace, node.name, node.version, None, *job, run_id)
        lacked = (rule.name, node) in self._lacking
        if why is not None:
            self._lacking[rule.name, node] = run_id
            forget(self._lacking, _MOST_LACKING)
        elif lacked:
            del self._lacking[rule.name, node]
        if why is not None or lacked or (rule.name, node.dataset, None) in self._broken:
            # What a version has is never taken from it, so the verdict that finds most stands.
            known = f"{len(rule.needs) - len(lacks):03}"
            self._say(rule, subject, why, {"lacks": json.dumps(lacks)}, known=known)

    def _tagged(self, node: Node) -> None:
        for rule in self.rules.policies:
            if rule.kind != "tags" or not matches(rule.into, *node.dataset):
                continue
            found = carried(self.world.graph, self.tags, node, rule.tag, self.world.policy.walk_budget)
            time = self.world.graph.time(node) or 0
            for column, way in found.items():
                subject = Subject(time, node.namespace, node.name, node.version, column)
                why = f"{dataset(*node.dataset, column)} holds {rule.tag}, unmasked: {told(way)}"
                path = [[*place.node, place.column] for place in way]
                self._say(rule, subject, why, {"path": json.dumps(path), "tag": json.dumps(rule.tag)})
            well = {column for name, known, column in self._broken if name == rule.name and known == node.dataset}
            for column in sorted(well - found.keys(), key=lambda name: name or ""):
                self._say(rule, Subject(time, node.namespace, node.name, node.version, column), None, {})

    def _say(
        self,
        rule: PolicyRule,
        subject: Subject,
        why: str | None,
        evidence: Mapping[str, str],
        *,
        based_on: bytes | None = None,
        at: str = "",
        known: str | None = None,
    ) -> None:
        """A violation, or with no `why` that what was broken is kept now.

        `known`: where the subject is judged again when something comes late, how much was known (`Verdict.known`).
        """
        key = (rule.name, (subject.namespace, subject.name), subject.column)
        kept = f"{dataset(subject.namespace, subject.name, subject.column)} keeps the rule again"
        verdict = Verdict(
            check="policy",
            outcome="ok" if why is None else "alarm",
            subject=subject,
            explanation=f"{why or kept} (rule {rule.name})",
            severity=0.0 if why is None else rule.severity,
            onset=None if why is None else subject.event_time,
            score=float(why is not None),
            gates=[Gate(rule.kind, float(why is not None), 1.0, why is not None, rule.name)],
            based_on=[] if based_on is None else [based_on],
            evidence={"rule": json.dumps(rule.name), "unusual": "2.0", **evidence},
            rule=rule.name,
            slice=f"{rule.name}\n{at}",
            judged=None if known is None else digest(rule.name, subject.namespace, subject.name, subject.version),
            known=known or "",
        )
        if verdict.event_id in self._told:
            return
        self._told[verdict.event_id] = None
        forget(self._told, _MOST_TOLD)
        left = self.world.policy.resolve_after if why is not None else self._broken.get(key, 1) - 1
        self._broken[key] = left
        if left <= 0:
            del self._broken[key]
        self._found.append(verdict)
