"""The HTTP side of the store: who may ask, how bytes come in and go out.

Only loopback: the socket is bound there, and a browser is kept out by its own headers (a page that
resolves its name to 127.0.0.1 names itself in Host, any page's script names itself in Origin or
Sec-Fetch-Site, and no preflight is answered).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from headwater.embedded.store import compression, form
from headwater.embedded.store.engine import FATAL, Answer, Refused
from headwater.embedded.store.execute import Executor
from headwater.embedded.store.faults import BUSY, status
from headwater.embedded.store.request import Request, read

T = TypeVar("T")
_log = logging.getLogger(__name__)
#: Exit code of a process whose engine died; whoever keeps it up starts it again.
FATAL_EXIT = 70

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
#: Threads for readers and for the writer are apart, so that no number of readers holds up the archive.
READERS, WRITERS = 8, 8
#: Readers that may wait for one of the threads.
WAITING_READERS = 64
#: A form (a statement, its parameters) is read whole; other bodies are read in pieces, without a limit.
MAX_FORM_BYTES = 64 * 1024 * 1024
#: Bodies are handed between the loop and a thread in pieces of at least this many bytes.
PIECE_BYTES = 1024 * 1024


class Server:
    """The store's HTTP interface over one executor."""

    def __init__(self, executor: Executor, version: str, password: str) -> None:
        self._executor = executor
        self._version = version
        self._password = password
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._writers = ThreadPoolExecutor(WRITERS, "writer")
        self._reading = 0
        self._running: set[str] = set()

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(middlewares=[_only_local], client_max_size=MAX_FORM_BYTES)
        application.router.add_get("/ping", _ok)
        application.router.add_get("/replicas_status", _ok)
        application.router.add_route("*", "/", self._handle)
        return application

    def stop(self) -> None:
        """Stop what still runs and wait for it; new requests must not come any more."""
        for tag in list(self._running):
            self._executor.kill(tag)
        self._readers.shutdown()
        self._writers.shutdown()

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        if http.method not in ("GET", "HEAD", "POST"):
            raise web.HTTPMethodNotAllowed(http.method, ["GET", "HEAD", "POST"])
        query_id = http.query.get("query_id", "")
        try:
            pairs, body = await _form(http)
            request = read(
                itertools.chain(http.query.items(), pairs),
                http.headers,
                self._password,
                read_only=http.method != "POST",
            )
            query_id = request.query_id
            if not request.query and body is None and http.method != "POST":
                return web.Response(text="Ok.\n")
            return await self._in_thread(http, request, body)
        except Refused as refused:
            return self._refuse(refused, query_id)

    async def _in_thread(self, http: web.Request, request: Request, body: bytes | None) -> web.StreamResponse:
        if not request.writer:
            if self._reading >= READERS + WAITING_READERS:
                raise Refused(
                    BUSY,
                    f"Code: {BUSY}. DB::Exception: Too many readers at the same time. (TOO_MANY_SIMULTANEOUS_QUERIES)",
                )
            self._reading += 1
        tag = secrets.token_hex(16)
        self._running.add(tag)
        loop = asyncio.get_running_loop()
        if body is None and (http.content_length or PIECE_BYTES + 1) <= PIECE_BYTES:
            body = await http.content.read()
        pieces: Iterable[bytes] = _pulled(http, loop) if body is None else (body,)
        pool = self._writers if request.writer else self._readers
        work = loop.run_in_executor(pool, self._work, http, request, pieces, tag, loop)
        work.add_done_callback(lambda _: self._done(request, tag))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # The client went away. What it wanted to read is stopped; what it wanted written is completed.
            work.add_done_callback(_forget)
            if not request.writer:
                loop.run_in_executor(None, self._executor.kill, tag).add_done_callback(_forget)
            raise

    def _done(self, request: Request, tag: str) -> None:
        self._running.discard(tag)
        self._reading -= not request.writer

    def _work(
        self, http: web.Request, request: Request, body: Iterable[bytes], tag: str, loop: asyncio.AbstractEventLoop
    ) -> web.StreamResponse:
        """One request from its first byte to its last, on a thread."""
        try:
            plain = compression.decompressed(body, http.headers.get("Content-Encoding", "").lower())
            with self._executor.run(request, plain, tag) as outcome:
                # The first piece decides: a statement that fails before it is answered by its status.
                first = next(outcome.pieces, b"")
                # Most answers are one piece, and go out in one step: each takes its turn on the loop.
                second = None if outcome.summary is not None else next(outcome.pieces, None)
                headers = self._headers(request.query_id)
                headers["X-ClickHouse-Format"] = outcome.format
                headers["Content-Type"] = _CONTENT_TYPES.get(outcome.format, "text/plain; charset=UTF-8")
                encoding = (
                    compression.chosen(http.headers.get("Accept-Encoding", "")) if request.compress and first else None
                )
                if encoding:
                    headers["Content-Encoding"] = encoding
                if outcome.summary is not None:
                    headers["X-ClickHouse-Summary"] = _summary(outcome.summary)
                if second is None:
                    whole = b"".join(compression.compressed((first,), encoding)) if encoding else first
                    return web.Response(body=whole, headers=headers)
                tag_of_exception = secrets.token_hex(8)
                headers["X-ClickHouse-Exception-Tag"] = tag_of_exception
                response = web.StreamResponse(headers=headers)
                _wait(response.prepare(http), loop)
                plain_out = self._ended(itertools.chain((first, second), outcome.pieces), tag_of_exception)
                for piece in compression.compressed(plain_out, encoding) if encoding else plain_out:
                    _wait(response.write(piece), loop)
            # The client reads on until here, and may ask again at once: its session is free by then.
            _wait(response.write_eof(), loop)
        except Refused as refused:
            return self._refuse(refused, request.query_id)
        except ConnectionError:
            return web.Response(status=499)  # the client went away; nobody reads this
        else:
            return response

    def _ended(self, pieces: Iterable[bytes], tag: str) -> Iterator[bytes]:
        """The pieces; where one fails, the failure follows in the form that ClickHouse gives it."""
        try:
            for piece in pieces:
                if piece:
                    yield piece
        except Refused as refused:
            message = self._worded(refused).encode()
            yield (
                f"\r\n__exception__\r\n{tag}\r\n".encode()
                + message
                + f"{len(message)} {tag}\r\n__exception__\r\n".encode()
            )

    def _headers(self, query_id: str) -> dict[str, str]:
        return {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Server-Display-Name": "headwater",
            "X-ClickHouse-Timezone": "UTC",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    def _worded(self, refused: Refused) -> str:
        version = "" if "(version " in refused.message else f" (version {self._version} (embedded))"
        return f"{refused.message}{version}\n"

    def _refuse(self, refused: Refused, query_id: str) -> web.Response:
        if refused.code == FATAL and "fatal" in refused.message:
            _log.critical("the engine died, so this process ends: %s", refused.message)
            os._exit(FATAL_EXIT)
        headers = self._headers(query_id)
        headers["X-ClickHouse-Exception-Code"] = str(refused.code)
        return web.Response(status=status(refused.code), text=self._worded(refused), headers=headers)


@web.middleware
async def _only_local(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    host = request.headers.get("Host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name.lower() not in LOCAL_NAMES:
        return web.Response(status=403, text="This store answers on loopback only.\n")
    from_page = "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none"
    if from_page or request.method == "OPTIONS":
        return web.Response(status=403, text="This store answers no web page.\n")
    return await handler(request)


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _form(http: web.Request) -> tuple[list[tuple[str, str]], bytes | None]:
    """Parameters and query of a form; for any other body nothing, and it is not read here."""
    content_type = http.headers.get("Content-Type", "")
    if not form.is_form(content_type):
        return [], None
    return form.fields(content_type, await http.read()), b""


def _forget(done: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more; what it says is for the log at most."""
    if not done.cancelled() and (error := done.exception()) is not None:
        _log.info("after the client went away: %r", error)


def _pulled(http: web.Request, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """A body in pieces, each asked for by the thread that needs it."""

    async def piece() -> bytes:
        read = bytearray()
        while len(read) < PIECE_BYTES and (chunk := await http.content.readany()):
            read += chunk
        return bytes(read)

    while data := _wait(piece(), loop):
        yield data


def _wait(step: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    return asyncio.run_coroutine_threadsafe(step, loop).result()


def _summary(answer: Answer) -> str:
    return json.dumps(
        {
            "read_rows": str(answer.read_rows),
            "read_bytes": str(answer.read_bytes),
            "written_rows": str(answer.written_rows),
            "written_bytes": str(answer.written_bytes),
            "result_rows": str(answer.result_rows),
            "result_bytes": str(len(answer.data)),
        }
    )


_CONTENT_TYPES = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
}
