"""Apicurio Registry from its jars, in memory: Confluent's API without Docker."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import ClassVar

from tests.backends.cache import java, registry_jar
from tests.backends.processes import ServerProcess, free_port


def http_answers(url: str) -> bool:
    """Whether a GET gives 200."""
    with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=1) as answer:
        return bool(answer.status == 200)
    return False


class LocalRegistry:
    """A registry; `url` is what `schema.registry.url` wants. It forgets all when it stops."""

    kind: ClassVar[str] = "local"

    def __init__(self, folder: Path) -> None:
        port = free_port()
        runner = registry_jar()
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        self._process = ServerProcess(
            "Apicurio Registry",
            [
                java(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                f"-Dquarkus.http.port={port}",
                "-Dquarkus.http.host=127.0.0.1",
                "-jar",
                str(runner),
            ],
            folder / "registry.log",
            ready=lambda: http_answers(f"{self.url}/subjects"),
            seconds=90,
            folder=runner.parent,
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
        self._process.stop()

    def kill(self) -> None:
        self._process.kill()
