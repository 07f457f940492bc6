"""Every clause that differs between a single server (or chDB) and a cluster, in one place.

A cluster's servers define the macros `shard` and `replica`, as ClickHouse's own documentation has it, and the cluster's
name in `remote_servers`. Of one shard, each server holds everything. Of several, what is kept lies in the database
`<database>_shard` of each, by the hash of its sort key, and `<database>` holds a Distributed table over each.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.errors import StateError
from headwater.settings import Settings

#: Blocks whose deduplication token a table remembers; inserts come about once a second a table.
DEDUPLICATION_WINDOW = 1000
_REPLICA = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"


@dataclass(frozen=True)
class Engines:
    """The clauses of a single server."""

    #: Whether what is kept is spread over several shards.
    sharded = False

    def clause(self, name: str, argument: str | None) -> str:
        """The text for `${name}` or `${name(argument)}`. Raises StateError for an unknown name."""
        match name, argument:
            case "on_cluster", None:
                return ""
            case "replacing", version:
                return f"ReplacingMergeTree({version})" if version else "ReplacingMergeTree"
            case "aggregating", None:
                return "AggregatingMergeTree"
            case "appending", None:
                return "MergeTree"
            case "settings", None:
                return (
                    f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}, "
                    "ttl_only_drop_parts = 1, index_granularity = 8192"
                )
            case _:
                raise StateError(f"a migration has a place that nobody fills: {name}({argument or ''})")

    def lease(self, database: str) -> str:  # noqa: ARG002 - a cluster names it by the database
        """The engine of the table that only one migrator can make."""
        return "MergeTree"


@dataclass(frozen=True)
class Cluster(Engines):
    """The clauses of a cluster. `name`: as in `remote_servers`; `sharded`: of several shards."""

    name: str
    sharded: bool = False

    def clause(self, name: str, argument: str | None) -> str:
        match name, argument:
            case "on_cluster", None:
                return f"ON CLUSTER {_text(self.name)}"
            case "replacing", version:
                return f"ReplicatedReplacingMergeTree({_REPLICA}{f', {version}' if version else ''})"
            case "aggregating", None:
                return f"ReplicatedAggregatingMergeTree({_REPLICA})"
            case "appending", None:
                # Small, and asked whole: every server of every shard is a replica.
                return "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')"
            case "settings", None:
                return (
                    f"replicated_deduplication_window = {DEDUPLICATION_WINDOW}, "
                    "ttl_only_drop_parts = 1, index_granularity = 8192"
                )
            case _:
                return super().clause(name, argument)

    def lease(self, database: str) -> str:
        """One name for a replica that nobody can take twice: the keeper refuses the second, on whichever server."""
        path = database.replace("\\", "\\\\").replace("'", "\\'")
        return f"ReplicatedMergeTree('/clickhouse/headwater/{path}/migrations_lock', 'lease')"

    def distributed(self, database: str, table: str, key: str) -> str:
        """The engine of a table over all shards' tables of that name; `key`: what decides a row's shard."""
        return f"Distributed({_text(self.name)}, {_text(shard_database(database))}, {_text(table)}, cityHash64({key}))"


def engines_of(settings: Settings) -> Engines:
    """Those that the settings say. Raises StateError for shards without a cluster."""
    if settings.store_cluster:
        return Cluster(settings.store_cluster, settings.store_sharded)
    if settings.store_sharded:
        raise StateError("store_sharded needs store_cluster: the cluster's name in the servers' remote_servers")
    return Engines()


def shard_database(database: str) -> str:
    """Where each shard keeps its part."""
    return f"{database}_shard"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
