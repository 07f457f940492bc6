"""Incidents as the demo tells them: what drifted, by how much, since when, by which step, whom it reaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headwater.audit import Incident, Node, WalkNode, incidents, walk
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.demo.answers import sql

#: Incidents that the history is asked about in full, the gravest first; a year raises about ten.
MOST = 40


@dataclass(frozen=True)
class Told:
    """One incident. Slices are days, as the pipeline's partitions name them."""

    incident_id: str
    title: str
    explanation: str
    check: str
    state: str
    severity: float
    dataset: str
    column: str
    days: tuple[str, ...]
    #: Mean of the column on those days and on the days before, where it is a number.
    mean_before: float | None
    mean_during: float | None
    measures: tuple[dict[str, Any], ...]
    introduced_by: str
    path: tuple[str, ...]
    #: Versions of the drifted dataset, and what was made from them.
    versions: int
    reached: tuple[str, ...]
    #: Predictions from drifted data, the longest flight of their first day, and the models that made them.
    predictions: int
    example: str
    models: tuple[str, ...]
    #: Models that learnt from drifted data, and how many predictions those have made.
    learnt: tuple[str, ...]
    learnt_predictions: int
    #: Mean absolute error in minutes of those models on those days and on the others.
    error_before: float | None
    error_during: float | None

    @property
    def factor(self) -> float | None:
        """By how much the mean was multiplied."""
        if not self.mean_before or self.mean_during is None:
            return None
        return self.mean_during / self.mean_before


def told(client: Client) -> list[Told]:
    """Every incident that stands by itself, the one that reaches most predictions by the largest effect first."""
    found = [tell(client, incident) for incident in incidents(client)[:MOST] if incident.suppressed_by is None]
    return sorted(found, key=lambda one: (-one.predictions * one.severity, -one.severity, one.days, one.title))


def tell(client: Client, incident: Incident) -> Told:
    """One incident in full, each fact asked of the history."""
    root = incident.root or {}
    dataset = Node(root["namespace"], root["name"]) if root.get("name") else incident.dataset
    dataset = Node(dataset.namespace, dataset.name)
    column = root.get("column") or incident.dataset.column
    bad = _bad_versions(client, incident, dataset, column)
    days = _days(client, bad) or _judged_days(client, incident)
    before, during = _means(client, column, bad, incident.onset or incident.opened_at)
    direct, learnt = _below(client, [Node(node.namespace, node.name, node.version, column) for node in bad])
    streams = [found.node for found in direct if found.kind == "prediction_stream"]
    if incident.check == "metric":
        # A model that was worse on some days has answered on all of its days.
        streams = _on(client, streams, days)
    predictions, example, models = _predictions(client, streams)
    learnt_names = tuple(sorted(f"{node.name}@{node.version}" for node in learnt))
    error_before, error_during = _errors(client, models, days)
    return Told(
        incident_id=str(incident.incident_id),
        title=incident.title,
        explanation=incident.explanation,
        check=incident.check,
        state=incident.state,
        severity=incident.severity,
        dataset=f"{dataset.namespace}/{dataset.name}",
        column=column or "",
        days=days,
        mean_before=before,
        mean_during=during,
        measures=tuple(dict(measure) for measure in incident.measures),
        introduced_by=_introduced(client, dataset, bad),
        path=tuple(str(node) for node in incident.path),
        versions=len(bad),
        reached=tuple(sorted({f"{node.node.namespace}/{node.node.name}" for node in direct})),
        predictions=predictions,
        example=example,
        models=models,
        learnt=learnt_names,
        learnt_predictions=_made_by(client, learnt_names),
        error_before=error_before,
        error_during=error_during,
    )


def _bad_versions(client: Client, incident: Incident, dataset: Node, column: str | None) -> list[Node]:
    """The drifted versions: those that the alert names, and those that were alarmed since it was sent."""
    named: list[list[str | None]] = json.loads(incident.evidence.get("versions", "[]"))
    found = {Node(str(namespace), str(name), version) for namespace, name, version in named}
    if not found and incident.dataset.version:
        found.add(Node(incident.dataset.namespace, incident.dataset.name, incident.dataset.version))
    over = incident.state == "resolved"
    alarmed = select(
        client,
        sql.ALARMED,
        {
            "check": incident.check,
            "namespace": dataset.namespace,
            "name": dataset.name,
            "column": column or "",
            "since": incident.onset or incident.opened_at,
            "until": incident.changed_at if over else datetime(2200, 1, 1, tzinfo=UTC),
        },
    )
    found |= {Node(dataset.namespace, dataset.name, row["version"]) for row in alarmed}
    ours = [node for node in found if (node.namespace, node.name) == (dataset.namespace, dataset.name)]
    return sorted(ours, key=str)


def _key(node: Node) -> str:
    return f"{node.namespace}\n{node.name}\n{node.version or ''}"


def _days_of(client: Client, nodes: Sequence[Node]) -> dict[str, set[str]]:
    """The days that versions are slices of, by the version's key."""
    if not nodes:
        return {}
    names = sorted({node.name for node in nodes})
    rows = select(client, sql.DAYS, {"names": names, "nodes": [_key(node) for node in nodes]})
    return {row["node"]: set(row["days"]) for row in rows}


def _days(client: Client, versions: Sequence[Node]) -> tuple[str, ...]:
    return tuple(sorted({day for days in _days_of(client, versions).values() for day in days}))


def _on(client: Client, streams: Sequence[Node], days: Sequence[str]) -> list[Node]:
    """Those whose predictions are of one of the days."""
    found = _days_of(client, streams)
    return [stream for stream in streams if found.get(_key(stream), set()) & set(days)]


def _judged_days(client: Client, incident: Incident) -> tuple[str, ...]:
    """The days of the runs that were judged: for what is no slice of a day, e.g. a model."""
    ids = [*incident.verdicts, *incident.suppressed]
    return tuple(row["day"] for row in select(client, sql.JUDGED_DAYS, {"verdicts": ids}))


def _about(versions: Sequence[Node]) -> dict[str, object]:
    some = versions[0]
    return {"namespace": some.namespace, "name": some.name, "versions": [node.version or "" for node in versions]}


def _means(
    client: Client, column: str | None, bad: Sequence[Node], onset: datetime
) -> tuple[float | None, float | None]:
    """The column's mean in the versions before the onset and in the drifted ones."""
    if column is None or not bad:
        return None, None
    row = select(client, sql.MEANS, {**_about(bad), "column": column, "onset": onset})[0]
    return _number(row["before"]), _number(row["during"])


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) and value == value else None  # noqa: PLR0124 -- NaN is no number


def _below(client: Client, bad: Sequence[Node]) -> tuple[list[WalkNode], list[Node]]:
    """What is made of these data, and the models that learnt from them: what those answer is made of other data."""
    if not bad:
        return [], []
    below = walk(client, bad, "down")
    kinds = {found.node: found.kind for found in below.nodes}
    edges: dict[Node, list[Node]] = {}
    for edge in below.edges:
        edges.setdefault(edge.source, []).append(edge.target)
    direct, frontier = set(below.roots), list(below.roots)
    while frontier:
        fresh = {target for target in edges.get(frontier.pop(), ()) if kinds.get(target) != "model"} - direct
        direct |= fresh
        frontier += fresh
    learnt = {Node(node.namespace, node.name, node.version) for node, kind in kinds.items() if kind == "model"}
    return [found for found in below.nodes if found.node in direct and found.depth], sorted(learnt, key=str)


def _predictions(client: Client, streams: Sequence[Node]) -> tuple[int, str, tuple[str, ...]]:
    """How many predictions those streams' versions hold, one of them, and which model versions made them."""
    if not streams:
        return 0, "", ()
    row = select(client, sql.PREDICTIONS, {"streams": [_key(node) for node in streams]})[0]
    return int(row["found"]), str(row["example"]), tuple(row["models"])


def _made_by(client: Client, models: Sequence[str]) -> int:
    return int(select(client, sql.MADE_BY, {"models": list(models)})[0]["found"]) if models else 0


def _errors(client: Client, models: Sequence[str], days: Sequence[str]) -> tuple[float | None, float | None]:
    """The models' mean absolute error in service on the other days and on these."""
    if not models:
        return None, None
    row = select(client, sql.ERRORS, {"days": list(days), "models": list(models)})[0]
    return _number(row["before"]), _number(row["during"])


def _introduced(client: Client, dataset: Node, bad: Sequence[Node]) -> str:
    """The step that wrote the first drifted version, else that it came so, and who read it first."""
    rows = select(client, sql.FIRST_USE, _about(bad)) if bad else []
    if not rows:
        return "not known"
    step = f"{rows[0]['job_namespace']}/{rows[0]['job_name']}, run {rows[0]['run_id']}"
    if rows[0]["access"] == "write":
        return f"step {step}"
    return f"no step of the pipeline: {dataset.namespace}/{dataset.name} arrived like this; {step}, read it first"
