"""chDB, and nothing else of Headwater knows it: connections, queries, streams, inserts.

What was measured on chDB 4.4 (engine 26.9): a query releases the interpreter's lock, two connections
of one process run at the same time, two queries on one connection wait for one another; a new
connection costs 1 ms; `SET` holds for one connection only. So no two requests share a connection at one time.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from headwater.embedded.store.statements import Insert as InsertHead
from headwater.errors import MissingExtra, StateError

#: Formats whose pieces, each formatted by itself, join to the whole; all others are made in one piece.
STREAMED = frozenset({
    "Native", "CSV", "TSV", "TabSeparated", "TSVRaw", "TabSeparatedRaw", "RowBinary",
    "JSONEachRow", "JSONLines", "NDJSON", "JSONL", "JSONCompactEachRow",
})  # fmt: skip
_CODE = re.compile(r"Code: \d+\. ")
#: A nested error repeats the beginning: "Code: 73. DB::Exception: Code: 73. DB::Exception: …".
#: What the engine says to everyone once it died within the process.
FATAL = 236
_REPEATED = re.compile(r"^(?:Code: \d+\. DB::Exception: )+(?=Code: \d+\. DB::Exception: )")


class Refused(Exception):
    """The engine, or the guard before it, refused a statement. `code` is ClickHouse's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Answer(NamedTuple):
    """A result in one piece."""

    data: bytes
    read_rows: int
    read_bytes: int
    result_rows: int
    written_rows: int
    written_bytes: int


def refusal(error: Exception) -> Refused:
    """An engine's error as ClickHouse words it: `Code: 62. DB::Exception: … (SYNTAX_ERROR)`."""
    text = str(error).strip()
    first = _CODE.search(text)
    if first is None:
        return Refused(1002, f"Code: 1002. DB::Exception: {text} (UNKNOWN_EXCEPTION)")
    text = _REPEATED.sub("", text[first.start() :])
    return Refused(int(text[len("Code: ") :].partition(".")[0]), text)


class Engine:
    """The engine on one folder. A process can have one folder open."""

    def __init__(self, folder: Path, spool: Path) -> None:
        """Open or make the folder; data of inserts pass through files in `spool`, which is emptied.

        Raises MissingExtra, or StateError where the engine cannot read the folder.
        """
        self._spool = spool
        for left in spool.iterdir():  # of a process that was killed
            left.unlink()
        try:
            import chdb  # noqa: PLC0415 — takes 0.5 s, and only the store's process needs it
        except ImportError as error:
            raise MissingExtra("embedded", "chdb") from error
        module: Any = chdb
        self._connect: Callable[[str], Any] = module.connect
        self._folder = str(folder)
        try:
            # Held for the engine's life: the engine shuts down with its last connection.
            self._root = self._connect(self._folder)
            self.version = self._root.query("SELECT version()", "TSVRaw").bytes().decode().strip()
        except RuntimeError as error:
            raise StateError(
                f"the store's folder {folder} is damaged or of another version: "
                f"{refusal(error).message.splitlines()[0]}; "
                f"move it away (mv {folder} {folder}.damaged) and start again with an empty history"
            ) from error

    def connect(self) -> Connection:
        """A new connection with the engine's defaults."""
        try:
            return Connection(self._connect(self._folder), self._spool)
        except RuntimeError as error:
            raise refusal(error) from error

    def close(self) -> None:
        """Shut the engine down; all other connections must be closed."""
        self._root.close()


class Connection:
    """One connection: one statement at a time, from whichever thread."""

    def __init__(self, raw: Any, spool: Path) -> None:
        self._raw = raw
        self._spool = spool
        #: Whether every statement ran to its end, and its result was fetched.
        self.clean = True

    def query(self, sql: str, form: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """Run one statement. Parameters are texts in ClickHouse's escaped form. Raises Refused."""
        try:
            result = self._raw.query(sql, form, params=dict(parameters or {}))
        except RuntimeError as error:
            self.clean = False
            raise refusal(error) from error
        return Answer(
            bytes(result.bytes()),
            result.storage_rows_read(),
            result.storage_bytes_read(),
            result.rows_read(),
            result.rows_written(),
            result.bytes_written(),
        )

    def stream(self, sql: str, form: str, parameters: Mapping[str, str] | None = None) -> Generator[bytes]:
        """Run one query and give its result in pieces, for formats of STREAMED. Raises Refused, also between pieces."""
        clean, self.clean = self.clean, False
        try:
            handle = self._raw.send_query(sql, form, params=dict(parameters or {}))
        except RuntimeError as error:
            raise refusal(error) from error
        try:
            while (piece := handle.fetch()) is not None:
                yield bytes(piece.bytes())
            self.clean = clean
        except RuntimeError as error:
            raise refusal(error) from error
        finally:
            handle.close()

    def insert(self, head: InsertHead) -> Insert:
        """Begin an insert whose data come in pieces."""
        return Insert(self, head, self._spool)

    def set(self, values: Mapping[str, str]) -> None:
        """Set settings for this connection. Raises Refused."""
        if values:
            changes = ", ".join(f"{name} = {quoted(value)}" for name, value in values.items())
            self.query(f"SET {changes}", "Null")

    def close(self) -> None:
        self._raw.close()


class Insert:
    """An insert whose data come in pieces.

    They go through a file of the home folder: chDB's own streaming insert reports success when a
    materialized view fails (seen on 4.4), so what a view refuses, or cannot write, would be lost without a word.
    """

    def __init__(self, connection: Connection, head: InsertHead, spool: Path) -> None:
        self._connection = connection
        self._head = head
        descriptor, path = tempfile.mkstemp(dir=spool)
        self._file = os.fdopen(descriptor, "wb")
        self._path = Path(path)

    def append(self, data: bytes) -> None:
        """Hand over the next piece."""
        self._file.write(data)

    def finish(self) -> Answer:
        """Write what was handed over. Raises Refused."""
        self._file.close()
        head = self._head
        source = f"FROM INFILE {quoted(str(self._path))} COMPRESSION 'none' {head.settings} FORMAT {head.format}"
        try:
            return self._connection.query(f"{head.statement} {source}", "Null")
        finally:
            self._path.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Give up: nothing of it is written."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def quoted(value: str) -> str:
    """A text as a literal of SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def escaped(value: str) -> str:
    """A text as the value of a query parameter, which the engine reads in its tab-separated escaping."""
    for plain, code in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        value = value.replace(plain, code)
    return value
