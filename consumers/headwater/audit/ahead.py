"""What lies some levels on from a set of nodes, found by key alone in few statements.

More than the walk itself will see: neither clocks nor withdrawals nor names are looked at here, and edges that came in
the last minutes may be missing. What it saves is a statement a level. The store keeps the ends of edges in two
dictionaries: where somebody walked a while ago a level costs it a fraction of a millisecond, elsewhere a look-up. A
store that has no use of them walks by recursion, whose levels cost 2 to 3 ms each, most of it planning.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from headwater.audit.model import Direction
from headwater.audit.rows import KEYS, NotDone, chunks, select
from headwater.audit.store import Client
from headwater.errors import StateError

#: Levels of a first statement; the next, which begins at what was new at its end, has twice as many.
FIRST_LEVELS: Final = 24
#: Levels of a recursion at most: the engine stops one at 1,000, and it goes around a cycle until its levels are used up
#: and expands again what it meets on a longer way.
LEVELS: Final = 200


class _Found(NamedTuple):
    """What some levels reach: the nodes, their datasets, and those nodes whose ends were not looked for."""

    nodes: set[int]
    datasets: set[int]
    last: set[int]


#: From some nodes so many levels on.
_Find = Callable[[list[int], int], _Found]


class _NoUse(Exception):
    """This store does not look ahead in this way."""


class Beyond(NamedTuple):
    """What lies ahead: nodes, and the datasets that reads without version of them are looked up by."""

    nodes: set[int]
    datasets: set[int]


def beyond(client: Client, table: str, direction: Direction, keys: set[int], levels: int, most: int) -> Beyond:
    """Keys that up to so many levels reach, of about `most` nodes; the first ones are left out.

    `table`: of edges by their target, walking up, or by their source, walking down.

    An edge whose read named no version is not followed: what it stands for is for the history to resolve. On an engine
    that has neither the dictionaries nor looks up a join's rows by key (ClickHouse before 25.12, a Distributed table),
    nothing.
    """
    ways = ((_by_dictionary(client, direction, most), levels), (_by_recursion(client, table, direction, most), LEVELS))
    for find, longest in ways:
        with suppress(_NoUse):
            return _reached(find, keys, levels, longest, most)
    return Beyond(set(), set())


def _reached(find: _Find, keys: set[int], levels: int, longest: int, most: int) -> Beyond:
    """By statements of up to so many levels each."""
    seen, datasets = set(keys), set[int]()
    frontier, step = keys, FIRST_LEVELS
    while frontier and levels > 0 and len(seen) < most:
        step = min(step, levels, longest)
        last = set[int]()
        for some in chunks(sorted(frontier), KEYS):
            found = find(some, step)
            last |= found.last - seen
            seen |= found.nodes
            datasets |= found.datasets
        frontier, levels, step = last, levels - step, step * 2
    return Beyond(seen - keys, datasets - keys)


def _by_dictionary(client: Client, direction: Direction, most: int) -> _Find:
    """Not where the store was not migrated so far, its reader may not, or its user `default` needs a password."""
    name, ends = ("sources_of", "sources") if direction == "up" else ("targets_of", "targets")
    # Walking down, reads that named no version are looked up by the dataset, each node's own.
    datasets = f"arrayDistinct(arrayFlatten(arrayMap(k -> dictGet('{name}', 'datasets', k), walked.1)))"
    sql = (
        # What was expanded, and what is new: at each level all of it is expanded at once.
        "WITH arrayFold((a, level) -> if(empty(a.2) OR length(a.1) >= {most:UInt64}, a, (arrayConcat(a.1, a.2), "
        f"arrayExcept(arrayDistinct(arrayFlatten(arrayMap(k -> dictGet('{name}', '{ends}', k), a.2))), "
        "arrayConcat(a.1, a.2)))), range({levels:UInt32}), (CAST([], 'Array(UInt64)'), {keys:Array(UInt64)})) "
        "AS walked "
        f"SELECT arrayConcat(walked.1, walked.2) AS nodes, walked.2 AS last, "
        f"{datasets if direction == 'down' else '[]'} AS datasets"
    )

    def find(keys: list[int], levels: int) -> _Found:
        from clickhouse_connect.driver import exceptions  # noqa: PLC0415 - so that the package imports without the extra

        try:
            [row] = select(client, sql, {"keys": keys, "levels": levels, "most": most})
        except (StateError, exceptions.DatabaseError) as error:
            raise _NoUse from error
        return _Found(set(row["nodes"]), set(row["datasets"]), set(row["last"]))

    return find


def _by_recursion(client: Client, table: str, direction: Direction, most: int) -> _Find:
    up = direction == "up"
    side, end, dataset = ("target", "source", "source") if up else ("source", "target", "target_dataset")
    versioned = "e.source != e.source_dataset" if up else "NOT e.unversioned"
    sql = (
        "WITH RECURSIVE walked AS ("
        "SELECT arrayJoin({keys:Array(UInt64)}) AS node, toUInt64(0) AS dataset, toUInt32(0) AS depth UNION ALL "
        f"SELECT DISTINCT e.{end} AS node, e.{dataset} AS dataset, s.depth + 1 AS depth "
        f"FROM walked AS s INNER JOIN {table} AS e ON e.{side} = s.node "
        f"WHERE s.depth < {{levels:UInt32}} AND {versioned} AND e.{end} != 0 LIMIT {{most:UInt64}}"
        ") SELECT node, any(dataset) AS of, min(depth) AS first FROM walked WHERE depth > 0 GROUP BY node "
        "SETTINGS join_algorithm = 'direct'"
    )

    def find(keys: list[int], levels: int) -> _Found:
        try:
            rows = select(client, sql, {"keys": keys, "levels": levels, "most": most})
        except NotDone as error:
            raise _NoUse from error
        last = {row["node"] for row in rows if row["first"] == levels}
        return _Found({row["node"] for row in rows}, {row["of"] for row in rows}, last)

    return find
