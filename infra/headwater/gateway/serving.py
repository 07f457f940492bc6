"""The server: uvicorn on a socket of ours, and a limit in time for the heads of requests."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headwater.errors import StateError
from headwater.gateway.app import App
from headwater.settings import Settings

#: A connection whose request's head is not whole after so long is closed; so is one that says nothing, seconds.
HEAD_SECONDS: Final = 15.0
_IDLE_SECONDS: Final = 75
_BACKLOG: Final = 1024
#: What is under way at the end has so long, seconds.
_END_SECONDS: Final = 20


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol has no limit for a head that never ends: this one has."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._forget()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _forget(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self.transport.close()


def serve(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is finished. `tell` is given the address.

    Raises StateError where the address cannot be had, and what `App` raises.
    """
    app = App(settings)
    address = _bound(settings)
    host, port = address.getsockname()[:2]
    config = uvicorn.Config(
        cast("Any", app),
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here asks for a client's address; who may send is told by keys and by the Host header.
        proxy_headers=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_END_SECONDS,
        backlog=_BACKLOG,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = uvicorn.Server(config)
    # uvicorn ends in order and then sends itself the signal once more, which must not end this process by itself. A
    # signal that comes before uvicorn listens for it, while the address is open already, must not be lost either.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    # As in a worker: looking through all that is kept of events again and again finds nothing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    tell(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    server.run(sockets=[address])


def _bound(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.gateway_host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((settings.gateway_host.strip("[]"), settings.gateway_port))
    except OSError as error:
        raise StateError(
            f"setting gateway_port: {settings.gateway_host}:{settings.gateway_port} cannot be had "
            f"({error.strerror}); give another with --port, or 0 for a free one"
        ) from error
    found.listen(_BACKLOG)
    return found
