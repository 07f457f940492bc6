"""The embedded stack's broker (Tansu), started by the product's own code."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import ClassVar

from headwater.embedded.broker import Broker
from headwater.embedded.home import open_home
from headwater.embedded.processes import Guardian
from tests.backends.clients import broker_answers
from tests.backends.processes import children, free_port, pause, wait_until


class EmbeddedKafka:
    """A broker on a free port of loopback. A stopped or killed one has forgotten everything."""

    kind: ClassVar[str] = "embedded"
    name = "the embedded broker"

    def __init__(self, folder: Path) -> None:
        self._home = open_home(folder)
        self._port = free_port()
        self._guardian: Guardian | None = None
        self._broker: Broker | None = None
        self.bootstrap = f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        child = self._broker.child if self._broker else None
        if child is None or child.pid is None:
            raise RuntimeError("the embedded broker does not run")
        return child.pid

    @property
    def running(self) -> bool:
        child = self._broker.child if self._broker else None
        return child is not None and child.running

    def start(self) -> None:
        if not self.running:
            self._guardian = Guardian()
            self._broker = Broker(self._home, self._guardian, self._port)
            self._broker.start()
            children.add(self)
            wait_until(lambda: broker_answers(self.bootstrap), 20, "the embedded broker answering")

    def stop(self) -> None:
        if self._broker is not None:
            if self.running:
                self.resume()
            self._broker.stop()
        self._ended()

    def kill(self) -> None:
        if self._broker is not None and self._broker.child is not None:
            self._broker.child.kill()
        self._ended()

    def pause(self) -> None:
        pause(self.pid)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _ended(self) -> None:
        children.discard(self)
        if self._guardian is not None:
            self._guardian.close()
            self._guardian = None
