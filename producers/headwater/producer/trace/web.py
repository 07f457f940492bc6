"""Around a web application: each request is worked on within the context that its headers tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final

from headwater.producer.trace.context import Received, Within, current_trace
from headwater.producer.trace.headers import OURS, from_headers
from headwater.producer.trace.w3c import TraceContext

_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_ASGI = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]
_WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_NAMES: Final = {"HTTP_" + name.upper().replace("-", "_"): name for name in OURS}


class ASGIMiddleware:
    """Around an ASGI application (Starlette, FastAPI, Django, Quart, …): `app = ASGIMiddleware(app)`.

    A request without a trace begins one, so that all that is told and sent while it is answered is one trace.
    `run=False`: the run's header is not believed, for services at the edge of a network.
    """

    def __init__(self, app: _ASGI, *, run: bool = True) -> None:
        self.app = app
        self._run = run

    async def __call__(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        if scope.get("type") not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        with Within(_or_begun(from_headers(scope.get("headers", ()), run=self._run))):
            await self.app(scope, receive, send)


class WSGIMiddleware:
    """Around a WSGI application (Flask, Django, …): `app.wsgi_app = WSGIMiddleware(app.wsgi_app)`.

    As ASGIMiddleware. A body that is made bit by bit is made within the context too.
    """

    def __init__(self, app: _WSGI, *, run: bool = True) -> None:
        self.app = app
        self._run = run

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        received = _or_begun(from_headers(_headers(environ), run=self._run))
        with Within(received):
            body = self.app(environ, start_response)
        if isinstance(body, list | tuple) or _is_file(body, environ):
            return body  # it is made already, and servers treat it specially
        return _Body(body, received)


class _Body:
    def __init__(self, body: Iterable[bytes], received: Received) -> None:
        self._body = body
        self._received = received
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        with Within(self._received):
            if self._iterator is None:
                self._iterator = iter(self._body)
            return next(self._iterator)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            with Within(self._received):
                close()


def _or_begun(received: Received) -> Received:
    if received.trace is not None or current_trace() is not None:
        return received
    return Received(TraceContext.begin(), received.run)


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(environ[key]) for key, name in _NAMES.items() if key in environ}


def _is_file(body: object, environ: Mapping[str, Any]) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)
