"""Edges as the tables hold them: looked up by the nodes at their ends, those that stand at the clocks."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from headwater.audit.clocks import Clocks
from headwater.audit.model import Direction
from headwater.audit.rows import KEYS, chunks, select
from headwater.audit.rows import table as rows_of
from headwater.audit.store import Client


class Edge(NamedTuple):
    """An edge by keys. `run`: its id as a number, 0 for none. `unversioned`: the read named no version; `inferred`: it
    was resolved, and `source` is the version that it stands for. Columns are None in dataset edges and in column edges
    that hold for every column.
    """

    source: int
    target: int
    run: int
    job_namespace: str
    job_name: str
    at: datetime
    unversioned: bool
    source_column: str | None = None
    target_column: str | None = None
    transformation: str = ""
    subtype: str = ""
    masking: bool = False
    inferred: bool = False


_RUN: Final = "run_id, job_namespace, job_name"
#: In the order of an edge's fields.
_COLUMN: Final = ", source_column, target_column, transformation, subtype, masking"
_PAIRS: Final = "SELECT target, source FROM edges_by_source WHERE source IN {keys:Array(UInt64)}"
#: Conditions on the tables' sort key, which begins with the target.
_INTO: Final = "target IN {keys:Array(UInt64)}"
_OUT_OF: Final = f"(target, source) IN ({_PAIRS})"
_OUT_OF_FEW: Final = "target IN {targets:Array(UInt64)} AND source IN {keys:Array(UInt64)}"
#: Also where the other end is missing.
_TOUCHING: Final = f"({_INTO} OR (target = 0 AND source IN {{keys:Array(UInt64)}}) OR {_OUT_OF})"
#: Keys of which the targets are looked up first; of more, nearly all granules of the table are read anyway, once.
_FEW: Final = 500


class _Said(NamedTuple):
    """A table of edges, what tells its edges apart beside ends and runs, and what else an assertion of one says."""

    table: str
    columns: str
    says: str


_DATASETS: Final = _Said("edges_by_target", "", "explicit")
_COLUMNS: Final = _Said("column_edges_by_target", _COLUMN, "captured, description, confidence")


class EdgeRows:
    """Rows of dataset edges, or of column edges, of which at least one assertion stands."""

    def __init__(self, client: Client, direction: Direction, *, columns: bool, clocks: Clocks) -> None:
        self._client = client
        self._clocks = clocks
        self._said = _COLUMNS if columns else _DATASETS
        self.up = direction == "up"
        #: Where the ends of edges are found by the other end alone; column edges have theirs among all edges.
        self.ends = self._said.table if self.up else "edges_by_source"

    def next_to(self, keys: list[int]) -> list[Edge]:
        """The edges into (up) or out of (down) some keys, none resolved."""
        if self.up or len(keys) > _FEW:
            return self._read(_INTO if self.up else _OUT_OF, keys=keys)
        # What they lead to by itself first: of few keys the statement is planned in half the time without a subquery.
        ends = select(self._client, f"SELECT DISTINCT target FROM ({_PAIRS})", {"keys": keys})
        parts = chunks((row["target"] for row in ends), KEYS)
        return [edge for some in parts for edge in self._read(_OUT_OF_FEW, keys=keys, targets=some)]

    def touching(self, keys: list[int]) -> list[Edge]:
        """The edges of which one end is one of the keys; an end that is missing is 0."""
        return self._read(_TOUCHING, keys=keys)

    def _read(self, where: str, **keys: list[int]) -> list[Edge]:
        table, columns, says = self._said
        sql = (
            "SELECT source, target, run_id, job_namespace, job_name, min(at) AS at, "
            f"toBool(source != 0 AND source = source_dataset) AS unversioned{columns} FROM ("
            f"SELECT source, target, source_dataset, {_RUN}{columns}, known_by, min(known_at) AS at FROM {table} "
            f"WHERE {where} AND {self._clocks.known()} "
            f"GROUP BY source, target, source_dataset, {_RUN}{columns}, {says}, known_by "
            f"HAVING max({self._clocks.withdrawn()}) = 0"
            f") GROUP BY source, target, source_dataset, {_RUN}{columns}"
        )
        _, rows = rows_of(self._client, sql, {**keys, **self._clocks.values()})
        return [Edge(source, target, run.int, *rest) for source, target, run, *rest in rows]


def place_of(edge: Edge) -> tuple[object, ...]:
    """Where an edge as it was read stands among others, in whatever order they were: a budget cuts the same ones."""
    said = edge.source_column, edge.target_column, edge.transformation, edge.subtype, edge.masking
    return (*edge[:5], *map(str, said))
