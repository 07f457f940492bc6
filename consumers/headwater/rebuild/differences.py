"""How what will serve differs from what serves: edges that appear, disappear, or are named by other events."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.audit.rows import select
from headwater.rebuild.work_tables import LINKS, NODES, VERSIONED, Work, new, raw

#: Examples of each kind that a summary shows.
EXAMPLES = 5
_NONE = "toUUID('00000000-0000-0000-0000-000000000000')"


@dataclass(frozen=True)
class Difference:
    """Of one table: edges that stand before and after, and what differs. `renamed`: stand in both, made known by
    other events. Examples in words.
    """

    table: str
    before: int
    after: int
    appear: int
    disappear: int
    renamed: int
    appearing: list[str] = field(default_factory=list[str])
    disappearing: list[str] = field(default_factory=list[str])

    @property
    def none(self) -> bool:
        """Whether nothing differs."""
        return not (self.appear or self.disappear or self.renamed)


def difference(work: Work, table: str, parts: int) -> Difference:
    """Compare a table with its new one, part after part."""
    sums = dict.fromkeys(("before", "after", "appear", "disappear", "renamed"), 0)
    appearing: list[str] = []
    disappearing: list[str] = []
    for part in range(parts):
        row = select(
            work.client,
            "SELECT countIf(notEmpty(o)) AS before, countIf(notEmpty(n)) AS after, "
            "countIf(empty(o) AND notEmpty(n)) AS appear, countIf(notEmpty(o) AND empty(n)) AS disappear, "
            "countIf(notEmpty(o) AND notEmpty(n) AND o != n) AS renamed "
            f"FROM ({_standing(work, table, parts, part)})",
        )[0]
        for name in sums:
            sums[name] += int(row[name])
        appearing += _examples(work, table, parts, part, "empty(o) AND notEmpty(n)", EXAMPLES - len(appearing))
        disappearing += _examples(work, table, parts, part, "notEmpty(o) AND empty(n)", EXAMPLES - len(disappearing))
    return Difference(table, **sums, appearing=appearing, disappearing=disappearing)


def _edge(work: Work, table: str) -> list[str]:
    return [column for column in work.columns(table) if column not in (*VERSIONED, "known_by")]


def _standing(work: Work, table: str, parts: int, part: int) -> str:
    """Each edge with the events by which it stands, before (o) and after (n)."""
    edge = ", ".join(_edge(work, table))
    stands = f"max(withdrawn_by != {_NONE}) = 0"
    whole = " UNION ALL ".join(
        f"SELECT {edge}, known_by, {side} AS side, {stands} AS stands FROM {work.name(name)} "
        f"WHERE sipHash64(run_id) % {parts} = {part} GROUP BY {edge}, known_by"
        for side, name in ((1, table), (2, new(table)))
    )
    return (
        f"SELECT {edge}, arraySort(groupUniqArrayIf(known_by, side = 1 AND stands)) AS o, "
        f"arraySort(groupUniqArrayIf(known_by, side = 2 AND stands)) AS n FROM ({whole}) GROUP BY {edge}"
    )


def _examples(work: Work, table: str, parts: int, part: int, which: str, count: int) -> list[str]:
    if count <= 0:
        return []
    rows = select(work.client, f"SELECT * FROM ({_standing(work, table, parts, part)}) WHERE {which} LIMIT {count}")
    if table == LINKS:
        return [f"{row['kind']} of run {row['run_id']}: {row['other_run_id']} {row['topic']}".rstrip() for row in rows]
    keys = sorted({row[end] for row in rows for end in ("source", "target")})
    named = {0: "(nothing)", **_names(work, keys)}
    return [
        f"{named.get(row['source'], row['source'])}{_column(row.get('source_column'))} → "
        f"{named.get(row['target'], row['target'])}{_column(row.get('target_column'))} by {row['job_name'] or '-'}"
        for row in rows
    ]


def _column(name: object) -> str:
    return "" if name is None else f".{name}"


def _names(work: Work, keys: list[int]) -> dict[int, str]:
    rows = select(
        work.client,
        f"SELECT DISTINCT key, namespace, name, version FROM (SELECT *, key FROM {work.name(NODES)} UNION ALL "
        f"SELECT *, key FROM {work.name(raw(NODES))}) WHERE key IN {{keys:Array(UInt64)}}",
        {"keys": keys},
    )
    return {
        row["key"]: f"{row['namespace']}/{row['name']}" + (f"@{row['version']}" if row["version"] else "")
        for row in rows
    }
