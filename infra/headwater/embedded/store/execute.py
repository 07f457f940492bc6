"""One request on the engine: settings, parameters, insert or query, and the result on its way out."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from headwater.embedded.store import policy
from headwater.embedded.store.engine import STREAMED, Answer, Connection, Engine, Refused, escaped, quoted
from headwater.embedded.store.faults import BAD_ARGUMENTS, TOO_LARGE
from headwater.embedded.store.guard import (
    MAX_QUERY_BYTES,
    SELECT,
    Guard,
    Remembered,
    Statement,
    check_setting,
    described,
    parse,
)
from headwater.embedded.store.readers import Readers
from headwater.embedded.store.request import Request
from headwater.embedded.store.sessions import Sessions
from headwater.embedded.store.statements import Insert, NeedMore, format_clause, insert_head, only_changes

#: A statement of the writer without its data; DDL with long lists of values fits.
MAX_STATEMENT_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
#: chDB turns these on; a ClickHouse server does not.
_AS_A_SERVER: Mapping[str, str] = {"allow_introspection_functions": "0", "implicit_select": "0"}


@dataclass(frozen=True)
class Limits:
    """What one statement of a reader may take."""

    seconds: int = 120
    memory_bytes: int = 2 * 1024**3
    #: For formats that are made in one piece; streamed ones have no such limit.
    result_bytes: int = 1024**3


@dataclass(frozen=True)
class Outcome:
    """What goes back. `summary` is None while a stream runs."""

    format: str
    summary: Answer | None
    pieces: Generator[bytes]


class Executor:
    """Runs requests; each call from a thread of its own."""

    def __init__(self, engine: Engine, limits: Limits | None = None) -> None:
        self._engine = engine
        self._limits = limits or Limits()
        self._control = engine.connect()
        self._guard = Guard(self._control)
        self.sessions = Sessions(engine)
        self._readers = Readers(engine, _prepare)
        #: Connections of the writer's that ran nothing but SELECT, and what such texts were found to be.
        self._selecting = Readers(engine, _set)
        self._selects = Remembered()

    @contextlib.contextmanager
    def run(self, request: Request, body: Iterable[bytes], tag: str) -> Generator[Outcome]:
        """Run one request; its result lasts as long as the context. `tag`: what `kill` knows it by. Raises Refused."""
        with contextlib.ExitStack() as stack:
            way = self._write if request.writer else self._read
            outcome = way(stack, request, body, tag)
            # A stream ends before its connection: the other way round the engine dies.
            stack.enter_context(contextlib.closing(outcome.pieces))
            yield outcome

    def kill(self, tag: str) -> None:
        """Stop the statement that runs under this tag, if one still runs."""
        tag = self._readers.stop(tag) or self._selecting.stop(tag) or tag
        connection = self._engine.connect()
        try:
            connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(tag)} ASYNC", "Null")
        finally:
            connection.close()

    def close(self) -> None:
        self.sessions.close()
        self._readers.close()
        self._selecting.close()
        self._control.close()

    def _read(self, stack: contextlib.ExitStack, request: Request, body: Iterable[bytes], tag: str) -> Outcome:
        text = _text(request.query, body, MAX_QUERY_BYTES)
        statement = self._guard.known(text) or self._judged(text, request.parameters)
        form = statement.format or _given_format(request.default_format)
        for name in request.settings:
            check_setting(name)
        settings = {
            "max_execution_time": str(self._limits.seconds),
            "max_memory_usage": str(self._limits.memory_bytes),
            **({} if form in STREAMED else {"max_result_bytes": str(self._limits.result_bytes)}),
            **request.settings,
            **statement.settings,
        }
        self._check_caps(settings)
        connection = stack.enter_context(self._readers.connection(tag, request.database, settings))
        return _query(connection, text, Statement(form, kind=statement.kind), request)

    def _judged(self, text: str, parameters: Mapping[str, str]) -> Statement:
        with contextlib.closing(self._engine.connect()) as connection:
            connection.set(_AS_A_SERVER)
            return self._guard.judge(connection, text, parameters)

    def _write(self, stack: contextlib.ExitStack, request: Request, body: Iterable[bytes], tag: str) -> Outcome:
        for name in request.settings:
            if not _NAME.fullmatch(name):
                raise Refused(115, f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
        head, read, pieces = _head(request.query, body)
        text = "" if head else _text("", itertools.chain([read], pieces), MAX_STATEMENT_BYTES)
        select = None if head or request.session_id else self._selects.known(text)
        if select is not None:
            # It changes nothing on its connection, as a reader's.
            connection = stack.enter_context(self._selecting.connection(tag, request.database, request.settings))
            return _query(connection, text, select, request)
        connection = stack.enter_context(self.sessions.connection(request))
        _set(connection, request.database, {**request.settings, "log_comment": tag})
        if head is None:
            statement = _statement(connection, text)
            if statement.kind == SELECT:
                self._selects.keep(text, statement)
            return _query(connection, text, statement, request)
        connection.set({f"param_{name}": value for name, value in request.parameters.items()})
        answer = _insert(connection, head, itertools.chain([read[head.data :]], pieces))
        return Outcome(request.default_format, answer, _whole())

    def _check_caps(self, settings: Mapping[str, str]) -> None:
        for name, most in (
            ("max_execution_time", self._limits.seconds),
            ("max_memory_usage", self._limits.memory_bytes),
        ):
            try:
                fits = 0 < float(settings[name]) <= most
            except ValueError:
                fits = False
            if not fits:
                message = f"Setting {name} is above 0 and at most {most} for a reader"
                raise Refused(452, f"Code: 452. DB::Exception: {message}. (SETTING_CONSTRAINT_VIOLATION)")


def _head(query: str, body: Iterable[bytes]) -> tuple[Insert | None, bytes, Iterator[bytes]]:
    """The head of an insert with data, None for any other statement; what was read to know that, and what follows."""
    pieces = iter(body)
    read = query.encode() + b"\n" if query else b""
    while True:
        piece = next(pieces, None)
        read += piece or b""
        try:
            return insert_head(read, whole=piece is None), read, pieces
        except NeedMore:
            if len(read) > MAX_STATEMENT_BYTES:
                raise _too_long(MAX_STATEMENT_BYTES) from None


def _insert(connection: Connection, head: Insert, pieces: Iterable[bytes]) -> Answer:
    insert = connection.insert(head)
    try:
        for piece in pieces:
            if piece:
                insert.append(piece)
        return insert.finish()
    except BaseException:
        insert.cancel()
        raise


def _query(connection: Connection, text: str, statement: Statement, request: Request) -> Outcome:
    form = statement.format or request.default_format
    if form not in STREAMED or statement.kind != SELECT or request.whole:
        answer = connection.query(text, form, request.parameters)
        return Outcome(form, answer, _whole(answer.data))
    return Outcome(form, None, connection.stream(text, form, request.parameters))


def _prepare(connection: Connection, database: str, settings: Mapping[str, str]) -> None:
    """Make a connection a reader's."""
    connection.set(_AS_A_SERVER)
    # From here the engine itself lets nothing be changed: the changes of one SET are made in order.
    _set(connection, database, {**settings, "readonly": "1"})


def _set(connection: Connection, database: str, settings: Mapping[str, str]) -> None:
    _use(connection, database)
    connection.set(settings)


def _whole(*pieces: bytes) -> Generator[bytes]:
    yield from pieces


def _use(connection: Connection, database: str) -> None:
    if not database:
        return
    if not _DATABASE.fullmatch(database):
        raise Refused(81, f"Code: 81. DB::Exception: Database {database!r} does not exist. (UNKNOWN_DATABASE)")
    connection.query(f"USE `{database}`", "Null")


def _given_format(name: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in policy.FORMATS_REFUSED_LOWER:
        raise Refused(73, f"Code: 73. DB::Exception: Unknown format {name}. (UNKNOWN_FORMAT)")
    return name


def _statement(connection: Connection, text: str) -> Statement:
    if only_changes(text):
        return Statement(None)
    try:
        return described(parse(connection, text))
    except Refused as refused:
        if refused.code != BAD_ARGUMENTS:  # a statement that the parser cannot give as JSON
            raise
    canonical = connection.query("SELECT formatQuerySingleLine({query:String})", "TSVRaw", {"query": escaped(text)})
    return Statement(format_clause(canonical.data.decode()))


def _text(query: str, body: Iterable[bytes], most: int) -> str:
    text = query.encode() + b"\n" if query else b""
    for piece in body:
        text += piece
        if len(text) > most:
            raise _too_long(most)
    try:
        return text.strip().decode()
    except UnicodeDecodeError as error:
        raise Refused(
            62, f"Code: 62. DB::Exception: Syntax error: the statement is not UTF-8: {error}. (SYNTAX_ERROR)"
        ) from error


def _too_long(most: int) -> Refused:
    return Refused(
        TOO_LARGE, f"Code: {TOO_LARGE}. DB::Exception: The statement is longer than {most} bytes. (QUERY_IS_TOO_LARGE)"
    )
