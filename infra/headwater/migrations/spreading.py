"""A migration's statement as a cluster of several shards runs it: on each shard's table, and on the one over all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headwater.errors import StateError
from headwater.migrations.engines import Cluster, Engines, shard_database
from headwater.migrations.files import Migration, quote, render

_MADE = re.compile(r"CREATE TABLE IF NOT EXISTS \$\{database\}\.(\w+) \$\{on_cluster\}")
_KEPT = ("ENGINE = ${replacing", "ENGINE = ${aggregating")
_SORTED = re.compile(r"^ORDER BY \((.*)\)$", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT '.*'$", re.MULTILINE)
_CHANGED = re.compile(r"(ALTER TABLE|DROP TABLE IF EXISTS|TRUNCATE TABLE IF EXISTS) \$\{database\}\.(\w+) ")
#: Changes of a table that one over all shards has no part in: it keeps no rows and no indexes.
_LOCAL = re.compile(r"\b(?:INDEX|PROJECTION|MODIFY (?:TTL|SETTING|ORDER BY)|UPDATE|DELETE)\b")


def spread_tables(migrations: Iterable[Migration]) -> frozenset[str]:
    """The tables whose rows lie on shards: all that keep rows and are not replicated to every server."""
    return frozenset(
        match[1]
        for migration in migrations
        if any(kept in migration.up for kept in _KEPT) and (match := _MADE.search(migration.up))
    )


def statements(statement: str, database: str, engines: Engines, tables: frozenset[str]) -> tuple[str, ...]:
    """What is sent for one statement of a migration, in order. `tables`: as `spread_tables` gives them.

    Raises StateError for a place that nobody fills.
    """
    whole = render(statement, database, engines)
    if not (isinstance(engines, Cluster) and engines.sharded):
        return (whole,)
    local = render(statement, shard_database(database), engines)
    made = _MADE.match(statement.strip())
    if made and made[1] in tables:
        return local, _over_all(statement, database, engines, made[1])
    changed = _CHANGED.match(statement.strip())
    if changed is None or changed[2] not in tables:
        return (whole,)
    if changed[1].startswith("TRUNCATE") or (changed[1].startswith("ALTER") and _LOCAL.search(statement)):
        return (local,)
    # The one over all is changed last and dropped first, so that it never names what the shards lack.
    return (whole, local) if changed[1].startswith("DROP") else (local, whole)


def _over_all(statement: str, database: str, engines: Cluster, table: str) -> str:
    sorted_by, comment = _SORTED.search(statement), _COMMENT.search(statement)
    if sorted_by is None:
        raise StateError(f"{table} has no line ORDER BY (…): a cluster spreads its rows by it")
    # Rows that replace each other are equal in their whole sort key, so they lie on one shard.
    engine = engines.distributed(database, table, sorted_by[1])
    on = engines.clause("on_cluster", None)
    made = f"CREATE TABLE IF NOT EXISTS {quote(database)}.{table} {on} AS {quote(shard_database(database))}.{table}"
    return "\n".join([made, f"ENGINE = {engine}", *([comment[0]] if comment else [])])
