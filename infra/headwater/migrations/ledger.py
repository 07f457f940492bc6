"""What was done to a database, in a table of its own: nothing is ever removed from it."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from datetime import datetime

from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.migrations.engines import Engines, shard_database
from headwater.migrations.files import Migration, quote, render

_CREATE = """
CREATE TABLE IF NOT EXISTS ${database}.migrations ${on_cluster}
(
    `number` UInt32 COMMENT 'The migration.',
    `name` String COMMENT 'Its name.',
    `direction` LowCardinality(String) COMMENT 'up or down.',
    `checksum` String COMMENT 'SHA-256 of its two files, the first 16 hex digits.',
    `kind` LowCardinality(String) COMMENT 'immediate or long.',
    `finished` DateTime64(6, 'UTC') COMMENT 'When it was done.',
    `step` UInt64 COMMENT 'Which entry of this ledger, from 1.',
    `took` Float64 COMMENT 'Seconds.',
    `by` String COMMENT 'The user of the machine that ran it.'
)
ENGINE = ${appending}
ORDER BY (step, number)
COMMENT 'Migrations as they were done and undone; the newest entry of each number says how it stands.'
"""


@dataclass(frozen=True)
class Entry:
    """How a migration stands in the database."""

    number: int
    name: str
    direction: str
    checksum: str
    finished: datetime


#: Codes of a server that knows no such cluster, or takes no statements for one.
_NO_CLUSTER = ("Code: 170", "Code: 392", "Code: 701")


def prepare(client: Client, database: str, engines: Engines) -> None:
    """Create the database and the ledger where they are not there yet. Raises StateError where the store is not of
    the cluster that the settings name.
    """
    on_cluster = engines.clause("on_cluster", None)
    for name in (database, shard_database(database)) if engines.sharded else (database,):
        try:
            client.command(f"CREATE DATABASE IF NOT EXISTS {quote(name)} {on_cluster}".rstrip())
        except Exception as error:  # the client's own class needs the extra, which a bare import must not
            if on_cluster and any(code in str(error) for code in _NO_CLUSTER):
                said = str(error).splitlines()[0]
                raise StateError(f"the store takes no statements {on_cluster} (store_cluster): {said}") from error
            raise
    client.command(render(_CREATE, database, engines))


def read(client: Client, database: str) -> dict[int, Entry]:
    """The newest entry of each migration; empty where the database or its ledger is not there."""
    there = client.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'migrations'",
        parameters={"database": database},
    ).result_rows[0][0]
    if not there:
        return {}
    rows = client.query(
        "SELECT number, argMax(name, step), argMax(direction, step), argMax(checksum, step), argMax(finished, step) "
        f"FROM {quote(database)}.migrations GROUP BY number ORDER BY number"
    ).result_rows
    return {int(row[0]): Entry(int(row[0]), str(row[1]), str(row[2]), str(row[3]), row[4]) for row in rows}


def last_step(client: Client, database: str) -> int:
    """The newest entry's step, 0 where there is none."""
    return int(client.query(f"SELECT max(step) FROM {quote(database)}.migrations").result_rows[0][0])


def write(client: Client, database: str, step: int, migration: Migration, direction: str, took: float) -> None:
    """Note that a migration was done or undone."""
    client.command(
        f"INSERT INTO {quote(database)}.migrations (number, name, direction, checksum, kind, finished, step, took, by) "
        "SELECT {number:UInt32}, {name:String}, {direction:String}, {checksum:String}, {kind:String}, now64(6), "
        "{step:UInt64}, {took:Float64}, {by:String}",
        parameters={
            "number": migration.number,
            "name": migration.name,
            "direction": direction,
            "checksum": migration.checksum,
            "kind": migration.kind,
            "step": step,
            "took": took,
            "by": _who(),
        },
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""
