"""What belongs to an export: nodes, runs, or a stretch of time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headwater.audit import Node, Walk, resolve, walk
from headwater.audit.clocks import NOW, Clocks
from headwater.audit.lookup import by_keys, key_sql
from headwater.audit.naming import exact
from headwater.audit.rows import NO_RUN, chunks, select
from headwater.audit.store import Client
from headwater.errors import NotFound, SettingsError

#: What fits into one statement: their ids stand in its text (ClickHouse takes 256 KB of it).
MOST_NODES: Final = 4000
MOST_RUNS: Final = 2500


@dataclass(frozen=True)
class Wanted:
    """What to export: one of `node` (as `headwater trace` takes it), `run`, or `since` and `until`.

    `clocks`: as of when; without `known_at` it is the store's time when the export began, so that what comes
    meanwhile is in no file. `depth` and `budget`: of the walks from a node, up and down.
    """

    node: str | Node | None = None
    run: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    clocks: Clocks = NOW
    depth: int = 50
    budget: int = 20_000

    def kind(self) -> str:
        """node, run or time. Raises SettingsError where it is none or several of them."""
        given = [
            name
            for name, is_there in (
                ("node", self.node is not None),
                ("run", self.run is not None),
                ("time", self.since is not None or self.until is not None),
            )
            if is_there
        ]
        if len(given) != 1:
            raise SettingsError("an export is of one node, of one run, or of a time range")
        if given == ["time"] and (self.since is None or self.until is None or self.since >= self.until):
            raise SettingsError("a time range has a beginning and a later end")
        return given[0]


@dataclass(frozen=True)
class Scope:
    """What belongs to it. `keys`: of versions and of datasets without version; `datasets`: of the datasets."""

    kind: str
    about: str
    clocks: Clocks
    keys: tuple[int, ...] = ()
    datasets: tuple[int, ...] = ()
    runs: tuple[uuid.UUID, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    walks: tuple[Walk, ...] = ()
    #: What was left out, and why; empty where nothing was.
    cut: tuple[str, ...] = ()

    def values(self) -> dict[str, object]:
        """The parameters of the statements."""
        ranged = {} if self.since is None else {"since": self.since, "until": self.until}
        return {**self.clocks.values(), **ranged}


def scope(client: Client, wanted: Wanted) -> Scope:
    """Find it. Raises NotFound for a node or run that is not there, SettingsError for what cannot be meant."""
    kind = wanted.kind()
    clocks = wanted.clocks
    if clocks.known_at is None:
        [row] = select(client, "SELECT now64(6, 'UTC') AS now")
        clocks = Clocks(clocks.at, row["now"])
    if kind == "time":
        about = f"{wanted.since:%Y-%m-%dT%H:%M:%S.%fZ} to {wanted.until:%Y-%m-%dT%H:%M:%S.%fZ}"
        return Scope(kind, about, clocks, since=wanted.since, until=wanted.until)
    return _of_run(client, wanted, clocks) if wanted.run is not None else _of_node(client, wanted, clocks)


def _of_node(client: Client, wanted: Wanted, clocks: Clocks) -> Scope:
    node = wanted.node if isinstance(wanted.node, Node) else resolve(client, str(wanted.node))
    node = Node(node.namespace, node.name, node.version)
    own = [found.key for found in exact(client, node, clocks)]
    walks = tuple(
        walk(client, node, way, wanted.depth, wanted.budget, versions="all", clocks=clocks)
        for way in ("up", "down")
    )  # fmt: skip
    cut = [f"{one.direction}: {one.reason}" for one in walks if one.truncated]
    # The nearest first: what does not fit is what is farthest away.
    near = sorted((item for one in walks for item in one.nodes), key=lambda item: item.depth)
    nodes = list(dict.fromkeys(item.node for item in near))
    runs = {edge.run_id: None for one in walks for edge in one.edges if edge.run_id is not None}
    runs.update(dict.fromkeys(_touching(client, own, clocks)))
    if len(nodes) > MOST_NODES:
        cut.append(f"{len(nodes) - MOST_NODES} of {len(nodes)} nodes, those farthest away, are left out")
    if len(runs) > MOST_RUNS:
        cut.append(f"{len(runs) - MOST_RUNS} of {len(runs)} runs are left out")
    keys = dict.fromkeys(own)
    keys.update(dict.fromkeys(_keys(client, nodes[:MOST_NODES])))
    chosen = tuple(sorted(list(keys)[:MOST_NODES]))
    return Scope(
        "node",
        str(node),
        clocks,
        chosen,
        _datasets(client, chosen),
        tuple(sorted(list(runs)[:MOST_RUNS])),
        walks=walks,
        cut=tuple(cut),
    )


def _of_run(client: Client, wanted: Wanted, clocks: Clocks) -> Scope:
    run = wanted.run
    rows = select(
        client,
        f"SELECT DISTINCT {key_sql()} AS key "
        f"FROM dataset_uses WHERE run_id = {{run:UUID}} AND {clocks.events()} ORDER BY key",
        {"run": run, **clocks.values()},
    )
    there = select(
        client,
        f"SELECT count() AS found FROM {clocks.view('runs')} WHERE run_id = {{run:UUID}}",
        {"run": run, **clocks.values()},
    )
    if not there[0]["found"]:
        raise NotFound(f"no run {run} is in the history")
    keys = tuple(row["key"] for row in rows)
    cut = () if len(keys) <= MOST_NODES else (f"{len(keys) - MOST_NODES} of {len(keys)} datasets are left out",)
    chosen = keys[:MOST_NODES]
    runs = () if run is None else (run,)
    return Scope("run", str(run), clocks, chosen, _datasets(client, chosen), runs, cut=cut)


def _touching(client: Client, keys: list[int], clocks: Clocks) -> list[uuid.UUID]:
    """Runs that read or wrote one of these nodes, those that made no edge of it too."""
    found: set[uuid.UUID] = set()
    for some in chunks(keys):
        for row in select(
            client,
            "SELECT DISTINCT assumeNotNull(run_id) AS run FROM dataset_uses WHERE isNotNull(run_id) AND "
            f"{key_sql()} IN {{keys:Array(UInt64)}} "
            f"AND {clocks.events()}",
            {"keys": some, **clocks.values()},
        ):
            found.add(row["run"])
    return sorted(found - {NO_RUN})


def _keys(client: Client, nodes: list[Node]) -> list[int]:
    """The keys of nodes; computed as the store does, so none is looked up one by one."""
    found: list[int] = []
    for some in chunks(nodes):
        rows = select(
            client,
            "SELECT sipHash64(n.1, n.2, toUInt8(n.3), n.4) AS key FROM (SELECT arrayJoin("
            "arrayZip({a:Array(String)}, {b:Array(String)}, {c:Array(UInt8)}, {d:Array(String)})) AS n)",
            {
                "a": [node.namespace for node in some],
                "b": [node.name for node in some],
                "c": [int(node.version is None) for node in some],
                "d": [node.version or "" for node in some],
            },
        )
        found += [row["key"] for row in rows]
    return found


def _datasets(client: Client, keys: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({found.dataset for found in by_keys(client, set(keys)).values()}))
