"""The five roles: what each may do and what not, by the real engine; their statements, by its parser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headwater.audit import connect
from headwater.cli.main import main
from headwater.errors import SettingsError, StateError
from headwater.migrations.engines import Engines
from headwater.migrations.files import shipped
from headwater.roles import ROLES, apply, drop, role_name, statements
from headwater.roles.users_file import users_file
from headwater.settings import Settings
from tests.backends.kinds import Store
from tests.infra.roles.acting import DATABASE

README = Path("infra/README.md")
_DENIED, _READ_ONLY, _BOUND, _TOO_MANY, _RESULT = 497, 164, 452, 158, 396


def acted(folder: Path, role: str, act: str, said: Sequence[str] = ()) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.roles.acting", str(folder), role, act],
        input=json.dumps(said),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with four messages, made by its owner."""
    path = tmp_path_factory.mktemp("roles")
    assert acted(path, "owner", "made") == {"inserted": 4}
    return path


def refused(folder: Path, role: str, expected: Mapping[str, int]) -> None:
    codes = acted(folder, role, "tried", list(expected))["codes"]
    assert dict(zip(expected, codes, strict=True)) == expected


@pytest.mark.integration
def test_a_writer_archives_and_does_nothing_else(folder: Path) -> None:
    """It finds the history migrated, inserts, and continues the chain; it reads no event, alters and drops nothing."""
    assert acted(folder, "writer", "archived") == {"pending": [], "migrated": 0, "inserted": 4}
    refused(
        folder,
        "writer",
        {
            f"SELECT count() FROM {DATABASE}.run_events": _DENIED,
            f"SELECT * FROM {DATABASE}.runs": _DENIED,
            f"SELECT count() FROM {DATABASE}.ledger": 0,
            f"ALTER TABLE {DATABASE}.ledger DELETE WHERE 1": _DENIED,
            f"TRUNCATE TABLE {DATABASE}.run_events": _DENIED,
            f"INSERT INTO {DATABASE}.checkpoints (messages) VALUES (1)": _DENIED,
            f"INSERT INTO {DATABASE}.migrations (number) VALUES (1)": _DENIED,
            f"CREATE TABLE {DATABASE}.mine (a UInt8) ENGINE = Memory": _DENIED,
            "SET max_execution_time = 601": _BOUND,
            "SET max_execution_time = 0": _BOUND,
        },
    )


@pytest.mark.prove
@pytest.mark.integration
def test_a_reader_asks_every_question(folder: Path) -> None:
    """None of them reads what is withheld."""
    assert len(acted(folder, "reader", "asked")["answered"]) >= 12


@pytest.mark.integration
def test_a_reader_looks_everywhere_and_changes_nothing(folder: Path) -> None:
    """Views, walks and questions are answered; raw bytes, files, other hosts and higher limits are not its."""
    looked = acted(folder, "reader", "looked")
    assert looked["walk"] == ["a", "b"]
    assert looked["views"] >= 19
    refused(
        folder,
        "reader",
        {
            f"SELECT run_id FROM {DATABASE}.run_events": 0,
            f"SELECT raw_body FROM {DATABASE}.run_events": _DENIED,
            f"SELECT body_digest, arrival, kafka_key FROM {DATABASE}.run_events": 0,
            f"SELECT * FROM {DATABASE}.prediction_events": _DENIED,
            f"SELECT body FROM {DATABASE}.dead_letters": 0,
            f"INSERT INTO {DATABASE}.schemas (name) VALUES ('x')": _DENIED,
            f"DROP TABLE {DATABASE}.ledger": _DENIED,
            "SELECT * FROM file('/etc/passwd', 'LineAsString')": _DENIED,
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')": _DENIED,
            "SELECT * FROM remote('127.0.0.1', 'system', 'one')": _DENIED,
            "SET max_memory_usage = 100000000000": _BOUND,
            "SET max_memory_usage = 0": _BOUND,
            "SET max_execution_time = 10": 0,
            "SET readonly = 0": _READ_ONLY,
            "SELECT count() FROM numbers(2000000000)": _TOO_MANY,
            "SELECT number FROM numbers(1000001)": _RESULT,
        },
    )


@pytest.mark.integration
def test_an_auditor_checks_the_bytes_and_notes_checkpoints(folder: Path) -> None:
    """All that a reader may, `headwater verify` and its checkpoint; nothing is altered or removed."""
    verified = acted(folder, "auditor", "verified")
    assert verified["findings"] == 0
    assert verified["messages"] >= 4
    assert verified["kept"]
    refused(
        folder,
        "auditor",
        {
            f"SELECT raw_body FROM {DATABASE}.run_events": 0,
            f"SELECT * FROM {DATABASE}.dead_letters": 0,
            f"INSERT INTO {DATABASE}.ledger (first_offset) VALUES (1)": _DENIED,
            f"ALTER TABLE {DATABASE}.checkpoints DELETE WHERE 1": _DENIED,
            f"OPTIMIZE TABLE {DATABASE}.run_events FINAL": _DENIED,
            "SET max_execution_time = 100000": _BOUND,
        },
    )


@pytest.mark.integration
def test_a_detector_reads_what_its_state_is_made_from(folder: Path) -> None:
    """Both steps ask all that they ask at a start, and it may ask nothing else."""
    asked = acted(folder, "detector", "recalled")
    assert asked["rows"]["detection-checks"] >= 1
    assert asked["rows"]["detection-incidents"] >= 3
    refused(
        folder,
        "detector",
        {
            f"SELECT raw_body FROM {DATABASE}.run_events": 0,
            f"SELECT raw_body FROM {DATABASE}.prediction_events": _DENIED,
            f"SELECT count() FROM {DATABASE}.dead_letter_events": _DENIED,
            f"SELECT * FROM {DATABASE}.runs": _DENIED,
            f"INSERT INTO {DATABASE}.schemas (name) VALUES ('x')": _DENIED,
            "SET max_memory_usage = 100000000000": _BOUND,
            "SET readonly = 0": _READ_ONLY,
        },
    )


@pytest.mark.integration
def test_an_admin_does_anything_within_the_database(folder: Path) -> None:
    """Tables, rows and the database itself; nothing in another database, and no users."""
    refused(
        folder,
        "admin",
        {
            f"CREATE TABLE {DATABASE}.mine (a UInt8) ENGINE = MergeTree ORDER BY a": 0,
            f"ALTER TABLE {DATABASE}.mine ADD COLUMN b UInt8": 0,
            f"INSERT INTO {DATABASE}.mine (a) VALUES (1)": 0,
            f"SELECT raw_body FROM {DATABASE}.run_events": 0,
            f"DROP TABLE {DATABASE}.mine": 0,
            "CREATE DATABASE another": _DENIED,
            "CREATE TABLE default.mine (a UInt8) ENGINE = Memory": _DENIED,
            "CREATE USER somebody": _DENIED,
        },
    )


@pytest.mark.integration
def test_the_server_shows_the_grants_as_declared(folder: Path) -> None:
    """That nothing need be granted again is read from the server's list; of a right to everything it is unsure."""
    assert acted(folder, "owner", "held") == {"as_declared": ["writer", "reader", "auditor", "detector"]}


@pytest.mark.integration
def test_the_parser_takes_every_statement(store: Store) -> None:
    """Made, granted, withheld and removed, whatever the database is called."""
    settings = Settings(store_url=store.url, store_user=store.user, store_password=store.password)
    client = connect(settings, database=False)
    try:
        for database in (DATABASE, "a`b'c\\d"):
            for role in ROLES:
                for make in (statements.created, statements.granted, statements.dropped):
                    for statement in make(database, role, Engines()):
                        tree = client.query(f"EXPLAIN AST {statement}").result_rows
                        assert tree, statement
    finally:
        client.close()


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_the_embedded_store_has_no_roles(store: Store) -> None:
    """It says so, and what it has instead."""
    settings = Settings(store_url=store.url, store_user=store.user, store_password=store.password)
    client = connect(settings, database=False)
    try:
        with pytest.raises(StateError, match="keeps no users of its own"):
            apply(client, settings)
        with pytest.raises(StateError, match="keeps no users of its own"):
            drop(client, settings)
    finally:
        client.close()


@pytest.mark.integration
@pytest.mark.backends("containers")
def test_a_server_has_them_once_however_often_they_are_made(store: Store, prefix: str) -> None:
    """A user of each role may what it may; made again nothing changes; a right somebody added is taken back."""
    settings = Settings(store_url=store.url, store_user=store.user, store_password=store.password, prefix=prefix)
    database = settings.database_name
    client = connect(settings, database=False)
    try:
        client.command(f"CREATE DATABASE `{database}`")
        first = apply(client, settings)
        again = apply(client, settings)
        assert [len(one.statements) for one in first] == [3, 4, 3, 4, 3]
        assert [len(one.statements) for one in again] == [2, 2, 2, 2, 3]
        reader = role_name(database, ROLES[1])
        client.command(f"GRANT INSERT ON `{database}`.* TO `{reader}`")
        assert len(apply(client, settings)[1].statements) == 4
        shown = client.query(f"SHOW GRANTS FOR `{reader}`").result_rows
        assert not any("INSERT" in row[0] for row in shown)
        drop(client, settings)
        left = client.query("SELECT count() FROM system.roles WHERE startsWith(name, {d:String})", {"d": database})
        assert left.result_rows[0][0] == 0
    finally:
        client.command(f"DROP DATABASE IF EXISTS `{database}`")
        client.close()


def test_whatever_holds_bytes_is_withheld_from_readers() -> None:
    """Each table with a raw_body."""
    raw = {
        (match[1], "raw_body")
        for migration in shipped()
        if (match := re.search(r"CREATE TABLE IF NOT EXISTS \$\{database\}\.(\w+)", migration.up))
        and "`raw_body`" in migration.up
    }
    reader = next(role for role in ROLES if role.name == "reader")
    withheld = {(grant.table, column) for grant in reader.withheld for column in grant.columns}
    assert withheld == raw


def test_the_readme_says_what_each_role_may() -> None:
    """The table of roles has each role with what it does and its limits, and no other."""
    table = README.read_text("utf-8").partition("<!-- roles -->")[2].partition("<!-- end of roles -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", table, re.MULTILINE)
    assert rows == [(role.name, role.does, _limits({**role.limits, **role.fixed})) for role in ROLES]


def _limits(limits: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}` {value}" for name, value in limits.items())


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """It lists the roles, and prints the file for a server's users.d folder."""
    assert main(["roles", "list"]) == 0
    assert "headwater_reader" in capsys.readouterr().out
    assert main(["roles", "list", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [role.name for role in ROLES]
    assert main(["roles", "file"]) == 0
    assert capsys.readouterr().out == users_file("headwater")
    assert main(["roles", "file", "--prefix", "ü."]) == SettingsError.exit_code
    assert "users file" in capsys.readouterr().err
