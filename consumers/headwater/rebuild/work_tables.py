"""The tables that a rebuild works in, and how the new ones take the place of those that serve.

All begin with `rebuild_`. What begins so and is there when a rebuild starts was left by one that ended early.

    rebuild_events          the archived events, each run's together, in order of arrival
    rebuild_landing         takes the derived edge sets, as edge_set_landing takes the stream's
    rebuild_raw_T           rows of the derived edge sets, for each table T of edges
    rebuild_T               what will serve
    rebuild_live_V          of each view V: lets what the stream makes known meanwhile go into rebuild_T too
    rebuild_exchange        is there from when the exchange begins until all of it is done
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.migrations.files import quote

PREFIX = "rebuild_"
EVENTS, LANDING, MARKER = "rebuild_events", "rebuild_landing", "rebuild_exchange"
UNJUDGED = "rebuild_unjudged"
#: What is derived. `edges_by_source` has the ends of all edges, by the source.
EDGES = "edges_by_target"
COLUMN_EDGES = "column_edges_by_target"
LINKS = "run_link_rows"
DERIVED = (EDGES, COLUMN_EDGES, LINKS)
MIRROR = "edges_by_source"
MIRRORED = (EDGES, COLUMN_EDGES)
SERVING = (*DERIVED, MIRROR)
NODES = "nodes"
_NODES_VIEW = "nodes_from_edges_mv"
#: Columns of an edge's row that are not the edge.
VERSIONED = ("known_at", "withdrawn_by", "withdrawn_at", "precedence")


def raw(table: str) -> str:
    """Where the derived rows of a table go."""
    return f"rebuild_raw_{table}"


def new(table: str) -> str:
    """What will take a table's place."""
    return PREFIX + table


@dataclass(frozen=True)
class Work:
    """The work tables of one history."""

    client: Client
    database: str

    def name(self, table: str) -> str:
        """A table's full name in SQL."""
        return f"{quote(self.database)}.{table}"

    def do(self, statement: str) -> None:
        self.client.command(statement)

    def columns(self, table: str) -> list[str]:
        """The columns that it keeps, in order. Raises StateError where it is not there."""
        rows = select(
            self.client,
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
            "AND default_kind != 'ALIAS' ORDER BY position",
            {"database": self.database, "table": table},
        )
        if not rows:
            raise StateError(f"{self.database}.{table} is not there; `headwater migrate status` says more")
        return [str(row["name"]) for row in rows]

    def left(self) -> list[str]:
        """What there is of a rebuild, views first."""
        rows = select(
            self.client,
            "SELECT name FROM system.tables WHERE database = {database:String} AND startsWith(name, {prefix:String}) "
            "ORDER BY engine != 'MaterializedView', name",
            {"database": self.database, "prefix": PREFIX},
        )
        return [str(row["name"]) for row in rows]

    def clear(self, but: Sequence[str] = ()) -> None:
        """Drop it; views before the tables that they write to, so that no insert fails on them."""
        for name in self.left():
            if name not in but:
                self.do(f"DROP TABLE IF EXISTS {self.name(name)} SYNC")

    def create(self, *, live: bool) -> None:
        """Make them. `live`: what the stream makes known from now on goes into the new tables too."""
        self.do(
            f"CREATE TABLE {self.name(EVENTS)} (lane UInt64, partition Int32, key String, life UInt32, offset Int64, "
            "arrival Int64, event_id UUID, fingerprint UInt64, body String CODEC(ZSTD(1))) "
            "ENGINE = MergeTree ORDER BY (lane, partition, key, life, offset)"
        )
        self.do(f"CREATE TABLE {self.name(UNJUDGED)} (id UUID) ENGINE = MergeTree ORDER BY id")
        self._copy("edge_set_landing", LANDING)
        self._copy(NODES, raw(NODES))
        self._view(_NODES_VIEW, "rebuild_nodes_mv", LANDING, raw(NODES), NODES)
        for table in DERIVED:
            self._copy(table, raw(table))
            self._view(f"{table}_mv", f"{raw(table)}_mv", LANDING, raw(table), table)
        for table in SERVING:
            self._copy(table, new(table))
        if live:
            for table in SERVING:
                self._view(f"{table}_mv", f"rebuild_live_{table}_mv", "edge_set_landing", new(table), table)

    def exchange(self) -> None:
        """Let the new tables serve, each at one moment; begun, it is finished by the next rebuild if not by this.

        What was inserted while it went on is in both, since until the end both are written to.
        """
        ids = {str(row["name"]): str(row["uuid"]) for row in self._ids([new(table) for table in SERVING])}
        names = ", ".join(f"'{table}={ids[new(table)]}'" for table in SERVING)
        marker = self.name(MARKER)
        # One statement, so that the marker is there with all that it says or not at all.
        self.do(f"CREATE TABLE {marker} ENGINE = MergeTree ORDER BY () AS SELECT arrayJoin([{names}]) AS made")
        self.finish()

    @property
    def exchanging(self) -> bool:
        """Whether an exchange was begun and not finished."""
        return MARKER in self.left()

    def finish(self) -> None:
        """Exchange those that were not exchanged yet, then drop all work tables, the marker last."""
        made = dict(
            str(row["made"]).split("=", 1) for row in select(self.client, f"SELECT made FROM {self.name(MARKER)}")
        )
        for row in self._ids(list(made)):
            table = str(row["name"])
            if str(row["uuid"]) != made[table]:
                self.do(f"EXCHANGE TABLES {self.name(table)} AND {self.name(new(table))}")
        self.clear(but=[MARKER])
        self.clear()

    def _ids(self, tables: Sequence[str]) -> list[dict[str, object]]:
        return select(
            self.client,
            "SELECT name, toString(uuid) AS uuid FROM system.tables WHERE database = {database:String} "
            "AND name IN {tables:Array(String)}",
            {"database": self.database, "tables": list(tables)},
        )

    def _text(self, name: str) -> str:
        """How the engine would make it."""
        found = select(
            self.client,
            "SELECT create_table_query FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self.database, "name": name},
        )
        if not found:
            raise StateError(f"{self.database}.{name} is not there; `headwater migrate status` says more")
        return cast("str", found[0]["create_table_query"])

    def _copy(self, table: str, copy: str) -> None:
        """An empty table like one that is there."""
        self.do(_renamed(self._text(table), {table: copy}))

    def _view(self, view: str, copy: str, source: str, target: str, of: str) -> None:
        """A view like one that makes rows of edge sets, from another source to another table."""
        text = self._text(view)
        self.do(_renamed(text, {view: copy, of: target, "edge_set_landing": source}))


def _renamed(text: str, names: dict[str, str]) -> str:
    """A statement about other tables: names stand behind their database and a dot."""
    pattern = re.compile(r"(?<=\.)(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")(?=[\s(]|$)")
    return pattern.sub(lambda match: names[match[1]], text)
