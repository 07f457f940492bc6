"""What will serve: the derived rows, in the form and with the arrivals of the rows that serve now where they say
the same.

The stream tells an edge that one chunk makes known and withdraws in one row, else in two; both say the same, so a
rebuild that changes nothing changes no row. Where an event is not among those that were read again (it came later,
or the archive never had it), nothing can be said against the rows that name it, and they stay.
"""

from __future__ import annotations

from collections.abc import Callable

from headwater.audit.rows import select
from headwater.rebuild.work_tables import DERIVED, EVENTS, MIRROR, MIRRORED, NODES, UNJUDGED, VERSIONED, Work, new, raw

#: Rows of one slice, about: what one statement holds in memory.
SLICE_ROWS = 3_000_000
_NONE = "toUUID('00000000-0000-0000-0000-000000000000')"
_SETTINGS = (
    "SETTINGS max_bytes_before_external_group_by = 500000000, max_bytes_ratio_before_external_group_by = 0, "
    "max_insert_threads = 1, max_threads = 2"
)


def slices(work: Work) -> int:
    """Into how many parts the rows are cut."""
    sums = " + ".join(f"(SELECT count() FROM {work.name(name)})" for table in DERIVED for name in (table, raw(table)))
    return 1 + int(select(work.client, f"SELECT {sums} AS n")[0]["n"]) // SLICE_ROWS


def find_unjudged(work: Work, parts: int) -> int:
    """Note the events that rows name and that were not read again; how many they are."""
    for table in DERIVED:
        for part in range(parts):
            named = f"SELECT arrayJoin([known_by, withdrawn_by]) AS id FROM {work.name(table)}"
            read = f"SELECT event_id FROM {work.name(EVENTS)} WHERE sipHash64(event_id) % {parts} = {part}"
            work.do(
                f"INSERT INTO {work.name(UNJUDGED)} SELECT DISTINCT id FROM ({named}) "
                f"WHERE id != {_NONE} AND sipHash64(id) % {parts} = {part} AND id NOT IN ({read}) {_SETTINGS}"
            )
    return int(select(work.client, f"SELECT uniqExact(id) AS n FROM {work.name(UNJUDGED)}")[0]["n"])


def merge(work: Work, parts: int, told: Callable[[str], None]) -> None:
    """Fill the new tables."""
    for table in DERIVED:
        for part in range(parts):
            work.do(merged(work, table, parts, part))
        told(table)
    for table in MIRRORED:
        work.do(
            f"INSERT INTO {work.name(new(MIRROR))} (source, target, target_dataset, unversioned) "
            "SELECT DISTINCT source, target, target_dataset, source = source_dataset "
            f"FROM {work.name(new(table))} WHERE source != 0 AND target != 0 {_SETTINGS}"
        )
    told(MIRROR)


def keep_nodes(work: Work) -> None:
    """Let the nodes that only the derived edges name be known."""
    columns = ", ".join(work.columns(NODES))
    work.do(
        f"INSERT INTO {work.name(NODES)} ({columns}) SELECT {columns} FROM {work.name(raw(NODES))} "
        f"WHERE key NOT IN (SELECT key FROM {work.name(NODES)})"
    )


def merged(work: Work, table: str, parts: int, part: int) -> str:
    """The statement that fills one part of a new table."""
    edge = [column for column in work.columns(table) if column not in VERSIONED]
    names = ", ".join(edge)
    versioned = ", ".join(VERSIONED)
    here = f"sipHash64(known_by) % {parts} = {part}"
    doubtful = f"(SELECT id FROM {work.name(UNJUDGED)})"
    # A version of an edge: what withdrew it (1), known_at, withdrawn_at, precedence, and whether it stays
    # whatever was derived (5).
    version = "(withdrawn_by, known_at, withdrawn_at, precedence, stays)"
    there = (
        f"SELECT {names}, {versioned}, known_by IN {doubtful} OR withdrawn_by IN {doubtful} AS stays, 1 AS side "
        f"FROM {work.name(table)} FINAL WHERE {here}"
    )
    derived = f"SELECT {names}, {versioned}, false AS stays, 2 AS side FROM {work.name(raw(table))} FINAL WHERE {here}"
    return (
        f"INSERT INTO {work.name(new(table))} ({names}, {versioned}) "
        f"SELECT {names}, v.2, v.1, v.3, v.4 FROM (SELECT {names}, "
        f"groupArrayIf({version}, side = 1) AS there, groupArrayIf({version}, side = 2) AS derived, "
        "arrayMap(d -> d.1, derived) AS ends, "
        # Of what serves: what was derived too. Known without an end is what a chunk said before the one with its end.
        f"arrayFilter(t -> t.5 OR has(ends, t.1) OR (t.1 = {_NONE} AND notEmpty(derived)), there) AS kept, "
        # Of what was derived: what is not there. A row without an end says nothing more where one with its end is.
        f"arrayFilter(d -> NOT arrayExists(t -> t.1 = d.1, kept) "
        f"AND NOT (d.1 = {_NONE} AND notEmpty(kept)), derived) AS added "
        f"FROM ({there} UNION ALL {derived}) GROUP BY {names}) ARRAY JOIN arrayConcat(kept, added) AS v {_SETTINGS}"
    )
