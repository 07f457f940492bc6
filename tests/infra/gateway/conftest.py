"""A gateway as an operator starts it, on a broker with topics."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from headwater.schemas.content import content_digest
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import ServerProcess, wait_until
from tests.infra.workers import environment


class Gateway:
    """One gateway that runs."""

    def __init__(self, process: ServerProcess, log: Path, settings: Settings) -> None:
        self.process = process
        self.settings = settings
        first = next(line for line in log.read_text("utf-8").splitlines() if line.startswith('{"url"'))
        self.url: str = json.loads(first)["url"]

    def wait_for_broker(self) -> None:
        """Until events go straight to the broker."""
        wait_until(lambda: bool(httpx.get(f"{self.url}/ready").json()["broker"]), 60, "the broker")

    def sent(self, topic: str = RUNS.name) -> list[tuple[bytes | None, bytes]]:
        """Key and content digest of every message on a topic."""
        found = clients.read_all(self.settings.brokers, self.settings.prefix + topic)
        return [(one.key, content_digest(one.value[10:])) for one in found if one.value]


@contextmanager
def serving(settings: Settings, folder: Path, options: Sequence[str] = ()) -> Generator[Gateway]:
    """Run one while the block lasts."""
    log = folder / "gateway.log"
    log.unlink(missing_ok=True)
    process = ServerProcess(
        "gateway",
        [sys.executable, "-m", "headwater.cli", "gateway", "--port", "0", "--json", *options],
        log,
        ready=lambda: '{"url"' in log.read_text("utf-8"),
        seconds=60,
        environment=environment(settings),
        folder=folder,
    )
    process.start()
    try:
        gateway = Gateway(process, log, settings)
        wait_until(lambda: _answers(gateway.url), 30, "the gateway")
        yield gateway
    finally:
        process.stop(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def settings(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Topics are there; one prefix for the tests of a module."""
    folder = tmp_path_factory.mktemp("gateway")
    given = Settings(
        brokers=kafka.bootstrap,
        prefix=f"g{folder.name[-4:]}{id(folder):x}.",
        partitions=3,
        spool_dir=str(folder / "spool"),
    )
    create(given)
    return given


@pytest.fixture(scope="module")
def gateway(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Generator[Gateway]:
    """A gateway without keys that reaches its broker, with a small limit for bodies."""
    with serving(settings, tmp_path_factory.mktemp("gateway")) as found:
        found.wait_for_broker()
        yield found
