"""The store's process as its parent sees it: start, address, stop, kill."""

from __future__ import annotations

import os
import sys
from urllib.error import URLError
from urllib.request import urlopen

from headwater.embedded.home import WRITER, Home
from headwater.embedded.processes import Child, Guardian, free_port, taken
from headwater.errors import StateError, Unavailable

START_SECONDS = 60.0


class StoreProcess:
    """The store of one home, on one port of 127.0.0.1."""

    user = WRITER

    def __init__(self, home: Home, guardian: Guardian, port: int = 0) -> None:
        """`port` 0: the port of the last time if it is free, else a free one."""
        self._home = home
        self._guardian = guardian
        self.port = port or self._last_port() or free_port()
        self.password = home.writer_password()
        self.child: Child | None = None

    @property
    def running(self) -> Child:
        """Its process. Raises Unavailable where it was never started."""
        if self.child is None:
            raise Unavailable("the store was not started")
        return self.child

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers; after a stop or a kill with the data it had.

        Raises StateError where the port is taken, Unavailable with the store's own line where it ended.
        """
        if taken(self.port):
            raise StateError(
                f"port {self.port} on 127.0.0.1 is taken: stop what listens there or choose another --store-port"
            )
        self._home.forget_state("store")
        command = [
            sys.executable,
            "-m",
            "headwater.embedded.store",
            "--home",
            str(self._home.path),
            "--port",
            str(self.port),
        ]
        self.child = Child("the store", command, self._home.logs / "store.log", self._guardian, dict(os.environ))
        self.child.start()
        self.child.wait_ready(self._answers, START_SECONDS)

    def stop(self, seconds: float = 30.0) -> bool:
        """Let it finish what runs and end; whether it did within the time."""
        return self.child is None or self.child.stop(seconds)

    def _last_port(self) -> int:
        last = (self._home.state("ports") or {}).get("store")
        return last if isinstance(last, int) and not taken(last) else 0

    def _answers(self) -> bool:
        state = self._home.state("store")
        if state is None or self.child is None or state.get("pid") != self.child.pid:
            return False
        self.port = int(state["port"])
        try:
            with urlopen(f"{self.url}/ping", timeout=2) as answer:  # noqa: S310 — an address of ours
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
