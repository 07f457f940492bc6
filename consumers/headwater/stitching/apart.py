"""Which messages of a chunk take the compiled path, and which the plain one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from headwater.schemas.codec import Program
from headwater.stitching.columns import Columns
from headwater.stitching.facts import Facts
from headwater.stitching.folding import Folded
from headwater.stitching.long_runs import FEWEST, is_long
from headwater.stitching.messages import Long, Plain
from headwater.stitching.runs import Runs
from headwater.stitching.writers import Writers
from headwater.streams.batch import Group

#: Rows of a key in a chunk: one, or several in order of arrival.
Rows = int | list[int]


#: Messages for the plain path by the key that their state has.
Rest = dict[bytes, Sequence[Plain]]


def set_apart(
    by_schema: list[tuple[int, dict[bytes, Rows]]],
    groups: Sequence[Group],
    runs: Runs,
    writers: Writers,
    values: Sequence[bytes],
) -> Rest:
    """Take out of the rows by key what cannot take the compiled path: runs of several schemas, and others."""
    rest: Rest = {}
    of_groups = list(zip(by_schema, groups, strict=True))
    for (number, rows_of), group in of_groups:
        apart: set[bytes] = {b""} & rows_of.keys()
        if writers.programs[number] is None:
            apart = set(rows_of)
        for other, others in by_schema:
            if other != number or others is not rows_of:
                apart |= rows_of.keys() & others.keys()
        take(rows_of, apart | (rest.keys() & rows_of.keys()), number, group, rest, runs, writers, values)
    if len(writers.programs) > 1 or runs.folded:
        for (number, rows_of), group in of_groups:
            kept = ((key, runs.kept.get(key)) for key in rows_of)
            odd = {key for key, run in kept if run is not None and (isinstance(run, Folded) or run[2] != number)}
            take(rows_of, odd, number, group, rest, runs, writers, values)
    if rest:
        for (number, rows_of), group in of_groups:
            take(rows_of, rest.keys() & rows_of.keys(), number, group, rest, runs, writers, values)
    return rest


def take(
    rows_of: dict[bytes, Rows],
    keys: set[bytes],
    number: int,
    group: Group,
    rest: Rest,
    runs: Runs,
    writers: Writers,
    values: Sequence[bytes],
) -> None:
    """Take the rows of these keys over to the plain path."""
    schema = writers.schemas[number]
    long: list[tuple[bytes, list[int]]] = []
    for key in keys:
        rows = rows_of.pop(key)
        rows = [rows] if isinstance(rows, int) else rows
        if key and writers.columns[number] is not None and is_long(runs.kept.get(key), len(rows)):
            long.append((key, rows))
            continue
        for row in rows:
            one = Plain(row, number, schema, values[row])
            _add(rest, _state_key(key, one.facts), [one])
    if long:
        _take_long(long, number, group, rest, writers, values)


def _take_long(
    long: list[tuple[bytes, list[int]]],
    number: int,
    group: Group,
    rest: Rest,
    writers: Writers,
    values: Sequence[bytes],
) -> None:
    """Read messages of long runs together, as columns."""
    together = np.concatenate([np.array(rows, np.int64) for _, rows in long])
    code = cast("Program", writers.columns[number])
    columns = Columns.of(number, code, group.bodies.take(np.searchsorted(group.rows, together)))
    schema, first = writers.schemas[number], 0
    for key, rows in long:
        behind = first + len(rows)
        some = Long(rows, number, schema, values, columns, first)
        has_run = columns.has_run[first:behind]
        if has_run.all():
            _add(rest, key, some)
        else:
            for one, with_run in zip(some, has_run.tolist(), strict=True):
                _add(rest, key if with_run else _state_key(key, one.facts), [one])
        first = behind


def _add(rest: Rest, key: bytes, more: Sequence[Plain]) -> None:
    known = rest.get(key)
    if isinstance(known, list):
        known.extend(more)
    else:
        rest[key] = more if known is None else [*known, *more]


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
    several: dict[bytes, list[int]] = {key: [] for key, row in zip(of_rows, rows, strict=True) if found[key] != row}
    for key, row in zip(of_rows, rows, strict=True):
        if key in several:
            several[key].append(row)
    found.update(several)
    return found


def in_few(rows_of: Mapping[bytes, Rows]) -> int:
    """How many rows are of keys that have too few to be read as columns."""
    counts = [1 if isinstance(rows, int) else len(rows) for rows in rows_of.values()]
    return sum(count for count in counts if count < FEWEST)
