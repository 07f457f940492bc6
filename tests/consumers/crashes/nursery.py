"""Stitching workers born by fork from a warm process: `python -m tests.consumers.crashes.nursery SOCKET`.

A worker starts in tens of milliseconds, since everything is imported and compiled before. It is told over its
connection what it is to do, tells over it which point it reached, and its death closes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError
from headwater.settings import Settings
from tests.backends.processes import ServerProcess, wait_until
from tests.benchmarks import workload
from tests.consumers.crashes.points import Plan, Points, install

#: Shorter than in production, so that a group learns soon of a death; chunks are small, so that there are many.
SESSION_SECONDS = 3.0
CHUNK_ROWS = 40


class Nursery:
    """The warm process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._address = folder / "nursery"
        self._process = ServerProcess(
            "nursery",
            [sys.executable, "-m", "tests.consumers.crashes.nursery", str(self._address)],
            folder / "nursery.log",
            ready=self._address.exists,
            seconds=120,
        )
        self._count = 0

    def start(self) -> None:
        self._process.start()

    def stop(self) -> None:
        """End it and all its workers."""
        self._process.kill()

    def worker(self, settings: Settings, name: str = "stitching", plans: Mapping[str, Plan] | None = None) -> Worker:
        """A new worker of that name, and what happens to it at which points."""
        self._count += 1
        log = self._folder / f"worker-{self._count}.log"
        given = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
        what = {"name": name, "settings": given, "log": str(log), "plans": dict(plans or {})}
        return Worker(self._address, what, log)


class Worker:
    """One worker, seen from the test."""

    def __init__(self, address: Path, what: dict[str, Any], log: Path) -> None:
        self.log = log
        #: What it told: points reached, as (name, how often it was passed).
        self.reached: list[tuple[str, int]] = []
        self.exit: int | None = None
        self._line = b""
        self._ended = False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(address))
        self._socket.sendall(json.dumps(what).encode() + b"\n")
        self.pid = 0
        wait_until(lambda: self.pid > 0 or self.ended, 30, "the worker's birth")

    @property
    def ended(self) -> bool:
        """Whether it is dead."""
        self._listen()
        return self._ended

    def reaches(self, point: str) -> bool:
        """Whether it told that it reached a point."""
        self._listen()
        return any(name == point for name, _ in self.reached)

    def go_on(self) -> None:
        """Let it go on from where it is held."""
        self._socket.sendall(b"go")

    def signal(self, number: signal.Signals) -> None:
        if not self.ended:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is dead."""
        self.signal(signal.SIGKILL)
        wait_until(lambda: self.ended, 10, "the worker's death")

    def stop(self) -> int | None:
        """SIGTERM; its exit code, None where it had to be killed after 25 s."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.ended, 25, "the worker's end")
        self.kill()
        return self.exit

    def says(self, text: str) -> bool:
        """Whether its log has that text."""
        return self.log.exists() and text in self.log.read_text("utf-8", "replace")

    def _listen(self) -> None:
        while not self._ended:
            try:
                got = self._socket.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionResetError:
                got = b""
            if not got:
                self._ended = True
                self._socket.close()
            *lines, self._line = (self._line + got).split(b"\n")
            for told in map(json.loads, lines):
                self.pid = told.get("pid", self.pid)
                self.exit = told.get("exit", self.exit)
                if "point" in told:
                    self.reached.append((told["point"], told["count"]))


def _serve(address: str) -> None:
    _warm()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address + ".new")
    listening.listen(64)
    Path(address + ".new").rename(address)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            os._exit(_work(connection))
        connection.close()


def _warm() -> None:
    """Import all and load what is compiled. No thread is begun: threads do not outlive a fork."""
    for module in ("headwater.archive", "headwater.streams.runner"):
        import_module(module)
    from headwater.stitching import StitchingStep
    from headwater.streams.chunk import Chunk
    from headwater.streams.reading import read
    from headwater.streams.schemas import SchemaBook

    messages = workload.messages(20)
    keys: list[bytes | None] = [key for key, _ in messages]
    values = [value for _, value in messages]
    chunk = Chunk("lineage.runs", 0, keys, values, list(range(len(values))), [1_700_000_000_000] * len(values))
    StitchingStep(Settings()).process(read(chunk, SchemaBook(Settings())).batch)


def _work(connection: socket.socket) -> int:
    from headwater.cli.workers import WORKERS, steps
    from headwater.streams import feed, run

    _end_with_the_nursery()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    what = json.loads(connection.makefile("rb").readline())
    out = os.open(what["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def tell(**told: object) -> None:
        connection.sendall(json.dumps(told).encode() + b"\n")

    tell(pid=os.getpid())
    feed.SESSION_SECONDS, feed.CHUNK_ROWS = SESSION_SECONDS, CHUNK_ROWS
    plans = {point: Plan(*plan) for point, plan in what["plans"].items()}
    install(Points(plans, lambda point, count: tell(point=point, count=count), lambda: _told_to_go(connection)))
    settings = Settings(**what["settings"])
    try:
        code = run(steps(what["name"], settings), settings, writes=WORKERS[what["name"]].writes)
    except HeadwaterError as error:
        logging.getLogger("tests.worker").error("%s", error)
        code = error.exit_code
    except BaseException:
        logging.getLogger("tests.worker").exception("the worker failed")
        code = 70
    tell(exit=code)
    return code


def _told_to_go(connection: socket.socket) -> None:
    connection.recv(2, socket.MSG_WAITALL)


def _end_with_the_nursery() -> None:
    """On Linux the kernel ends this process with its parent."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    _serve(sys.argv[1])
