"""Incidents with their root, the path to it, and what they reach, predictions counted from the history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from headwater.audit.model import Incident, Node, Reach, Walk
from headwater.audit.naming import Names, exact, versions_of
from headwater.audit.predictions import ref
from headwater.audit.rows import names, select
from headwater.audit.store import Client
from headwater.audit.walking import walk
from headwater.errors import NotFound, SettingsError

#: Predictions by stream that an incident touches: those of runs that read something reached, those of stream
#: versions that were reached, and, where a prediction names neither, those of a reached stream since the onset.
_PREDICTIONS = """
SELECT stream_namespace AS namespace, stream_name AS name, count() AS found
FROM predictions
WHERE run_id IN {runs:Array(UUID)}
    OR concat(stream_namespace, '\\n', stream_name, '\\n', stream_version) IN {versions:Array(String)}
    OR (isNull(run_id) AND isNull(stream_version) AND event_time >= {since:DateTime64(6, 'UTC')}
        AND concat(stream_namespace, '\\n', stream_name) IN {streams:Array(String)})
GROUP BY namespace, name
"""
_BEGINS = """
SELECT incident_id, max(startsWith(replaceAll(toString(incident_id), '-', ''), {begins:String})) AS own
FROM alerts
WHERE startsWith(replaceAll(toString(incident_id), '-', ''), {begins:String})
    OR startsWith(replaceAll(toString(event_id), '-', ''), {begins:String})
GROUP BY incident_id
"""
STREAM = "prediction_stream"


def incidents(client: Client, incident_id: uuid.UUID | None = None) -> list[Incident]:
    """All incidents, or one; unresolved ones first, then the gravest. Empty where there are none."""
    rows = select(
        client,
        "SELECT * FROM incidents WHERE isNull({id:Nullable(UUID)}) OR incident_id = {id:Nullable(UUID)} "
        "ORDER BY state = 'resolved', isNotNull(suppressed_by), severity DESC, opened_at, incident_id",
        {"id": incident_id},
    )
    return [_incident(client, row) for row in rows]


def incident(client: Client, begins: str) -> Incident:
    """One, by its id or that of one of its alerts, or how either begins (4 hexadecimal digits at least).

    Raises NotFound where there is none, SettingsError where it is no id or begins several.
    """
    digits = begins.replace("-", "").lower()
    if not 4 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise SettingsError(f"{begins!r} is no id of an alert or incident, nor how one begins (4 digits at least)")
    rows = select(client, _BEGINS, {"begins": digits})
    found = [row["incident_id"] for row in rows if row["own"]] or [row["incident_id"] for row in rows]
    if not found:
        raise NotFound(f"there is no alert {begins}; `headwater alerts list` shows all incidents")
    if len(found) > 1:
        raise SettingsError(f"{begins} begins {len(found)} ids; give more of it")
    return incidents(client, found[0])[0]


def _incident(client: Client, row: Mapping[str, Any]) -> Incident:
    onset: datetime | None = row["onset"]
    root = _fields(row["root"])
    stated = root if root is not None and root["kind"] else None
    below = _below(client, _starts(row, stated))
    predictions = _predictions(client, below, onset or row["opened_at"])
    return Incident(
        incident_id=row["incident_id"],
        state=row["state"],
        number=row["number"],
        severity=row["severity"],
        page=row["page"],
        check=row["check"],
        title=row["title"],
        explanation=row["explanation"],
        dataset=Node(row["namespace"], row["name"], row["version"], row["column"]),
        job_namespace=row["job_namespace"],
        job_name=row["job_name"],
        run_id=row["run_id"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        onset=onset,
        root=_root(stated),
        path=tuple(ref(node) for node in stated["path"]) if stated else (),
        reaches=_reaches(row, below, predictions),
        predictions=sum(predictions.values()),
        measures=tuple(_fields(measure) or {} for measure in row["measures"]),
        verdicts=tuple(row["verdicts"]),
        suppressed=tuple(row["suppressed"]),
        suppressed_by=row["suppressed_by"],
        owners=names(row["owners"]),
        evidence=row["evidence"],
        truncated=row["truncated"] or (below is not None and below.truncated),
        truncated_because=row["truncated_because"] or (below.reason if below is not None else ""),
    )


def _fields(value: Any) -> dict[str, Any] | None:
    """A named tuple's fields, as the client gives them."""
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else None


def _root(root: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if root is None:
        return None
    run = root["run_id"]
    raw = run.encode("latin-1") if isinstance(run, str) else run
    return {
        **{name: value for name, value in root.items() if name != "path"},
        "run_id": uuid.UUID(bytes=bytes(raw)) if raw else None,
        "path": tuple(ref(node) for node in root["path"]),
    }


def _starts(row: Mapping[str, Any], root: Mapping[str, Any] | None) -> list[Node]:
    """Where the trouble begins: the versions that the alert's evidence names, else its root, else its dataset."""
    named: list[list[str | None]] = json.loads(row["evidence"].get("versions", "[]"))
    found = [Node(str(namespace), str(name), version) for namespace, name, version in named]
    if not found and root is not None and root["name"]:
        found = [ref(root)]
    if not found and row["name"]:
        found = [Node(row["namespace"], row["name"], row["version"])]
    return found


def _below(client: Client, starts: Sequence[Node]) -> Walk | None:
    """The walk down from the starts that the history has."""
    together = versions_of([node for node in starts if node.version is not None], Names(client))
    there: list[Node] = []
    for node in starts:
        if node.version is not None:
            there += [node] if node in together else []
            continue
        try:
            exact(client, node)
        except NotFound:
            continue
        there.append(node)
    return walk(client, there, "down") if there else None


def _predictions(client: Client, below: Walk | None, since: datetime) -> dict[tuple[str, str], int]:
    """Predictions touched, by stream."""
    if below is None:
        return {}
    streams = [item.node for item in below.nodes if item.kind == STREAM]
    rows = select(
        client,
        _PREDICTIONS,
        {
            "runs": sorted({edge.run_id for edge in below.edges if edge.run_id is not None}),
            "versions": [f"{node.namespace}\n{node.name}\n{node.version}" for node in streams if node.version],
            "streams": sorted({f"{node.namespace}\n{node.name}" for node in streams}),
            "since": since,
        },
    )
    return {(row["namespace"], row["name"]): int(row["found"]) for row in rows}


def _reaches(
    row: Mapping[str, Any], below: Walk | None, predictions: Mapping[tuple[str, str], int]
) -> tuple[Reach, ...]:
    """What the alert names, one node a dataset; where it names nothing, what the history finds."""
    told = [(ref(item), str(item["kind"]), int(item["hops"]), names(item["owners"])) for item in row["reaches"]]
    if not told and below is not None:
        nearest: dict[tuple[str, str], tuple[Node, str, int, tuple[str, ...]]] = {}
        for item in below.nodes:
            if item.depth:
                place = (item.node.namespace, item.node.name)
                nearest.setdefault(place, (item.node, item.kind, item.depth, ()))
        told = list(nearest.values())
    return tuple(
        Reach(node, kind, hops, predictions.get((node.namespace, node.name), 0) if kind == STREAM else None, owners)
        for node, kind, hops, owners in told
    )
