"""Incidents with their root, the path to it, and what they reach, predictions counted from the history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from headwater.audit.model import Incident, Node, Reach
from headwater.audit.predictions import ref
from headwater.audit.rows import names, select
from headwater.audit.store import Client
from headwater.audit.walking import walk
from headwater.errors import NotFound

#: Kinds of nodes that predictions are counted for, and by which columns of the view predictions.
_COUNTED = {"prediction_stream": "stream", "deployment": "deployment", "model": "model"}


def incidents(client: Client, incident_id: uuid.UUID | None = None) -> list[Incident]:
    """All incidents, or one; unresolved ones first, then the gravest. Empty where there are none."""
    rows = select(
        client,
        "SELECT * FROM incidents WHERE isNull({id:Nullable(UUID)}) OR incident_id = {id:Nullable(UUID)} "
        "ORDER BY state = 'resolved', isNotNull(suppressed_by), severity DESC, opened_at, incident_id",
        {"id": incident_id},
    )
    return [_incident(client, row) for row in rows]


def _incident(client: Client, row: Mapping[str, Any]) -> Incident:
    onset: datetime | None = row["onset"]
    root = _fields(row["root"])
    stated = root if root is not None and root["kind"] else None
    reaches = _reaches(client, row, stated, onset or row["opened_at"])
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
        reaches=reaches,
        predictions=_count_together(client, reaches, onset or row["opened_at"]),
        measures=tuple(_fields(measure) or {} for measure in row["measures"]),
        verdicts=tuple(row["verdicts"]),
        suppressed=tuple(row["suppressed"]),
        suppressed_by=row["suppressed_by"],
        owners=names(row["owners"]),
        evidence=row["evidence"],
        truncated=row["truncated"],
        truncated_because=row["truncated_because"] or "",
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


def _reaches(
    client: Client, row: Mapping[str, Any], root: Mapping[str, Any] | None, since: datetime
) -> tuple[Reach, ...]:
    """What the alert names; where it names nothing, what the history finds below the root."""
    told = [(ref(item), str(item["kind"]), int(item["hops"]), names(item["owners"])) for item in row["reaches"]]
    if not told and row["name"]:
        origin = Node(row["namespace"], row["name"], row["version"])
        if root is not None and root["name"]:
            origin = Node(root["namespace"], root["name"], root["version"])
        try:
            found = walk(client, origin, "down")
        except NotFound:
            return ()
        told = [(node.node, node.kind, node.depth, ()) for node in found.nodes if node.depth]
    return tuple(
        Reach(node, kind, hops, _count(client, node, kind, since) if kind in _COUNTED else None, owners)
        for node, kind, hops, owners in told
    )


def _count(client: Client, node: Node, kind: str, since: datetime) -> int:
    return _predictions(client, [(node, kind)], since)


def _count_together(client: Client, reaches: Sequence[Reach], since: datetime) -> int:
    """Predictions of all that is reached, each counted once."""
    counted = [(reach.node, reach.kind) for reach in reaches if reach.kind in _COUNTED]
    return _predictions(client, counted, since) if counted else 0


def _predictions(client: Client, nodes: Sequence[tuple[Node, str]], since: datetime) -> int:
    parameters: dict[str, object] = {"since": since}
    parts: list[str] = []
    for column in dict.fromkeys(_COUNTED[kind] for _, kind in nodes):
        wanted = [node for node, kind in nodes if _COUNTED[kind] == column]
        parameters[f"{column}_names"] = [f"{node.namespace}\n{node.name}\n{node.version or ''}" for node in wanted]
        parameters[f"{column}_open"] = [f"{node.namespace}\n{node.name}" for node in wanted if node.version is None]
        name = f"concat({column}_namespace, '\\n', {column}_name)"
        parts.append(
            f"(concat({name}, '\\n', ifNull({column}_version, '')) IN {{{column}_names:Array(String)}} "
            f"OR {name} IN {{{column}_open:Array(String)}})"
        )
    sql = (
        "SELECT count() AS found FROM predictions WHERE event_time >= {since:DateTime64(6, 'UTC')} AND ("
        + " OR ".join(parts)
        + ")"
    )
    return int(select(client, sql, parameters)[0]["found"])
