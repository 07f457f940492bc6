"""Receivers on loopback: HTTP and SMTP servers that answer as told, or hang."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Received:
    """What came in, and how the next ones are answered: a status, or "hang", or "trickle", or what a function says."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.answers: list[Any] = []
        self.headers: dict[str, str] = {}
        self.over = threading.Event()

    def answer(self) -> Any:
        answer = self.answers.pop(0) if self.answers else None
        return answer() if callable(answer) else answer


@contextmanager
def http_server() -> Generator[tuple[str, Received]]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.requests.append((self.path, dict(self.headers), body))
            answer = received.answer() or 202
            if answer == "hang":
                received.over.wait(60)
                return
            if answer == "trickle":
                # a byte now and then: each read of the other side succeeds, the answer never ends
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while not received.over.wait(0.2):
                    try:
                        self.wfile.write(b"x")
                    except OSError:
                        return
                return
            self.send_response(answer)
            for name, value in received.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's own name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    yield from _serving(server, f"http://127.0.0.1:{server.server_address[1]}/hook", received)


@contextmanager
def smtp_server() -> Generator[tuple[str, Received]]:
    """As much of RFC 5321 as a client needs."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            if received.answer() == "hang":
                received.over.wait(60)
                return
            self.say("220 here")
            sender, receivers = "", list[str]()
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].upper()
                if word == "MAIL":
                    sender, receivers = line.partition(":")[2].split(">")[0].strip("< "), []
                elif word == "RCPT":
                    answer = received.answer()
                    if answer is not None:
                        self.say(f"{answer} no")
                        continue
                    receivers.append(line.partition(":")[2].strip("<> "))
                elif word == "DATA":
                    self.say("354 go on")
                    body = bytearray()
                    while (part := self.rfile.readline()) != b".\r\n":
                        body += part
                    received.mails.append((sender, receivers, bytes(body)))
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                self.say("250 ok")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    yield from _serving(server, f"smtp://127.0.0.1:{server.server_address[1]}", received)


def _serving(server: socketserver.TCPServer, url: str, received: Received) -> Iterator[tuple[str, Received]]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield url, received
    finally:
        received.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
