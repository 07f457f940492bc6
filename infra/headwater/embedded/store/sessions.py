"""A writer's connections: one a request, or one that a session keeps from request to request.

A session holds what ClickHouse's does: temporary tables and what SET said. Settings in the address hold
for one request, so they are put back after it. A reader can change nothing, so its sessions keep nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from headwater.embedded.store.engine import Connection, Engine, Refused
from headwater.embedded.store.request import Request


@dataclass
class _Session:
    connection: Connection
    ends: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """All sessions of the writer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connection(self, request: Request) -> Generator[Connection]:
        """The connection of a writer's request. Raises Refused: 373 the session is in use, 372 there is none."""
        if not request.session_id:
            connection = self._engine.connect()
            try:
                yield connection
            finally:
                connection.close()
            return
        session = self._session(request)
        try:
            before = {name: _value(session.connection, name) for name in request.settings}
            try:
                yield session.connection
            finally:
                session.connection.set({name: value for name, value in before.items() if value is not None})
        finally:
            session.ends = time.monotonic() + request.session_timeout
            session.lock.release()
            if request.close_session:
                self._forget(request.session_id)

    def close(self) -> None:
        """End all sessions."""
        for name in list(self._sessions):
            self._forget(name)

    def _session(self, request: Request) -> _Session:
        name = request.session_id
        with self._lock:
            now = time.monotonic()
            for other, session in list(self._sessions.items()):
                if session.ends < now and session.lock.acquire(blocking=False):
                    del self._sessions[other]
                    session.connection.close()
            if name not in self._sessions:
                if request.session_check:
                    raise Refused(372, f"Code: 372. DB::Exception: Session {name} is not found. (SESSION_NOT_FOUND)")
                self._sessions[name] = _Session(self._engine.connect(), now)
            session = self._sessions[name]
            if not session.lock.acquire(blocking=False):
                raise Refused(
                    373,
                    f"Code: 373. DB::Exception: Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)",
                )
            return session

    def _forget(self, name: str) -> None:
        with self._lock:
            session = self._sessions.pop(name, None)
        if session is not None:
            session.connection.close()


def _value(connection: Connection, name: str) -> str | None:
    try:
        return connection.query("SELECT getSetting({name:String})", "TSVRaw", {"name": name}).data.decode().rstrip("\n")
    except Refused:
        return None
