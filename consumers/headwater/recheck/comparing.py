"""Compares every table of two histories, by a digest of each row."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import StateError, Unavailable
from headwater.recheck.deriving import derive
from headwater.recheck.differing import MOST, Difference, Table, differences

#: What is not derived from messages: what was migrated, archived, exported, and the schemas by which bodies are read.
_NOT_DERIVED: Final = ("migrations", "ledger", "checkpoints", "schemas")
_TABLES: Final = (
    "SELECT t.name AS name, t.sorting_key AS sorting_key, c.names AS columns, c.types AS types FROM system.tables AS t "
    "INNER JOIN (SELECT table, groupArray(name) AS names, groupArray(type) AS types FROM (SELECT * FROM system.columns "
    "WHERE database = {database:String} ORDER BY table, position) GROUP BY table) AS c ON c.table = t.name "
    "WHERE t.database = {database:String} AND t.engine LIKE '%MergeTree' AND t.name NOT IN {out:Array(String)} "
    "AND NOT startsWith(t.name, 'rebuild_') ORDER BY t.name"
)
_PIECE: Final = 4 << 20
_DIGEST: Final = 16

Progress = Callable[[str], None]
Digests = npt.NDArray[np.uint64]


@dataclass
class Columns:
    """What a check of columns and derived tables says. `found` counts all differences, `findings` holds the first of
    each table; `unreadable`: bodies that could not be archived again.
    """

    messages: int = 0
    unreadable: int = 0
    rows: int = 0
    tables: int = 0
    found: int = 0
    findings: list[Difference] = field(default_factory=list[Difference])
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether every row says what the bytes say."""
        return self.found == 0 and self.unreadable == 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        findings = [{**asdict(one), "text": str(one)} for one in self.findings]
        return {**asdict(self), "findings": findings, "whole": self.whole}


def recheck(client: Client, scratch: Client, progress: Progress = lambda _what: None) -> Columns:
    """Archive all bodies again into `scratch`, a migrated and empty history, and compare.

    The scratch history takes about as much room as the other. Rows that come meanwhile are left out where their table
    says when they arrived, so check while the archive stands still, or what is new is told as added. Raises StateError
    where scratch is not empty or one of them is not as this version needs it.
    """
    began = time.monotonic()
    tables = _tables(scratch)
    if any(select(scratch, f"SELECT 1 FROM {table.name} LIMIT 1") for table in tables):
        raise StateError(f"{scratch.database} is not empty: the check wants a history of its own")
    derived = derive(client, scratch, lambda done: progress(f"{done:,} messages archived again"))
    report = Columns(derived.messages, derived.unreadable, tables=len(tables))
    for table in tables:
        progress(f"comparing {table.name}")
        theirs, ours = _digests(client, table), _digests(scratch, table)
        report.rows += len(theirs)
        added, missing = _apart(theirs, ours)
        if len(added) or len(missing):
            found, told = differences(client, scratch, table, added, missing)
            report.found += found
            report.findings += told[:MOST]
    report.seconds = time.monotonic() - began
    return report


def _tables(scratch: Client) -> list[Table]:
    rows = select(scratch, _TABLES, {"database": scratch.database, "out": list(_NOT_DERIVED)})
    if not rows:
        raise StateError(f"{scratch.database} has no tables: the check wants a migrated history")
    return [
        Table(row["name"], row["sorting_key"], tuple(zip(row["columns"], row["types"], strict=True))) for row in rows
    ]


def _digests(client: Client, table: Table) -> Digests:
    """The digest of each row, two numbers each."""
    sql = f"SELECT toFixedString({table.digest}, {_DIGEST}) FROM {table.name} FINAL"
    stream = client.raw_stream(sql, fmt="RowBinary")
    try:
        parts: list[bytes] = []
        while piece := stream.read(_PIECE):
            parts.append(piece)
    finally:
        stream.close()
    whole = b"".join(parts)
    if len(whole) % _DIGEST:
        raise Unavailable(f"the store ended in the middle of a row of {table.name}")
    return np.frombuffer(whole, np.uint64).reshape(-1, 2)


def _apart(theirs: Digests, ours: Digests) -> tuple[list[bytes], list[bytes]]:
    """The digests that stand in one of the two only (or there more often), in order."""
    both = np.concatenate([theirs, ours])
    if not len(both):
        return [], []
    sign = np.repeat([1, -1], [len(theirs), len(ours)])
    order = np.lexsort((both[:, 1], both[:, 0]))
    both, sign = both[order], sign[order]
    first = np.ones(len(both), np.bool_)
    first[1:] = (both[1:] != both[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(sign, starts)
    return (
        [both[place].tobytes() for place in starts[sums > 0]],
        [both[place].tobytes() for place in starts[sums < 0]],
    )
