"""Readers' connections, kept from one statement to the next.

Opening and setting one takes longer than a small statement. A reader can change nothing on its connection: what it was
set to is part of what it is kept by, and `readonly` was the last of that. So the next reader of the same settings finds
it as it was made. A writer's SELECT outside of a session changes nothing either; its connection is kept the same way,
apart from the readers'. One on which a statement failed or was stopped, or whose result was not read to its end, is
closed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex

from headwater.embedded.store.engine import Connection, Engine

#: Connections that wait for a reader; those that waited longest are closed first.
IDLE = 16


@dataclass
class _Kept:
    """A connection; `tag`: the log_comment by which its statement is stopped, its own for as long as it is open."""

    connection: Connection
    tag: str
    settings: frozenset[tuple[str, str]]
    database: str
    stopped: bool = False


class Readers:
    """All connections of readers."""

    def __init__(self, engine: Engine, prepare: Callable[[Connection, str, Mapping[str, str]], None]) -> None:
        """`prepare`: sets a new connection to a database and settings; it raises Refused."""
        self._engine = engine
        self._prepare = prepare
        self._idle: list[_Kept] = []
        self._used: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connection(self, request: str, database: str, settings: Mapping[str, str]) -> Generator[Connection]:
        """A connection for one statement; `request`: what `stop` knows it by."""
        kept = self._taken(database, settings)
        with self._lock:
            self._used[request] = kept
        try:
            yield kept.connection
        finally:
            self._given_back(request, kept)

    def stop(self, request: str) -> str | None:
        """The log_comment under which this request's statement runs, None where it has none running."""
        with self._lock:
            kept = self._used.get(request)
            if kept is None:
                return None
            # No other statement runs on it from here on, so none is stopped in this one's place.
            kept.stopped = True
            return kept.tag

    def close(self) -> None:
        """Close all that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.connection.close()

    def _taken(self, database: str, settings: Mapping[str, str]) -> _Kept:
        wanted = frozenset(settings.items())
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place].settings == wanted and self._idle[place].database == database:
                    return self._idle.pop(place)
        connection = self._engine.connect()
        kept = _Kept(connection, token_hex(16), wanted, database)
        try:
            self._prepare(connection, database, {**settings, "log_comment": kept.tag})
        except BaseException:
            connection.close()
            raise
        return kept

    def _given_back(self, request: str, kept: _Kept) -> None:
        closed: list[_Kept] = []
        with self._lock:
            del self._used[request]
            if kept.connection.clean and not kept.stopped:
                self._idle.append(kept)
                closed += self._idle[:-IDLE]
                del self._idle[:-IDLE]
            else:
                closed.append(kept)
        for one in closed:
            one.connection.close()
