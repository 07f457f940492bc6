"""What an export says is missing, from what the history knows of its own gaps."""

from __future__ import annotations

from typing import Any, Final

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.export.scope import Scope
from headwater.export.tables import TABLES

_TABLES: Final = {table.name: table for table in TABLES}
#: Named one by one at most; all are in the tables.
_MOST: Final = 100


def gaps(client: Client, found: Scope) -> dict[str, Any]:
    """Missing messages by producer, how producers ended, what could not be read, versions that nobody is known to
    have written, event ids with more than one content.
    """
    missing = _rows(client, found, "producer_gaps", "producer_id, service, first_missing, last_missing, missing, ended")
    producers = _rows(client, found, "producers", "producer_id, service, ended, drops")
    unwritten = _rows(client, found, "dataset_versions", "namespace, name, version, written_at")
    clocks = found.clocks
    ranged = "event_time >= {since:DateTime64(6, 'UTC')} AND event_time < {until:DateTime64(6, 'UTC')}"
    [letters] = select(
        client,
        f"SELECT count() AS found FROM {clocks.view('dead_letters')} WHERE "
        + (ranged if found.kind == "time" else "true"),
        found.values(),
    )
    return {
        "missing_messages": sum(row["missing"] for row in missing),
        "missing": missing[:_MOST],
        "producers": len(producers),
        "producers_without_end": sorted({row["service"] for row in producers if row["ended"] != "closed"}),
        "dropped_by_producers": {
            str(row["producer_id"]): row["drops"] for row in producers if row["drops"]
        },
        "dead_letters_in_history": letters["found"],
        "conflicting_events": len(_rows(client, found, "conflicts", "event_id")),
        "versions_without_writer": [
            f"{row['namespace']}/{row['name']}@{row['version']}" for row in unwritten if row["written_at"] is None
        ][:_MOST],
    }  # fmt: skip


def _rows(client: Client, found: Scope, name: str, columns: str) -> list[dict[str, Any]]:
    table = _TABLES[name]
    return select(
        client, f"SELECT {columns} FROM ({table.statement(found)}) ORDER BY {table.order}", found.values()
    )  # fmt: skip
