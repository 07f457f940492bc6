"""An incident as its newest message tells it, for a worker that starts or takes over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.detection.incidents.causes import Cause
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.incident import Acknowledged, Incident
from headwater.detection.incidents.timelines import Key
from headwater.detection.incidents.walks import Place

_OF_VERDICT = (
    "check", "namespace", "name", "version", "column", "job_namespace", "job_name", "rule", "run_id", "event_time",
    "severity", "onset", "evidence",
)  # fmt: skip


def restore(alert: Mapping[str, Any]) -> Incident:
    """The incident behind a message of `lineage.alerts`. Raises KeyError or ValueError for a message not of ours."""
    evidence = alert["evidence"]
    namespace, name, version, column = json.loads(evidence["root"])
    leading = {field: alert[field] for field in _OF_VERDICT} | {
        "event_id": alert["verdicts"][0] if alert["verdicts"] else alert["event_id"],
        "gates": alert["measures"],
        "explanation": json.loads(evidence["verdict"]),
    }
    root = Place(Node(namespace, name, version), column)
    incident = Incident(alert["incident_id"], root, alert["onset"], _causes(alert), leading)
    for *key, first, last in json.loads(evidence["members"]):
        incident.remember(Key(*key), first, last)
    incident.bad = {Node(*item) for item in json.loads(evidence["versions"])}
    incident.verdicts = dict.fromkeys(alert["verdicts"])
    incident.suppressed = dict.fromkeys(alert["suppressed"])
    incident.severity, incident.last_seen = alert["severity"], alert["last_seen"]
    incident.number, incident.state, incident.told_at = alert["number"], alert["state"], alert["emit_time"]
    incident.changed = False
    incident.withdrawn = alert["state"] == "resolved" and not incident.members
    incident.resolved_at = alert["event_time"] if alert["state"] == "resolved" else None
    incident.suppressed_by = alert["suppressed_by"]
    incident.unstitched = "unstitched" in evidence
    incident.explains = {bytes.fromhex(one): None for one in json.loads(evidence.get("explains", "[]"))}
    reached: frozenset[tuple[str | None, ...]] = frozenset((it["namespace"], it["name"]) for it in alert["reaches"])
    incident.told_reach = reached | {tuple(model[:3]) for model in json.loads(evidence.get("models", "[]"))}
    if "acknowledged_by" in evidence:
        more = json.loads(evidence["acknowledged"])
        who = json.loads(evidence["acknowledged_by"])
        incident.acknowledged = Acknowledged(who, more["reason"], more["at"], more["severity"])
    incident.told_predictions = sum(item["predictions"] or 0 for item in alert["reaches"])
    return incident


def _causes(alert: Mapping[str, Any]) -> list[Cause]:
    """The causes that it tells, so that the next message can tell them too."""
    return [
        Cause(
            kind=cause["kind"],
            place=Place(Node(cause["namespace"], cause["name"], cause["version"]), cause["column"]),
            score=cause["score"],
            effect=cause["score"],
            covered=1,
            path=tuple(Node(node["namespace"], node["name"], node["version"]) for node in cause["path"]),
            job=(cause["job_namespace"], cause["job_name"]),
            run_id=cause["run_id"],
            told=cause["explanation"],
        )
        for cause in alert["causes"]
    ]
