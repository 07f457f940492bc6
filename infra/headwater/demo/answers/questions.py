"""Three audit questions about what the demo did, with the SQL that answers each as it can be typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.audit import Answer, ask
from headwater.audit.model import plain, show_time
from headwater.audit.rows import select, table
from headwater.audit.store import Client
from headwater.demo.answers.told import Told
from headwater.demo.catalog import FEEDS, MODEL, MODELS

_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")

#: Of which versions a model is made, and how many of them a check alarmed.
_MADE_OF_ALARMED = """SELECT
    u.namespace AS namespace,
    u.name AS name,
    count() AS versions,
    min(u.version) AS first,
    max(u.version) AS last,
    countIf(a.alarmed = 1) AS alarmed
FROM upstream(
    namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = 30
) AS u
LEFT JOIN
(
    SELECT DISTINCT namespace, name, version, 1 AS alarmed
    FROM verdicts
    WHERE outcome = 'alarm' AND `check` = 'drift' AND `column` = {column:String}
) AS a ON a.namespace = u.namespace AND a.name = u.name AND a.version = u.version
GROUP BY namespace, name
ORDER BY min(u.depth), namespace, name"""


@dataclass(frozen=True)
class Asked:
    """A question, the statement as it can be typed, and what it gave."""

    question: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def asked(client: Client, incident: Told | None) -> list[Asked]:
    """Whom the first drifted delivery reached, who read it, and whether the newest model rests on any."""
    namespace, name = incident.dataset.split("/", 1) if incident else (FEEDS, "flights")
    version = _first(client, namespace, name, incident.days if incident else ())
    model = _newest_model(client)
    column = incident.column if incident else ""
    made = {"namespace": MODELS, "name": MODEL, "version": model, "column": column}
    columns, rows = table(client, _MADE_OF_ALARMED, made)
    what = f"{namespace}/{name}@{version}"
    drifted = f" whose {column} drifted" if column else " that a drift check alarmed"
    return [
        _typed(f"What was made of {what}?", ask(client, "reaches", namespace=namespace, name=name, version=version)),
        _typed(f"Who read {what}?", ask(client, "who_read", namespace=namespace, name=name, version=version)),
        _typed(
            f"Does {MODELS}/{MODEL}@{model}, the newest model, rest on data{drifted}?",
            Answer("", columns, tuple(rows), _MADE_OF_ALARMED, made),
        ),
    ]


def _typed(question: str, answer: Answer) -> Asked:
    """With the values in the statement, and rows as JSON holds them."""
    rows = tuple(tuple(plain(value) for value in row) for row in answer.rows)
    return Asked(question, literal(answer.sql, answer.parameters), answer.columns, rows)


def literal(sql: str, parameters: Mapping[str, Any]) -> str:
    """The statement with its parameters written out, so that it can be pasted into any SQL prompt."""
    return _PARAMETER.sub(lambda match: _literal(parameters[match[1]], match[2]), sql)


def _literal(value: object, kind: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"parseDateTime64BestEffort('{show_time(value)}', 6, 'UTC')"
    if isinstance(value, int):
        return str(value)
    quoted = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'" if "DateTime" not in kind else f"parseDateTime64BestEffort('{quoted}', 6, 'UTC')"


def _first(client: Client, namespace: str, name: str, days: tuple[str, ...]) -> str:
    """The version of the first of those days; of the last day where none is named."""
    rows = select(
        client,
        "SELECT version FROM uses WHERE namespace = {namespace:String} AND name = {name:String} AND isNotNull(version) "
        "AND (empty({days:Array(String)}) OR has(partitions, concat('day=', {days:Array(String)}[1]))) "
        "ORDER BY event_time DESC LIMIT 1",
        {"namespace": namespace, "name": name, "days": list(days)},
    )
    return str(rows[0]["version"]) if rows else ""


def _newest_model(client: Client) -> str:
    rows = select(
        client,
        "SELECT version FROM uses WHERE namespace = {namespace:String} AND name = {name:String} AND access = 'write' "
        "AND isNotNull(version) ORDER BY event_time DESC LIMIT 1",
        {"namespace": MODELS, "name": MODEL},
    )
    return str(rows[0]["version"]) if rows else ""
