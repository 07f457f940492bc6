"""An incident for a terminal, line by line. Names may hold anything: who prints the lines escapes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.audit.model import Incident


def since(incident: Incident) -> str:
    """When it began, else when it was told first."""
    return f"{incident.onset or incident.opened_at:%Y-%m-%d %H:%M} UTC"


def heading(incident: Incident) -> list[str]:
    """What it is, in two lines."""
    return [f"{incident.title}  ({incident.state}, severity {incident.severity:.2f})", f"  {incident.explanation}"]


def gates(incident: Incident) -> list[str]:
    """Each number of the check and what it was held against."""
    return [f"gate      {_gate(measure)}" for measure in incident.measures]


def surroundings(incident: Incident) -> Iterator[str]:
    """Where it comes from, what it reaches, how many verdicts are in it, and what was cut."""
    yield from _root(incident)
    yield from (f"answered  {_model(*model)}" for model in json.loads(incident.evidence.get("models", "[]")))
    for reach in incident.reaches:
        count = f", {reach.predictions:,} predictions" if reach.predictions else ""
        yield f"reaches   {reach.node.namespace}/{reach.node.name}  {reach.kind}, {_hops(reach.hops)}{count}"
    yield f"verdicts  {len(incident.verdicts)}, and {len(incident.suppressed)} that the root explains"
    if incident.truncated:
        yield f"truncated {incident.truncated_because}"


def _model(namespace: str, name: str, version: str | None, predictions: int) -> str:
    shown = f"{namespace}/{name}" + (f"@{version}" if version is not None else "")
    return f"{shown}  model, {predictions:,} predictions since then"


def _hops(count: int) -> str:
    return f"{count} hop{'s' if count != 1 else ''}"


def _gate(measure: Mapping[str, Any]) -> str:
    limit = "" if measure["threshold"] is None else f"  held against {measure['threshold']:.4g}"
    passed = {True: "  passed", False: "  not passed", None: ""}[measure["passed"]]
    comment = f"  ({measure['comment']})" if measure["comment"] else ""
    return f"{measure['name']:<20} {measure['value']:.4g}{limit}{passed}{comment}"


def _root(incident: Incident) -> list[str]:
    root = incident.root
    if root is None:
        return []
    column = f".{root['column']}" if root["column"] else ""
    version = f"@{root['version']}" if root["version"] else ""
    lines = [f"root      {root['namespace']}/{root['name']}{column}{version}  {root['explanation']}"]
    if root["job_name"]:
        lines.append(f"step      {root['job_namespace']}/{root['job_name']}, run {root['run_id']}")
    if incident.path:
        path = (node.name + (f"@{node.version}" if node.version else "") for node in incident.path)
        lines.append("path      " + " → ".join(path))
    return lines
