"""The tables of infra/README.md, written from a live schema."""

from __future__ import annotations

from typing import Any

from headwater.audit.store import Client

BEGIN, END = "<!-- tables: held against the live schema by a test -->", "<!-- end of tables -->"
_TABLES = (
    "SELECT name, engine, comment, sorting_key FROM system.tables WHERE database = {database:String} "
    "AND engine NOT IN ('MaterializedView', 'Null') AND NOT startsWith(name, 'migrations_') ORDER BY name"
)
_COLUMNS = "SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY table, position"
#: Parameterised views have no columns in the catalogue.
_WALKS = (
    "namespace String, name String, version Nullable(String), kind String, depth UInt32, truncated Bool, key UInt64"
)


def tables(client: Client, database: str) -> str:
    """Views and tables with their columns, as Markdown between BEGIN and END."""
    columns: dict[str, list[str]] = {}
    for table, name, kind in _rows(client, _COLUMNS, database):
        columns.setdefault(table, []).append(f"{name} {_short(kind)}")
    found = _rows(client, _TABLES, database)
    lines = [BEGIN, "", "| view | what | columns |", "|---|---|---|"]
    for name, engine, comment, _ in found:
        if engine == "View":
            lines.append(f"| `{name}` | {comment} | {', '.join(columns.get(name, [_WALKS]))} |")
    lines += ["", "| table | what | sorted by | columns |", "|---|---|---|---|"]
    for name, engine, comment, key in found:
        if engine != "View":
            lines.append(f"| `{name}` | {comment} | {key} | {', '.join(columns[name])} |")
    return "\n".join([*lines, "", END])


def _rows(client: Client, sql: str, database: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(sql, parameters={"database": database}).result_rows]


def _short(kind: str) -> str:
    """A type; of a tuple only that it is one, its fields are those of the contract."""
    flat = " ".join(kind.split())
    start = flat.find("Tuple(")
    if start < 0:
        return flat
    depth, end = 0, start
    for end in range(start + 5, len(flat)):
        depth += {"(": 1, ")": -1}.get(flat[end], 0)
        if depth == 0:
            break
    return f"{flat[:start]}Tuple(…){flat[end + 1 :]}"
