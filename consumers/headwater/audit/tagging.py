"""Which column leads to which, from one column on: the steps that the view `column_edges` tells, dataset by dataset.

Versions do not matter to a tag: a step leads from a column of a dataset to one of another, whichever versions the edge
is between. So what a read without version stood for need not be found. As of now the edges of a level are looked up in
the table's projection `steps`; at another time they are read in one pass over its column of source datasets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client


class Step(NamedTuple):
    """A column that is made of another's values, unmasked."""

    source_namespace: str
    source_name: str
    source_column: str
    target_namespace: str
    target_name: str
    target_column: str


#: A dataset by its key, and a column of it.
_Place = tuple[int, str]


def below(
    client: Client, namespace: str, name: str, column: str, *, depth: int, most: int, clocks: Clocks
) -> list[Step] | None:
    """The steps up to `depth` levels down from a column, each once, in no order; None where there are above `most`."""
    [root] = select(
        client,
        "SELECT sipHash64({namespace:String}, {name:String}, toUInt8(1), '') AS dataset",
        {"namespace": namespace, "name": name},
    )
    seen: set[_Place] = set()
    fresh: set[_Place] = {(root["dataset"], column)}
    found: set[tuple[_Place, _Place]] = set()
    for _ in range(depth):
        seen |= fresh
        steps = _from(client, fresh, clocks)
        found |= steps
        fresh = {target for _, target in steps} - seen
        if len(found) > most:
            return None
        if not fresh:
            break
    names = _names(client, {dataset for step in found for dataset, _ in step})
    return [
        Step(*names[source[0]], source[1], *names[target[0]], target[1])
        for source, target in found
        if source[0] in names and target[0] in names
    ]


#: An edge stands while an event that made it known was not withdrawn: the rule of the views.
_SAYS: Final = (
    "source, target, source_dataset, target_dataset, source_column, target_column, subtype, run_id, job_namespace, "
    "job_name, captured, description, confidence, known_by"
)


#: What the table keeps of its edges whatever their versions, and whether an event ever withdrew one of them.
_STEPS: Final = (
    "SELECT source_dataset, source_column, target_dataset, target_column, "
    f"max({NOW.withdrawn()}) AS doubtful FROM column_edges_by_target "
    "WHERE source_dataset IN {datasets:Array(UInt64)} AND source_column IN {columns:Array(String)} "
    "AND NOT masking AND transformation = 'DIRECT' AND isNotNull(target_column) "
    "AND source_dataset != 0 AND target_dataset != 0 "
    "GROUP BY source_dataset, source_column, target_dataset, target_column"
)


def _from(client: Client, places: set[_Place], clocks: Clocks) -> set[tuple[_Place, _Place]]:
    """The steps from these columns. As of now, edges are looked at one by one only where one of them was withdrawn."""
    if clocks.set:
        return _standing(client, places, clocks)
    found: set[tuple[_Place, _Place]] = set()
    doubtful: set[_Place] = set()
    for some in chunks(sorted({dataset for dataset, _ in places})):
        columns = sorted({column for dataset, column in places if dataset in set(some)})
        for row in select(client, _STEPS, {"datasets": some, "columns": columns}):
            source = (row["source_dataset"], row["source_column"])
            if source in places and row["doubtful"]:
                doubtful.add(source)
            elif source in places:
                found.add((source, (row["target_dataset"], row["target_column"])))
    return found | _standing(client, doubtful, clocks) if doubtful else found


def _standing(client: Client, places: set[_Place], clocks: Clocks) -> set[tuple[_Place, _Place]]:
    sql = (
        "SELECT DISTINCT source_dataset, source_column, target_dataset, target_column FROM ("
        f"SELECT {_SAYS} FROM column_edges_by_target "
        "WHERE source_dataset IN {datasets:Array(UInt64)} AND source_column IN {columns:Array(String)} "
        "AND NOT masking AND transformation = 'DIRECT' AND isNotNull(target_column) AND source != 0 AND target != 0 "
        f"AND {clocks.known()} GROUP BY {_SAYS} HAVING max({clocks.withdrawn()}) = 0)"
    )
    found: set[tuple[_Place, _Place]] = set()
    for some in chunks(sorted({dataset for dataset, _ in places})):
        columns = sorted({column for dataset, column in places if dataset in set(some)})
        for row in select(client, sql, {"datasets": some, "columns": columns, **clocks.values()}):
            source = (row["source_dataset"], row["source_column"])
            if source in places:
                found.add((source, (row["target_dataset"], row["target_column"])))
    return found


def _names(client: Client, datasets: Iterable[int]) -> dict[int, tuple[str, str]]:
    sql = (
        "SELECT n.dataset AS one, any(n.namespace) AS of_namespace, any(n.name) AS of_name FROM nodes AS n "
        "WHERE key IN (SELECT key FROM dataset_nodes WHERE dataset IN {datasets:Array(UInt64)} LIMIT 1 BY dataset) "
        "GROUP BY one"
    )
    found: dict[int, tuple[str, str]] = {}
    for some in chunks(sorted(datasets)):
        for row in select(client, sql, {"datasets": some}):
            found[row["one"]] = (row["of_namespace"], row["of_name"])
    return found
