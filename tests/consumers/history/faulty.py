"""An HTTP proxy before the store that fails as servers and networks do, one planned fault a request."""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Answer = tuple[int, list[tuple[str, str]], bytes]


class Trouble(NamedTuple):
    """What befalls one insert. `code`: the server says this and has done nothing, or, where `done`, has done it.

    `cut`: the connection ends without an answer, before or after the insert was done; `short`: it ends within the
    answer; `seconds`: the answer comes so much later.
    """

    code: int = 0
    done: bool = False
    cut: bool = False
    short: bool = False
    seconds: float = 0.0
    text: str = "planned"


class Proxy(ThreadingHTTPServer):
    """Passes everything on but inserts for which a trouble is planned. `inserts`: how many came."""

    daemon_threads = True

    def __init__(self, store_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = urlsplit(store_url).netloc
        self.planned: deque[Trouble] = deque()
        self.away = False
        self.inserts = 0
        self.lock = threading.Lock()
        self.wake = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def proxy(store_url: str) -> Generator[Proxy]:
    """A proxy on a free port of loopback while the block lasts."""
    server = Proxy(store_url)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.wake.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy  # pyright: ignore[reportIncompatibleVariableOverride] — the only server that makes this handler

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name of the overridden method
        """The tests say what they saw."""

    def do_GET(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not ("INSERT" in self.path or body[:6] == b"INSERT"):
            self._pass(body)
            return
        with self.server.lock:
            self.server.inserts += 1
            if self.server.away:
                trouble = Trouble(cut=True)
            else:
                trouble = self.server.planned.popleft() if self.server.planned else Trouble(done=True)
        self._fail(trouble, body)

    def _fail(self, trouble: Trouble, body: bytes) -> None:
        nothing: Answer = (200, [], b"")
        answer = self._ask(body) if trouble.done else nothing
        self.server.wake.wait(trouble.seconds)
        if trouble.cut:
            self.close_connection = True
        elif trouble.code:
            said = f"Code: {trouble.code}. DB::Exception: {trouble.text}. (PLANNED)\n".encode()
            self._answer((500, [("X-ClickHouse-Exception-Code", str(trouble.code))], said))
        else:
            self._answer(answer, short=trouble.short)

    def _pass(self, body: bytes) -> None:
        if self.server.away:
            self.close_connection = True
        else:
            self._answer(self._ask(body))

    def _ask(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server.store, timeout=120)
        try:
            passed = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, passed)
            got = connection.getresponse()
            return got.status, got.getheaders(), got.read()
        finally:
            connection.close()

    def _answer(self, answer: Answer, *, short: bool = False) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (100 if short else 0)))
        self.end_headers()
        self.wfile.write(body)
        if short:
            self.close_connection = True
