"""What lies some levels on from a set of nodes, found by key alone in one statement.

More than the walk itself will see: neither clocks nor withdrawals nor names are looked at here. What it saves is a
statement a level: a level here costs about 4 ms of the store, a statement of its own 20 to 30 for its planning.
"""

from __future__ import annotations

from typing import Final

from headwater.audit.rows import NotDone, chunks, select
from headwater.audit.store import Client

#: Levels of one statement: the engine stops a recursion at 1,000.
LEVELS: Final = 200


def beyond(client: Client, table: str, keys: set[int], levels: int, most: int) -> set[int]:
    """Keys that up to so many levels reach, of about `most` nodes; the first ones are left out.

    `table`: of edges by their target, walking up, or by their source, walking down.

    An edge whose read named no version is not followed: what it stands for is for the history to resolve. On an engine
    that cannot look up a join's rows by key (ClickHouse before 25.12, a Distributed table), nothing.
    """
    if levels < 1:
        return set()
    up = table.endswith("_by_target")
    # Walking down, reads that named no version are looked up by the dataset, each node's own.
    side, ends = ("target", "[e.source]") if up else ("source", "[e.target, e.target_dataset]")
    versioned = "e.source != e.source_dataset" if up else "NOT e.unversioned"
    sql = (
        "WITH RECURSIVE walked AS ("
        "SELECT {keys:Array(UInt64)} AS fresh, {keys:Array(UInt64)} AS seen, toUInt32(0) AS depth UNION ALL "
        "SELECT fresh, arrayConcat(before, fresh) AS seen, before_depth + 1 AS depth FROM ("
        f"SELECT arrayExcept(groupUniqArrayArrayIf({ends}, {versioned}), "
        "arrayPushBack(any(s.seen), 0)) AS fresh, any(s.seen) AS before, any(s.depth) AS before_depth FROM ("
        "SELECT arrayJoin(fresh) AS node, seen, depth FROM walked "
        "WHERE depth < {levels:UInt32} AND length(seen) < {most:UInt32}"
        f") AS s INNER JOIN {table} AS e ON e.{side} = s.node HAVING notEmpty(fresh)"
        ")) SELECT arrayJoin(fresh) AS key FROM walked WHERE depth > 0 SETTINGS join_algorithm = 'direct'"
    )
    found: set[int] = set()
    for some in chunks(sorted(keys)):
        try:
            rows = select(client, sql, {"keys": some, "levels": min(levels, LEVELS), "most": most})
        except NotDone:
            return set()
        found |= {row["key"] for row in rows}
    return found
