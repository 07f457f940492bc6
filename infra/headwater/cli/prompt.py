"""SQL at a prompt: statements that may span lines, a history across sessions, errors that end nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import cast

from headwater.audit.model import plain
from headwater.audit.render import as_csv, table
from headwater.audit.store import Client
from headwater.errors import SettingsError

HELP_LINE = "A statement ends with ;  \\d tables  \\d NAME columns  \\q quits"


#: A statement that names its own form, as people write them for ClickHouse's client: … FORMAT Vertical
_OWN_FORM = re.compile(r"\bFORMAT\s+(?!ASC\b|DESC\b)\w+$", re.IGNORECASE)


def answer(client: Client, statement: str, form: str) -> str:
    """The rows of a statement as `table`, `csv` or `json`, or in the form that itself names with FORMAT.

    Raises SettingsError where the store refuses it.
    """
    errors = cast("type[Exception]", import_module("clickhouse_connect.driver.exceptions").Error)
    statement = statement.strip().rstrip("; \n")
    try:
        if _OWN_FORM.search(statement):
            return client.raw_query(statement).decode("utf-8", "replace")
        result = client.query(statement)
    except errors as error:
        raise SettingsError(f"the store refuses it: {_reason(error)}") from None
    columns, rows = list(result.column_names), list(result.result_rows)
    if form == "csv":
        return as_csv(columns, rows)
    if form == "json":
        named = [dict(zip(columns, map(plain, row), strict=True)) for row in rows]
        return json.dumps(named, indent=2, ensure_ascii=False, default=str) + "\n"
    return table(columns, rows) + "\n" if columns else ""


def prompt(client: Client, form: str, database: str) -> None:
    """Read and answer statements until the end of input."""
    print(HELP_LINE)
    with _history():
        for statement in _statements(database):
            started = time.monotonic()
            try:
                text = answer(client, _meta(statement), form)
            except SettingsError as error:
                print(error)
                continue
            print(f"{text}({time.monotonic() - started:.2f} s)")


def _statements(database: str) -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            line = input(f"{database}> " if not lines else "… ")
        except KeyboardInterrupt:
            print()
            lines = []
            continue
        except EOFError:
            print()
            return
        word = line.strip()
        if not lines and word in {"\\q", "quit", "exit"}:
            return
        if not lines and not word:
            continue
        lines.append(line)
        if word.endswith(";") or (len(lines) == 1 and word.startswith("\\")):
            yield "\n".join(lines)
            lines = []


def _meta(statement: str) -> str:
    word, _, name = statement.strip().rstrip(";").partition(" ")
    if word != "\\d":
        return statement
    return f"DESCRIBE TABLE {name.strip()}" if name.strip() else "SHOW TABLES"


@contextlib.contextmanager
def _history() -> Generator[None]:
    """Lines of earlier sessions, where this Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    folder = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "headwater"
    file = folder / "sql_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            readline.set_history_length(2000)
            readline.write_history_file(file)
            file.chmod(0o600)


def _reason(error: Exception) -> str:
    text = str(error)
    start = text.find("DB::Exception: ")
    return (text[start + len("DB::Exception: ") :] if start >= 0 else text).strip().splitlines()[0][:500]
