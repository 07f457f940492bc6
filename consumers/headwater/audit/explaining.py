"""Why an incident was told: each gate with its number, both distributions, the baseline, the path to the root."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.audit.incidents import incidents
from headwater.audit.model import Incident
from headwater.audit.render import printable
from headwater.audit.rows import select
from headwater.audit.shapes import Shapes, shapes, svg, text
from headwater.audit.store import Client
from headwater.errors import NotFound, SettingsError

_LEADING = """
SELECT baseline_kind AS kind, baseline_runs AS runs, baseline_rows AS rows, baseline_from_time AS from_time,
    baseline_until_time AS until_time
FROM verdicts WHERE event_id IN {ids:Array(UUID)} AND baseline_kind != '' AND check = {check:String}
ORDER BY outcome = 'alarm' DESC, event_time, event_id LIMIT 1
"""
_OF_ALERT = (
    "SELECT DISTINCT incident_id FROM alerts WHERE startsWith(replaceAll(toString(event_id), '-', ''), {begins:String})"
)


@dataclass(frozen=True)
class Explanation:
    """An incident, and what its check compared. `baseline`: kind, runs, rows, from and until; None where not kept."""

    incident: Incident
    baseline: Mapping[str, Any] | None
    shapes: Shapes | None

    def lines(self) -> list[str]:
        """For a terminal."""
        incident = self.incident
        since = incident.onset or incident.opened_at
        lines = [
            f"{incident.title}  ({incident.state}, severity {incident.severity:.2f})",
            f"  {incident.explanation}",
            "",
            f"check     {incident.check}, since {since:%Y-%m-%d %H:%M} UTC",
        ]
        lines += [f"gate      {_gate(measure)}" for measure in incident.measures]
        lines += [f"baseline  {_baseline(self.baseline)}"] if self.baseline else []
        if "rule" in incident.evidence:
            lines.append(f"rule      {_plain(incident.evidence['rule'])}")
        if self.shapes is not None:
            lines += ["", *(f"  {line}" for line in text(self.shapes)), ""]
        lines += _root(incident)
        lines += [f"answered  {_model(*model)}" for model in json.loads(incident.evidence.get("models", "[]"))]
        lines += [
            f"reaches   {reach.node.namespace}/{reach.node.name}  {reach.kind}, {_hops(reach.hops)}"
            + (f", {reach.predictions:,} predictions" if reach.predictions else "")
            for reach in incident.reaches
        ]
        lines.append(f"verdicts  {len(incident.verdicts)}, and {len(incident.suppressed)} that the root explains")
        return [printable(line) for line in lines]

    def svg(self) -> str:
        """Both distributions as a picture. Raises NotFound where the alert carries none."""
        if self.shapes is None:
            raise NotFound(f"incident {self.incident.incident_id.hex} compares no distributions")
        return svg(self.shapes, self.incident.title)


def explain(client: Client, begins: str) -> Explanation:
    """The explanation of an incident, by its id or that of one of its alerts, or how either begins.

    Raises NotFound where there is none, SettingsError where it is no id or begins several.
    """
    digits = begins.replace("-", "").lower()
    if not 4 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise SettingsError(f"{begins!r} is no id of an alert or incident, nor how one begins (4 digits at least)")
    everything = incidents(client)
    found = [one for one in everything if one.incident_id.hex.startswith(digits)]
    if not found:
        of_alerts = {uuid.UUID(str(row["incident_id"])) for row in select(client, _OF_ALERT, {"begins": digits})}
        found = [one for one in everything if one.incident_id in of_alerts]
    if not found:
        raise NotFound(f"there is no alert {begins}; `headwater alerts list` shows all incidents")
    if len(found) > 1:
        raise SettingsError(f"{begins} begins {len(found)} ids; give more of it")
    rows = select(client, _LEADING, {"ids": list(found[0].verdicts), "check": found[0].check})
    return Explanation(found[0], rows[0] if rows else None, shapes(found[0].evidence))


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


def _baseline(baseline: Mapping[str, Any]) -> str:
    rows = f", {baseline['rows']:,} rows" if baseline["rows"] else ""
    when = ""
    if baseline["from_time"] is not None and baseline["until_time"] is not None:
        when = f", {baseline['from_time']:%Y-%m-%d} to {baseline['until_time']:%Y-%m-%d}"
    return f"{baseline['kind']}, {baseline['runs']} runs{rows}{when}"


def _root(incident: Incident) -> Sequence[str]:
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


def _plain(text: str) -> str:
    found = json.loads(text)
    return found if isinstance(found, str) else json.dumps(found)
