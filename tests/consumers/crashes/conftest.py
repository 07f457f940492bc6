"""A nursery and a broker for all tests of this folder, a line for each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.consumers.crashes.line import Line
from tests.consumers.crashes.nursery import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Workers are born here."""
    made = Nursery(tmp_path_factory.mktemp("n"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def module_prefix() -> str:
    """As `prefix`, for all tests of a file together."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture
def make_line(kafka: Kafka, nursery: Nursery, prefix: str, seed: int) -> Iterator[Callable[..., Line]]:
    """Makes lines whose workers end with the test."""
    lines: list[Line] = []

    def make(**further: object) -> Line:
        settings = Settings(brokers=kafka.bootstrap, prefix=f"{prefix}{len(lines)}.", **further)  # type: ignore[arg-type]  # named by the test
        lines.append(Line(settings, nursery, seed + len(lines)))
        return lines[-1]

    yield make
    for line in lines:
        line.end()


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    return make_line()
