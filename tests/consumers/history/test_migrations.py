"""Migrations: up, down and up again, several at once, and every way in which a database can be not as we need it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from headwater.audit import connect
from headwater.cli.main import main
from headwater.errors import StateError, Unavailable
from headwater.migrations import database_name, down, migrate, status
from headwater.migrations.engines import Engines
from headwater.migrations.files import quote, render, shipped
from headwater.migrations.lock import LEASE, lease
from headwater.settings import Settings
from tests.infra.workers import environment

pytestmark = pytest.mark.integration

_SHAPE = (
    "SELECT table, name, type, comment, default_expression FROM system.columns "
    "WHERE database = {database:String} AND NOT startsWith(table, 'migrations') ORDER BY table, position"
)


def shape(settings: Settings) -> list[tuple[object, ...]]:
    client = connect(settings, database=False)
    try:
        rows = client.query(_SHAPE, parameters={"database": database_name(settings)}).result_rows
        return [tuple(row) for row in rows]
    finally:
        client.close()


def test_up_down_up_gives_the_same_tables(empty: Settings) -> None:
    """Undoing everything leaves nothing but the ledger, doing it again gives the same columns and comments."""
    client = connect(empty, database=False)
    assert len(migrate(client, empty)) == len(shipped())
    first = shape(empty)
    assert {one.state for one in status(client, empty)} == {"applied"}
    assert migrate(client, empty) == []
    assert len(down(client, empty, 0)) == len(shipped())
    assert shape(empty) == []
    assert down(client, empty, 0) == []
    assert len(migrate(client, empty)) == len(shipped())
    assert shape(empty) == first
    client.close()


def test_every_table_column_is_explained(migrated: Settings) -> None:
    """Each column of each table that keeps something carries a comment, and so does the table."""
    client = connect(migrated, database=False)
    parameters = {"database": database_name(migrated)}
    kept = "engine LIKE '%MergeTree' AND database = {database:String}"
    silent = client.query(
        f"SELECT table, name FROM system.columns WHERE comment = '' AND database = {{database:String}} "
        f"AND table IN (SELECT name FROM system.tables WHERE {kept})",
        parameters=parameters,
    ).result_rows
    assert list(silent) == []
    silent = client.query(
        "SELECT name FROM system.tables WHERE comment = '' AND engine != 'MaterializedView' "
        "AND database = {database:String}",
        parameters=parameters,
    ).result_rows
    assert list(silent) == []
    client.close()


def test_several_at_once_do_each_migration_once(empty: Settings) -> None:
    """Three that start together leave a ledger with one entry a migration."""
    failures: list[BaseException] = []
    some = shipped()[:40]

    def run() -> None:
        try:
            client = connect(empty, database=False)
            migrate(client, empty, migrations=some)
            client.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    client = connect(empty)
    counts = client.query("SELECT count(), uniqExact(number) FROM migrations").result_rows
    assert [tuple(row) for row in counts] == [(len(some), len(some))]
    client.close()


def test_the_lease_of_a_process_that_ended_here_is_taken_over_at_once(empty: Settings) -> None:
    """Nobody waits for the time of a holder that is known to be dead; one that lives keeps it."""
    holding = (
        "import sys; from headwater.audit import connect; from headwater.migrations import database_name; "
        "from headwater.migrations.lock import lease; "
        "from headwater.settings import load; s = load(); c = connect(s, database=False); "
        "l = lease(c, database_name(s)); l.__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    client = connect(empty, database=False)
    client.command(f"CREATE DATABASE IF NOT EXISTS {quote(database_name(empty))}")
    holder = subprocess.Popen(
        [sys.executable, "-c", holding],
        env=environment(empty),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Unavailable), lease(client, database_name(empty), patience=0.5):
        pass
    holder.kill()
    holder.communicate()
    with lease(client, database_name(empty), patience=LEASE / 4) as renew:
        renew()


def test_a_lease_that_could_not_be_given_back_is_taken_again_at_once(
    empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was killed under a migration: the same worker, asking again, does not wait for its own lease."""
    client = connect(empty, database=False)
    client.command(f"CREATE DATABASE {quote(database_name(empty))}")

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("the store is away")

    with pytest.raises(ConnectionError), lease(client, database_name(empty)):
        monkeypatch.setattr(client, "command", away)
    monkeypatch.undo()
    with lease(client, database_name(empty), patience=LEASE / 4) as renew:
        renew()
    client.close()


def test_a_dead_migrators_lease_expires(empty: Settings) -> None:
    """A lease whose holder died is taken over when its time is up, and not before."""
    client = connect(empty, database=False)
    client.command(f"CREATE DATABASE {quote(database_name(empty))}")
    clock = [1000.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    holder = lease(client, database_name(empty), now=lambda: clock[0], sleep=sleep)
    holder.__enter__()
    with (
        pytest.raises(Unavailable, match="somebody else"),
        lease(client, database_name(empty), patience=LEASE / 2, now=lambda: clock[0], sleep=sleep),
    ):
        pass
    with lease(client, database_name(empty), patience=LEASE * 2, now=lambda: clock[0], sleep=sleep) as renew:
        renew()
        assert clock[0] >= 1000 + LEASE
    client.close()


def test_dry_run_does_nothing(empty: Settings) -> None:
    """A dry run gives the statements and leaves the server as it was."""
    client = connect(empty, database=False)
    statements = [sent for done in migrate(client, empty, dry_run=True) for sent in done.statements]
    assert len(statements) == len(shipped())
    assert all("${" not in statement for statement in statements)
    assert shape(empty) == []
    client.close()


def test_long_migrations_wait_for_an_operator(empty: Settings) -> None:
    """A worker that starts stops before the first long migration; an operator's run does it."""
    client = connect(empty, database=False)
    known = shipped()
    known = (*known[:2], replace(known[2], kind="long"), *known[3:5])
    assert [done.number for done in migrate(client, empty, long=False, migrations=known)] == [1, 2]
    assert [done.number for done in migrate(client, empty, migrations=known)] == [3, 4, 5]
    client.close()


def test_edited_and_newer_migrations_are_refused(empty: Settings) -> None:
    """A database made from other files, or by a newer version, is told and not touched."""
    client = connect(empty, database=False)
    known = shipped()[:3]
    migrate(client, empty, migrations=known)
    edited = (known[0], replace(known[1], checksum="other"), known[2])
    assert [one.state for one in status(client, empty, edited)] == ["applied", "changed", "applied"]
    with pytest.raises(StateError, match="other files"):
        migrate(client, empty, migrations=edited)
    assert [one.state for one in status(client, empty, known[:2])] == ["applied", "applied", "newer"]
    with pytest.raises(StateError, match="not known to this version"):
        migrate(client, empty, migrations=known[:2])
    client.close()


def test_a_prefix_may_hold_any_character(store: object, empty: Settings) -> None:
    """A database name with quotes, backticks and backslashes is a name and nothing else."""
    odd = replace(empty, prefix=empty.prefix + "a`b'c\\d\"; DROP ")
    client = connect(odd, database=False)
    try:
        migrate(client, odd, migrations=shipped()[:1])
        assert next(one.state for one in status(client, odd)) == "applied"
        assert {row[0] for row in shape(odd)} == {"run_events"}
    finally:
        client.command(f"DROP DATABASE IF EXISTS {quote(database_name(odd))}")
        client.close()


def test_the_command(empty: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`headwater migrate status` exits with 1 while something is pending, 0 when all is applied."""
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(empty, name))
    assert main(["migrate", "status"]) == 1
    assert "pending" in capsys.readouterr().out
    assert main(["migrate", "up"]) == 0
    assert f"up: {len(shipped())} migrations" in capsys.readouterr().out
    assert main(["migrate", "status", "--json"]) == 0
    assert '"state": "applied"' in capsys.readouterr().out
    assert main(["migrate", "down"]) == 2
    assert main(["migrate", "down", "--to", "0", "--dry-run"]) == 0
    assert "DROP VIEW" in capsys.readouterr().out


def test_every_statement_takes_every_clause() -> None:
    """No migration has a place that nobody fills, both ways."""
    for migration in shipped():
        for statement in (migration.up, migration.down):
            assert "${" not in render(statement, "history", Engines())
            assert len(re.sub(r"'(?:[^'\\]|\\.)*'|--[^\n]*", "", statement).split(";")) == 1, migration.name
