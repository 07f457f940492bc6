"""One step of a walk: the edges that stand next to a set of nodes, reads without version resolved.

A statement costs its planning whatever it finds, so a step that asks reads on ahead: `beyond` finds what lies some
levels further by key alone, then one statement each brings all of their edges, the nodes at their ends, and what the
reads without version stand for. The steps that follow find theirs already here. What is read ahead and not needed
changes no answer.
"""

from __future__ import annotations

import bisect
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from headwater.audit.ahead import beyond
from headwater.audit.clocks import NOW, Clocks
from headwater.audit.lookup import Nodes
from headwater.audit.model import Direction
from headwater.audit.naming import Names
from headwater.audit.rows import NO_RUN, chunks, select
from headwater.audit.store import Client
from headwater.audit.versions import NAMED, named, written


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

    @property
    def where(self) -> str:
        """The condition on its sort key, which begins with the target."""
        if self.side == "target":
            return "target IN {keys:Array(UInt64)}"
        return "(target, source) IN (SELECT target, source FROM edges_by_source WHERE source IN {keys:Array(UInt64)})"


#: Edges with one of the keys at either end, also where the other end is missing.
_TOUCHING = (
    "(target IN {keys:Array(UInt64)} OR (target = 0 AND source IN {keys:Array(UInt64)}) OR (target, source) IN "
    "(SELECT target, source FROM edges_by_source WHERE source IN {keys:Array(UInt64)}))"
)


def _sql(asked: _Asked, clocks: Clocks, where: str = "") -> str:
    """Edges of which at least one assertion stands."""
    table, _, columns, says = asked
    return (
        f"SELECT source, target, source_dataset, {columns}, min(at) AS at FROM ("
        f"SELECT source, target, source_dataset, {columns}, known_by, min(known_at) AS at FROM {table} "
        f"WHERE {where or asked.where} AND {clocks.known()} "
        f"GROUP BY source, target, source_dataset, {columns}, {says}, known_by "
        f"HAVING max({clocks.withdrawn()}) = 0"
        f") GROUP BY source, target, source_dataset, {columns} ORDER BY source, target, {columns}"
    )


_ASKED = {
    ("up", False): _Asked("edges_by_target", "target", _PLAIN, "explicit"),
    ("down", False): _Asked("edges_by_target", "source", _PLAIN, "explicit"),
    ("up", True): _Asked("column_edges_by_target", "target", _COLUMN, "captured, description, confidence"),
    ("down", True): _Asked("column_edges_by_target", "source", _COLUMN, "captured, description, confidence"),
}


class Edges:
    """Edges next to nodes; remembers what it read, and the versions of the datasets that it had to resolve.

    `names`: a read that named no version is resolved to what was written under any name of the dataset. `nodes`: where
    the ends of what was read are looked up and kept.
    """

    def __init__(
        self, client: Client, direction: Direction, names: Names, nodes: Nodes, *, columns: bool, clocks: Clocks = NOW
    ) -> None:
        self._client = client
        self.names = names
        self.nodes = nodes
        self.direction: Direction = direction
        self.clocks = clocks
        self._columns = columns
        self._asked = _ASKED[direction, columns]
        self._sql = _sql(self._asked, clocks)
        self._known: dict[int, list[tuple[tuple[object, ...], Edge]]] = {}
        self._versions: dict[int, tuple[list[datetime], list[int]]] = {}

    def next_to(self, keys: Iterable[int], datasets: Iterable[int], ahead: int = 0, most: int = 0) -> list[Edge]:
        """Edges into (up) or out of (down) the keys.

        `datasets`: of those nodes. Walking down, a read that named no version is an edge out of the version
        that stood at the time of the read, and of no other. `ahead`: levels that will be asked for next, of
        `most` nodes together.
        """
        wanted = set(keys)
        asked = (wanted if self.direction == "up" else wanted | set(datasets)) - {0}
        if missing := asked - self._known.keys():
            self._read(missing, ahead, most)
            # What the levels behind will ask for, as far as resolved reads lead out of what was read, together. Which
            # columns a walk follows is not known here.
            while not self._columns and len(self._known) < most and (further := self._beyond_known(wanted, ahead)):
                level, missing = further
                self._read(missing, ahead - level, most)
        found = [known for key in asked for known in self._known[key]]
        edges = [edge for _, edge in sorted(found, key=itemgetter(0))]
        edges = edges if self.direction == "up" else [edge for edge in edges if edge.source in wanted]
        self.nodes.learn({edge.source if self.direction == "up" else edge.target for edge in edges})
        return edges

    def touching(self, keys: set[int]) -> list[tuple[int, Edge]]:
        """Edges of which one end is named as one of the keys, each with its source as it was named; an end that is
        missing is 0.
        """
        sql = _sql(self._asked, self.clocks, _TOUCHING)
        found: dict[tuple[object, ...], dict[str, Any]] = {}
        for some in chunks(sorted(keys)):
            for row in select(self._client, sql, {"keys": some, **self.clocks.values()}):
                found[_place(row)] = row
        rows = list(found.values())
        self.nodes.learn({row[end] for row in rows for end in ("source", "target")} - {0})
        edges = self._resolved(rows)
        self.nodes.learn({edge.source for edge in edges} - {0})
        return [(row["source"], edge) for row, edge in zip(rows, edges, strict=True)]

    def _beyond_known(self, keys: set[int], levels: int) -> tuple[int, set[int]] | None:
        """What a walk from these nodes will ask for that was not read yet, and at which level first; None: nothing."""
        seen, fresh = set(keys), set(keys)
        first, missing = 0, set[int]()
        for level in range(1, levels + 1):
            fresh = {end for key in fresh for end in self._ends(key)} - seen
            if not fresh:
                break
            seen |= fresh
            if self.direction == "down":
                self.nodes.learn(fresh)
            unread = {place for key in fresh for place in self._places(key)} - self._known.keys()
            first = first if missing or not unread else level
            missing |= unread
        return (first, missing) if missing else None

    def _places(self, key: int) -> set[int]:
        """The keys under which edges next to a node are looked up."""
        node = self.nodes.found.get(key)
        return {key} if self.direction == "up" or node is None else {key, node.dataset}

    def _ends(self, key: int) -> Iterable[int]:
        """The nodes that known edges lead to from a node."""
        edges = (edge for place in self._places(key) for _, edge in self._known.get(place, ()))
        return (
            (edge.source for edge in edges) if self.direction == "up" else (e.target for e in edges if e.source == key)
        )

    def _read(self, missing: set[int], ahead: int, most: int) -> None:
        table = self._asked.table if self.direction == "up" else "edges_by_source"
        found = missing | beyond(self._client, table, missing, ahead, most)
        rows: list[dict[str, Any]] = []
        for some in chunks(sorted(found - self._known.keys())):
            rows += select(self._client, self._sql, {"keys": some, **self.clocks.values()})
        rows = [row for row in rows if row["source"] and row["target"]]
        # Of a dataset that many read without version few reads are of the versions that are walked to: what the others
        # lead to is not looked up.
        self.nodes.learn(missing | {row["source"] for row in rows} | {row["target"] for row in rows if not _open(row)})
        for key in found:
            self._known.setdefault(key, [])
        edges = self._resolved(rows)
        for row, edge in zip(rows, edges, strict=True):
            self._known[row[self._asked.side]].append((_place(row), edge))
        if self.direction == "down":
            self.nodes.learn({edge.target for edge in edges if edge.source in self._known})

    def _resolved(self, rows: Sequence[dict[str, Any]]) -> list[Edge]:
        open_reads = [row for row in rows if _open(row)]
        datasets = {row["source"] for row in open_reads}
        times = self._read_times({row["run_id"] for row in open_reads if row["run_id"] != NO_RUN}, datasets)
        self._learn(datasets)
        edges: list[Edge] = []
        for row in rows:
            edge = _edge(row)
            if _open(row):
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
        groups = self.names.of(missing)
        every = {dataset: {name.dataset for name in groups.get(dataset, ())} | {dataset} for dataset in missing}
        named = {name.dataset: (name.namespace, name.name) for group in groups.values() for name in group}
        named |= self._named(missing)
        # Of versions written at one time that with the last text, as in the views, else any would be the last.
        found: dict[int, list[tuple[datetime, str, int]]] = defaultdict(list)
        for dataset, written_at, version, key in written(self._client, named.values(), self.clocks):
            found[dataset].append((written_at, version, key))
        for dataset in missing:
            versions = sorted(one for other in every[dataset] for one in found[other])
            self._versions[dataset] = ([at for at, _, _ in versions], [key for _, _, key in versions])

    def _named(self, datasets: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Names of datasets that were read without version, from the nodes that stand for such a read."""
        nodes = ((dataset, self.nodes.found.get(dataset)) for dataset in datasets)
        return {dataset: (one.node.namespace, one.node.name) for dataset, one in nodes if one is not None}

    def _read_times(self, runs: set[uuid.UUID], datasets: set[int]) -> dict[tuple[uuid.UUID, int], datetime]:
        """When each run first read each dataset of which it named no version."""
        times: dict[tuple[uuid.UUID, int], datetime] = {}
        names = sorted(self._named(datasets).values())
        for some in chunks(sorted(runs)):
            for row in select(
                self._client,
                "SELECT assumeNotNull(run_id) AS run, sipHash64(namespace, name, toUInt8(1), '') AS dataset, "
                f"min(u.event_time) AS first FROM dataset_uses AS u WHERE {NAMED} AND access = 'read' "
                f"AND isNull(version) AND run_id IN {{runs:Array(UUID)}} AND {self.clocks.events()} "
                "GROUP BY run, dataset",
                {"runs": some, **named(names), **self.clocks.values()},
            ):
                times[row["run"], row["dataset"]] = row["first"]
        return times


def _open(row: Mapping[str, Any]) -> bool:
    """Whether an edge's read named no version."""
    return bool(row["source"]) and row["source"] == row["source_dataset"]


def _place(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Where an edge stands among others, in whatever order they were read: a budget cuts the same ones."""
    said = ("source_column", "target_column", "transformation", "subtype", "masking")
    ends = row["source"], row["target"], str(row["run_id"]), row["job_namespace"], row["job_name"]
    return (*ends, *(str(row.get(name, "")) for name in said))


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
