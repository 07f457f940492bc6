"""A history of its own for each test, on every store there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from headwater.archive import ArchiveStep
from headwater.audit import connect
from headwater.audit.store import Client
from headwater.migrations import database_name, migrate
from headwater.migrations.files import quote
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.step import Output
from tests.backends.kinds import Store


@dataclass
class History:
    """A migrated database, an archive step on it, and what that step sent as dead letters."""

    settings: Settings
    client: Client
    step: ArchiveStep
    letters: list[Output]
    clock: list[int] = field(default_factory=lambda: [1_790_000_000_000_000])

    def keep(self, *batches: Batch) -> None:
        """Archive batches in one round."""
        for batch in batches:
            self.step.process(batch)
        self.step.flush()

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(sql, parameters=cast("dict[str, Any]", parameters)).result_rows]


#: By the address of a store.
_migrated: dict[str, Settings] = {}


def settings_of(store: Store, prefix: str) -> Settings:
    return Settings(store_url=store.url, store_user=store.user, store_password=store.password, prefix=prefix)


def dropped(settings: Settings) -> None:
    client = connect(settings, database=False)
    client.command(f"DROP DATABASE IF EXISTS {quote(database_name(settings))} SYNC")
    client.close()


@pytest.fixture
def empty(store: Store, prefix: str) -> Iterator[Settings]:
    """Settings of a database that is not there yet."""
    settings = settings_of(store, prefix)
    yield settings
    dropped(settings)


@pytest.fixture(scope="session")
def migrated(store: Store) -> Settings:
    """One migrated database of a store for all tests: making it takes longer than most of them.

    pytest ends this with each change of the backend, so at the end of each file; the database lasts as long as its
    store, whose folder goes with it.
    """
    settings = _migrated.get(store.url)
    if settings is None:
        settings = settings_of(store, f"h{secrets.token_hex(4)}.")
        client = connect(settings, database=False)
        migrate(client, settings)
        client.close()
        _migrated[store.url] = settings
    return settings


@pytest.fixture
def history(migrated: Settings) -> Iterator[History]:
    """A history with nothing in it."""
    letters: list[Output] = []
    clock = [1_790_000_000_000_000]

    def send(outputs: Sequence[Output]) -> bool:
        letters.extend(outputs)
        return True

    ours = connect(migrated)
    step = ArchiveStep(migrated, connected=lambda: ours, send=send, now=lambda: clock[0])
    yield History(migrated, ours, step, letters, clock)
    kept = "engine LIKE '%MergeTree' AND name != 'migrations' AND database = {database:String} AND total_rows > 0"
    for row in ours.query(
        f"SELECT name FROM system.tables WHERE {kept}", parameters={"database": database_name(migrated)}
    ).result_rows:
        ours.command(f"TRUNCATE TABLE {quote(str(row[0]))}")
    ours.close()
