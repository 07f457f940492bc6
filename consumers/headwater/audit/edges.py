"""One step of a walk: the edges that stand next to a set of nodes, reads without version resolved."""

from __future__ import annotations

import bisect
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.model import Direction
from headwater.audit.naming import Names
from headwater.audit.rows import NO_RUN, chunks, select
from headwater.audit.store import Client
from headwater.audit.versions import written


@dataclass(frozen=True)
class Edge:
    """An edge by keys. `source` is the resolved version where `inferred`; columns are None in dataset edges
    and in column edges that hold for every column.
    """

    source: int
    target: int
    run_id: uuid.UUID
    job_namespace: str
    job_name: str
    at: datetime
    inferred: bool = False
    source_column: str | None = None
    target_column: str | None = None
    transformation: str = ""
    subtype: str = ""
    masking: bool = False


_PLAIN = "run_id, job_namespace, job_name"
_COLUMN = "source_column, target_column, transformation, subtype, masking, run_id, job_namespace, job_name"


class _Asked(NamedTuple):
    """Where edges are looked up: the table, its column for the keys, and what an edge says beside `columns`."""

    table: str
    side: str
    columns: str
    says: str


def _sql(asked: _Asked, clocks: Clocks) -> str:
    """Edges of which at least one assertion stands."""
    table, side, columns, says = asked
    return (
        f"SELECT source, target, source_dataset, {columns}, min(at) AS at FROM ("
        f"SELECT source, target, source_dataset, {columns}, known_by, min(known_at) AS at FROM {table} "
        f"WHERE {side} IN {{keys:Array(UInt64)}} AND {clocks.known()} "
        f"GROUP BY source, target, source_dataset, {columns}, {says}, known_by "
        f"HAVING max({clocks.withdrawn()}) = 0"
        f") GROUP BY source, target, source_dataset, {columns} ORDER BY source, target, {columns}"
    )


_ASKED = {
    ("up", False): _Asked("edges_by_target", "target", _PLAIN, "explicit"),
    ("down", False): _Asked("edges_by_source", "source", _PLAIN, "explicit"),
    ("up", True): _Asked("column_edges_by_target", "target", _COLUMN, "captured, description, confidence"),
    ("down", True): _Asked("column_edges_by_source", "source", _COLUMN, "captured, description, confidence"),
}


class Edges:
    """Edges next to nodes; remembers the versions of the datasets that it had to resolve.

    `names`: a read that named no version is resolved to what was written under any name of the dataset.
    """

    def __init__(
        self, client: Client, direction: Direction, names: Names, *, columns: bool, clocks: Clocks = NOW
    ) -> None:
        self._client = client
        self._names = names
        self._direction: Direction = direction
        self._clocks = clocks
        self._sql = _sql(_ASKED[direction, columns], clocks)
        self._versions: dict[int, tuple[list[datetime], list[int]]] = {}

    def next_to(self, keys: Iterable[int], datasets: Iterable[int]) -> list[Edge]:
        """Edges into (up) or out of (down) the keys.

        `datasets`: of those nodes. Walking down, a read that named no version is an edge out of the version
        that stood at the time of the read, and of no other.
        """
        wanted = set(keys)
        asked = wanted if self._direction == "up" else wanted | set(datasets)
        rows: list[dict[str, Any]] = []
        for some in chunks(sorted(asked - {0})):
            rows += select(self._client, self._sql, {"keys": some, **self._clocks.values()})
        rows = [row for row in rows if row["source"] and row["target"]]
        edges = self._resolved(rows)
        return edges if self._direction == "up" else [edge for edge in edges if edge.source in wanted]

    def _resolved(self, rows: Sequence[dict[str, Any]]) -> list[Edge]:
        open_reads = [row for row in rows if row["source"] == row["source_dataset"]]
        times = self._read_times({row["run_id"] for row in open_reads if row["run_id"] != NO_RUN})
        self._learn({row["source"] for row in open_reads})
        edges: list[Edge] = []
        for row in rows:
            edge = _edge(row)
            if row["source"] == row["source_dataset"]:
                version = self._version(edge.source, times.get((edge.run_id, edge.source), edge.at))
                edge = edge if version is None else replace(edge, source=version, inferred=True)
            edges.append(edge)
        return edges

    def _version(self, dataset: int, at: datetime) -> int | None:
        times, keys = self._versions[dataset]
        place = bisect.bisect_right(times, at)
        return keys[place - 1] if place else None

    def _learn(self, datasets: set[int]) -> None:
        missing = datasets - self._versions.keys()
        groups = self._names.of(missing)
        every = {dataset: {name.dataset for name in groups.get(dataset, ())} | {dataset} for dataset in missing}
        found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
        for dataset, key, written_at in written(
            self._client, {one for some in every.values() for one in some}, self._clocks
        ):
            found[dataset].append((written_at, key))
        for dataset in missing:
            versions = sorted(one for other in every[dataset] for one in found[other])
            self._versions[dataset] = ([at for at, _ in versions], [key for _, key in versions])

    def _read_times(self, runs: set[uuid.UUID]) -> dict[tuple[uuid.UUID, int], datetime]:
        """When each run first read each dataset of which it named no version."""
        times: dict[tuple[uuid.UUID, int], datetime] = {}
        for some in chunks(sorted(runs)):
            for row in select(
                self._client,
                "SELECT assumeNotNull(run_id) AS run, sipHash64(namespace, name, toUInt8(1), '') AS dataset, "
                "min(u.event_time) AS first FROM dataset_uses AS u WHERE access = 'read' AND isNull(version) "
                f"AND run_id IN {{runs:Array(UUID)}} AND {self._clocks.events()} GROUP BY run, dataset",
                {"runs": some, **self._clocks.values()},
            ):
                times[row["run"], row["dataset"]] = row["first"]
        return times


def _edge(row: dict[str, Any]) -> Edge:
    return Edge(
        row["source"],
        row["target"],
        row["run_id"],
        row["job_namespace"],
        row["job_name"],
        row["at"],
        source_column=row.get("source_column"),
        target_column=row.get("target_column"),
        transformation=row.get("transformation", ""),
        subtype=row.get("subtype", ""),
        masking=bool(row.get("masking", False)),
    )
