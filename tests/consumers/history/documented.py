"""The tables of infra/README.md, written from a live schema."""

from __future__ import annotations

import re
from typing import Any

from headwater.audit.store import Client

BEGIN, END = "<!-- tables: held against the live schema by a test -->", "<!-- end of tables -->"
_TABLES = (
    "SELECT name, engine, comment, if(engine = 'Dictionary', 'looked up by its first column', sorting_key) AS key, "
    "create_table_query FROM system.tables "
    "WHERE database = {database:String} "
    "AND engine NOT IN ('MaterializedView', 'Null') AND NOT startsWith(name, 'migrations_') ORDER BY name"
)
_COLUMNS = "SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY table, position"
#: What a parameterised view takes is said in its statement alone, and its columns in the answer to that.
_PARAMETERS = re.compile(r"\{(\w+):\s*((?:[^{}])+?)\}")
_VALUES = {"DateTime64(6, 'UTC')": "toDateTime64(0, 6, 'UTC')", "UInt32": "1", "String": "''", "Nullable(String)": "''"}


def tables(client: Client, database: str) -> str:
    """Views and tables with their columns, as Markdown between BEGIN and END."""
    columns: dict[str, list[str]] = {}
    for table, name, kind in _rows(client, _COLUMNS, database):
        columns.setdefault(table, []).append(f"{name} {_short(kind)}")
    found = _rows(client, _TABLES, database)
    lines = [BEGIN, "", "| view | what | columns |", "|---|---|---|"]
    for name, engine, comment, _, statement in found:
        if engine == "View":
            listed = columns.get(name) or _asked(client, database, name, statement)
            plain = name.removesuffix("_at")
            same = plain != name and listed == columns.get(plain)
            lines.append(f"| `{name}` | {comment} | {f'as `{plain}`' if same else ', '.join(listed)} |")
    lines += ["", "| table | what | sorted by | columns |", "|---|---|---|---|"]
    for name, engine, comment, key, _ in found:
        if engine != "View":
            lines.append(f"| `{name}` | {comment} | {key} | {', '.join(columns[name])} |")
    return "\n".join([*lines, "", END])


def _asked(client: Client, database: str, view: str, statement: str) -> list[str]:
    """Columns of a parameterised view, as an answer of it has them."""
    taken = dict(_PARAMETERS.findall(statement))
    values = ", ".join(f"{name} = {_VALUES[kind]}" for name, kind in taken.items())
    result = client.query(f"DESCRIBE (SELECT * FROM {database}.{view}({values}))")
    return [f"{row[0]} {_short(row[1])}" for row in result.result_rows]


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
