"""Bringing a database up to the declared schema, and back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.migrations import ledger
from headwater.migrations.engines import Engines, engines_of
from headwater.migrations.files import Migration, shipped
from headwater.migrations.lock import lease
from headwater.migrations.spreading import spread_tables, statements
from headwater.settings import Settings


@dataclass(frozen=True)
class Standing:
    """How one migration stands. `state`: applied, pending, changed (its files are others now) or newer
    (the database has it, this version of Headwater does not).
    """

    number: int
    name: str
    title: str
    kind: str
    state: str
    finished: datetime | None


@dataclass(frozen=True)
class Done:
    """A migration that was done or undone, or would be. `statements` as they are sent: one, on a cluster of several
    shards two where each shard's table is changed and the one over all.
    """

    number: int
    name: str
    kind: str
    statements: tuple[str, ...]


def database_name(settings: Settings) -> str:
    """The database that holds the history."""
    return settings.database_name


def status(client: Client, settings: Settings, migrations: Sequence[Migration] | None = None) -> list[Standing]:
    """How every migration stands, in order."""
    entries = {
        number: entry
        for number, entry in ledger.read(client, database_name(settings)).items()
        if entry.direction == "up"
    }
    known = shipped() if migrations is None else migrations
    found = [_standing(migration, entries.pop(migration.number, None)) for migration in known]
    newer = [Standing(e.number, e.name, "", "", "newer", e.finished) for e in entries.values()]
    return found + newer


def _standing(migration: Migration, entry: ledger.Entry | None) -> Standing:
    state = "pending"
    if entry is not None:
        state = "applied" if entry.checksum == migration.checksum else "changed"
    return Standing(
        migration.number,
        migration.name,
        migration.title,
        migration.kind,
        state,
        entry.finished if entry else None,
    )


def migrate(
    client: Client,
    settings: Settings,
    *,
    long: bool = True,
    dry_run: bool = False,
    migrations: Sequence[Migration] | None = None,
    engines: Engines | None = None,
) -> list[Done]:
    """Do what is pending, in order; safe when several start at once. `long=False` stops before the first
    long migration.

    Raises StateError where the database has changed or newer migrations, Unavailable where another holds
    the lease for too long.
    """
    known = shipped() if migrations is None else tuple(migrations)
    work = _Work(client, database_name(settings), engines or engines_of(settings), spread_tables(known))
    if dry_run or not _pending(client, settings, known):
        return [work.done(m, m.up) for m in _pending(client, settings, known)]
    ledger.prepare(client, work.database, work.engines)
    done: list[Done] = []
    with lease(client, work.database, work.engines) as renew:
        step = ledger.last_step(client, work.database)
        for migration in _pending(client, settings, known):
            if migration.kind == "long" and not long:
                break
            step += 1
            done.append(work.run(migration, step, "up"))
            renew()
    return done


def down(
    client: Client,
    settings: Settings,
    to: int,
    *,
    dry_run: bool = False,
    migrations: Sequence[Migration] | None = None,
    engines: Engines | None = None,
) -> list[Done]:
    """Undo the migrations above `to`, the newest first. Loses what their tables hold.

    Raises as `migrate`.
    """
    known = shipped() if migrations is None else tuple(migrations)
    work = _Work(client, database_name(settings), engines or engines_of(settings), spread_tables(known))
    if dry_run or not _applied(client, settings, known, to):
        return [work.done(m, m.down) for m in _applied(client, settings, known, to)]
    done: list[Done] = []
    with lease(client, work.database, work.engines) as renew:
        step = ledger.last_step(client, work.database)
        for migration in _applied(client, settings, known, to):
            step += 1
            done.append(work.run(migration, step, "down"))
            renew()
    return done


def _pending(client: Client, settings: Settings, known: Sequence[Migration]) -> list[Migration]:
    states = _states(client, settings, known)
    return [migration for migration in known if states[migration.number] == "pending"]


def _applied(client: Client, settings: Settings, known: Sequence[Migration], to: int) -> list[Migration]:
    states = _states(client, settings, known)
    return [m for m in reversed(known) if m.number > to and states[m.number] == "applied"]


def _states(client: Client, settings: Settings, known: Sequence[Migration]) -> dict[int, str]:
    states = {standing.number: standing for standing in status(client, settings, known)}
    for standing in states.values():
        where = f"{standing.number:04d}_{standing.name} in {database_name(settings)}"
        if standing.state == "changed":
            raise StateError(f"{where} was done from other files than this version ships; do not edit migrations")
        if standing.state == "newer":
            raise StateError(f"{where} is not known to this version of Headwater: update it, or use another database")
    return {number: standing.state for number, standing in states.items()}


@dataclass(frozen=True)
class _Work:
    """Where migrations are done, and what a cluster spreads over its shards."""

    client: Client
    database: str
    engines: Engines
    spread: frozenset[str]

    def run(self, migration: Migration, step: int, direction: str) -> Done:
        done = self.done(migration, migration.up if direction == "up" else migration.down)
        began = time.monotonic()
        for statement in done.statements:
            self.client.command(statement)
        ledger.write(self.client, self.database, step, migration, direction, time.monotonic() - began)
        return done

    def done(self, migration: Migration, statement: str) -> Done:
        sent = statements(statement, self.database, self.engines, self.spread)
        return Done(migration.number, migration.name, migration.kind, sent)
