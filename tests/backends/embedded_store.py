"""The embedded stack's store server, as a process of its own in a temporary home."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from headwater.embedded.home import WRITER, open_home
from tests.backends.local_registry import http_answers
from tests.backends.processes import ServerProcess, free_port


class EmbeddedStore:
    """The store on a free port of loopback; its data outlive a stop and a kill."""

    kind: ClassVar[str] = "embedded"
    user = WRITER

    def __init__(self, folder: Path) -> None:
        port = free_port()
        home = open_home(folder)
        self.url = f"http://127.0.0.1:{port}"
        self.password = home.writer_password()
        self._process = ServerProcess(
            "the store",
            [sys.executable, "-m", "headwater.embedded.store", "--home", str(home.path), "--port", str(port)],
            home.logs / "store.log",
            ready=lambda: http_answers(f"{self.url}/ping"),
            seconds=60,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        self._process.start()

    def stop(self) -> None:
        self._process.stop(30)

    def kill(self) -> None:
        self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()
