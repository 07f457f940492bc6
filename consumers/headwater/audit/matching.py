"""Which names hold a part, asked before the question about them: of the history it then reads their rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headwater.audit.rows import CHUNK, select
from headwater.audit.store import Client
from headwater.audit.versions import named

#: How a question says it. A list in its place is looked up; as a subquery it costs several times as much.
HOLDING: Final = (
    "(SELECT namespace, name FROM names "
    "WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0)"
)


def matched(client: Client, sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Statement and parameters with the names in place of what asks for them; as they were where every name is asked
    for, or more than are sent.
    """
    if HOLDING not in sql or not values["name"]:
        return sql, dict(values)
    rows = select(client, f"{HOLDING[1:-1]} GROUP BY namespace, name LIMIT {CHUNK + 1}", {"name": values["name"]})
    if len(rows) > CHUNK:
        return sql, dict(values)
    found = named((row["namespace"], row["name"]) for row in rows)
    sent = {**values, **{f"near_{what}": some for what, some in found.items()}}
    return sql.replace(HOLDING, "arrayZip({near_namespaces:Array(String)}, {near_names:Array(String)})"), sent
