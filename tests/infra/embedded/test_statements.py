"""Where an INSERT ends and its data begin."""

from __future__ import annotations

import pytest

from headwater.embedded.store.statements import Insert, NeedMore, format_clause, insert_head, only_changes
from headwater.migrations.engines import Engines
from headwater.migrations.files import render, shipped


@pytest.mark.parametrize(
    ("text", "statement", "settings", "form", "data"),
    [
        (b"INSERT INTO t FORMAT Avro\nDATA", "INSERT INTO t ", "", "Avro", b"DATA"),
        (b"insert into h.t (a, b) format Native\n\x00\n;", "insert into h.t (a, b) ", "", "Native", b"\x00\n;"),
        (b"INSERT INTO t VALUES (1), (2)", "INSERT INTO t ", "", "Values", b" (1), (2)"),
        (b"INSERT t VALUES (1)", "INSERT t ", "", "Values", b" (1)"),
        (b"INSERT INTO TABLE t FORMAT CSV 1", "INSERT INTO TABLE t ", "", "CSV", b"1"),
        (b"INSERT INTO FUNCTION null('a') FORMAT CSV\r\n1", "INSERT INTO FUNCTION null('a') ", "", "CSV", b"1"),
        (b"INSERT INTO t (format, `values`) FORMAT CSV\n", "INSERT INTO t (format, `values`) ", "", "CSV", b""),
        (b"INSERT INTO format FORMAT CSV\n", "INSERT INTO format ", "", "CSV", b""),
        (b"INSERT INTO h.format FORMAT CSV\n", "INSERT INTO h.format ", "", "CSV", b""),
        (b"INSERT INTO `a FORMAT b` FORMAT CSV\n", "INSERT INTO `a FORMAT b` ", "", "CSV", b""),
        (b"-- FORMAT x\nINSERT /* VALUES */ t FORMAT CSV\n\n", "-- FORMAT x\nINSERT /* VALUES */ t ", "", "CSV", b"\n"),
        (b"INSERT INTO t SETTINGS x = 'FORMAT' FORMAT TSV\n1", "INSERT INTO t ", "SETTINGS x = 'FORMAT' ", "TSV", b"1"),
    ],
)  # fmt: skip
def test_the_head_of_an_insert(text: bytes, statement: str, settings: str, form: str, data: bytes) -> None:
    """Words in quotes, comments, column lists and names are no clauses; the line end after FORMAT is no data."""
    head = insert_head(text, whole=True)
    assert head is not None
    assert head[:3] == (statement, settings, form)
    assert text[head.data :] == data


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 'VALUES' FORMAT CSV",
        b"INSERT INTO t WITH 1 AS a SELECT a",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"CREATE TABLE t (a UInt8)",
        b"",
        b"INSERT INTO t",
    ],
)
def test_what_carries_no_data(text: bytes) -> None:
    """All other statements, INSERT … SELECT among them, are run as they are."""
    assert insert_head(text, whole=True) is None


@pytest.mark.parametrize("cut", range(1, 44))
def test_a_head_that_is_not_complete_asks_for_more(cut: int) -> None:
    """However the bytes come in, the head is the same as from the whole."""
    text = b"INSERT INTO `t x` (a, b) /* y */ FORMAT CSV\n1,2\n"
    whole = insert_head(text, whole=True)
    try:
        assert insert_head(text[:cut], whole=False) == whole
    except NeedMore:
        assert insert_head(text[:48], whole=False) == whole
    assert isinstance(whole, Insert)


@pytest.mark.parametrize(
    ("canonical", "form"),
    [
        ("DESCRIBE TABLE t FORMAT JSON", "JSON"),
        ("SHOW CREATE TABLE t FORMAT TSVRaw SETTINGS a = 1", "TSVRaw"),
        ("DROP TABLE t", None),
    ],
)
def test_the_format_clause(canonical: str, form: str | None) -> None:
    """Read from the engine's own spelling of a statement."""
    assert format_clause(canonical) == form


@pytest.mark.parametrize(
    ("text", "surely"),
    [
        ("create table t (a String COMMENT 'a; b FORMAT c') ENGINE = Memory", True),
        ("-- one; FORMAT\n/* two; */ DROP TABLE `a;b`", True),
        ("INSERT INTO t SELECT 1", True),
        ("CREATE TABLE t (a UInt8) ENGINE = Memory; DROP TABLE t", False),
        ("DROP TABLE t FORMAT JSON", False),
        ("ALTER TABLE t ADD COLUMN b String DEFAULT 'no end", False),
        ("ALTER TABLE t ADD COLUMN b String DEFAULT $a$; FORMAT 'x$a$", True),
        ("ALTER TABLE t ADD COLUMN b String DEFAULT $a$;$b$", False),
        ("ALTER TABLE t ADD COLUMN b$a$;$a$ String", False),
        ("SELECT 1", False),
        ("EXPLAIN CREATE TABLE t (a UInt8) ENGINE = Memory", False),
        ("CREATED", False),
        ("", False),
    ],
)
def test_what_surely_only_changes(text: str, surely: bool) -> None:
    """One statement that changes something and asks for no FORMAT, whatever its texts and comments hold."""
    assert only_changes(text) == surely


def test_the_history_is_made_without_asking_the_parser() -> None:
    """Each migration, both ways, is seen to be one statement that only changes."""
    for migration in shipped():
        for statement in (migration.up, migration.down):
            assert only_changes(render(statement, "h", Engines()).strip()), migration.name
