"""Which messages of a chunk take the compiled path, and which the plain one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from headwater.stitching.facts import Facts
from headwater.stitching.folding import Folded, read
from headwater.stitching.runs import Runs
from headwater.stitching.writers import Writers

#: Rows of a key in a chunk: one, or several in order of arrival.
Rows = int | list[int]


@dataclass(frozen=True)
class Plain:
    """A message for the plain path: its row, its writer schema's number, what it says."""

    row: int
    number: int
    facts: Facts


#: Messages for the plain path by the key that their state has.
Rest = dict[bytes, list[Plain]]


def set_apart(
    by_schema: list[tuple[int, dict[bytes, Rows]]], runs: Runs, writers: Writers, values: list[bytes]
) -> Rest:
    """Take out of the rows by key what cannot take the compiled path: runs of several schemas, and others."""
    rest: Rest = {}
    for number, rows_of in by_schema:
        apart: set[bytes] = {b""} & rows_of.keys()
        if writers.programs[number] is None:
            apart = set(rows_of)
        for other, others in by_schema:
            if other != number or others is not rows_of:
                apart |= rows_of.keys() & others.keys()
        take(rows_of, apart | (rest.keys() & rows_of.keys()), number, rest, writers, values)
    if len(writers.programs) > 1 or runs.folded:
        for number, rows_of in by_schema:
            kept = ((key, runs.kept.get(key)) for key in rows_of)
            odd = {key for key, run in kept if run is not None and (isinstance(run, Folded) or run[2] != number)}
            take(rows_of, odd, number, rest, writers, values)
    if rest:
        for number, rows_of in by_schema:
            take(rows_of, rest.keys() & rows_of.keys(), number, rest, writers, values)
    return rest


def take(
    rows_of: dict[bytes, Rows], keys: set[bytes], number: int, rest: Rest, writers: Writers, values: list[bytes]
) -> None:
    """Take the rows of these keys over to the plain path."""
    for key in keys:
        rows = rows_of.pop(key)
        for row in [rows] if isinstance(rows, int) else rows:
            facts = read(writers.schemas[number], values[row])
            rest.setdefault(_state_key(key, facts), []).append(Plain(row, number, facts))


def _state_key(key: bytes, facts: Facts) -> bytes:
    """What the state of a message for the plain path goes under: its key; an event without a run is by itself; a
    message without a key belongs to its run all the same.
    """
    if facts.scope.run_id is None:
        return b"event:" + (facts.scope.event_id or b"")
    return key or facts.scope.run_id


def rows_by_key(keys: Sequence[bytes | None], rows: list[int]) -> dict[bytes, Rows]:
    """The rows of each key, in order of arrival; messages without a key are under the empty one."""
    of_rows = [key or b"" for key in keys] if len(rows) == len(keys) else [keys[row] or b"" for row in rows]
    found: dict[bytes, Rows] = dict(zip(of_rows, rows, strict=True))
    if len(found) == len(rows):
        return found
    several = {key for key, row in zip(of_rows, rows, strict=True) if found[key] != row}
    for key in several:
        found[key] = []
    for key, row in zip(of_rows, rows, strict=True):
        if key in several:
            cast("list[int]", found[key]).append(row)
    return found
