"""Fixtures that give a test real parts: `kafka`, `registry`, `store`, `prefix`; see tests/README.md."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.backends.guard import forbid_kafka, forbid_sockets, kafka_threads, refuse_kafka_threads
from tests.backends.kinds import Kafka, Registry, Store
from tests.backends.pool import BACKENDS, Pool, combinations, missing
from tests.backends.processes import children

PARTS = ("kafka", "registry", "store")
_SKIP = "backend "


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "backends(*names): runs only on these of embedded, local, containers")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    asked = {part for part in PARTS if part in metafunc.fixturenames}
    if not asked:
        return
    if not any(mark.name == "integration" for mark in metafunc.definition.iter_markers()):
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid} asks for {', '.join(sorted(asked))}: mark it integration"
        )
    only = {name for mark in metafunc.definition.iter_markers("backends") for name in mark.args}
    chosen = [name for name in combinations(asked) if not only or name in only]
    chosen = [name for name in chosen if name in _wanted()]
    metafunc.parametrize("backend", chosen, ids=chosen, indirect=True, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """All tests that miss one backend share one line of the summary."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith(_SKIP):
            report.longrepr = ("tests/backends", 1, reason)
    return report


def _wanted() -> set[str]:
    """All backends, or those that HEADWATER_TEST_BACKENDS names, separated by commas."""
    named = os.environ.get("HEADWATER_TEST_BACKENDS", "")
    wanted = {name.strip() for name in named.split(",") if name.strip()} or set(BACKENDS)
    if unknown := wanted - set(BACKENDS):
        raise pytest.UsageError(f"HEADWATER_TEST_BACKENDS: no backend {', '.join(sorted(unknown))}")
    return wanted


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The backend of this test: embedded, local or containers."""
    return cast("str", request.param)


@pytest.fixture(scope="session")
def backends(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """The session's pool, for tests that need a part of a certain kind: `backends.kafka("local")`."""
    folder = tmp_path_factory.mktemp("backends")
    pool = Pool(folder)
    yield pool
    pool.close()
    if request.session.testsfailed:
        _keep_logs(folder)


def _keep_logs(folder: Path) -> None:
    kept = Path(str(folder)).parent / "backend-logs"
    for log in folder.rglob("*.log"):
        if "data" not in log.relative_to(folder).parts:
            kept.mkdir(exist_ok=True)
            shutil.copy(log, kept / log.name)
    print(f"\nlogs of the backends: {kept}")  # noqa: T201 — the way to them, after a failure


def _part(request: pytest.FixtureRequest, pool: Pool, backend: str, part: str) -> Any:
    kind = BACKENDS[backend][part]
    reason = missing(part, kind)
    if reason is not None:
        pytest.skip(f"{_SKIP}{kind}: {reason}")
    return getattr(pool, part)(kind)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, backends: Pool, backend: str) -> Kafka:
    """A broker, of each kind in turn."""
    return cast("Kafka", _part(request, backends, backend, "kafka"))


@pytest.fixture(scope="session")
def registry(request: pytest.FixtureRequest, backends: Pool, backend: str) -> Registry:
    """A Schema Registry: local or containers."""
    return cast("Registry", _part(request, backends, backend, "registry"))


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest, backends: Pool, backend: str) -> Store:
    """ClickHouse over HTTP: the embedded store's server, or a container."""
    return cast("Store", _part(request, backends, backend, "store"))


@pytest.fixture
def prefix() -> str:
    """Put before every topic, group and database name of one test, so that tests share brokers and stores."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture(autouse=True)
def _no_network_unless_integration(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("integration") or request.node.get_closest_marker("prove"):
        yield
        return
    before = kafka_threads()
    with pytest.MonkeyPatch.context() as patch:
        forbid_sockets(patch)
        forbid_kafka(patch)
        yield
    refuse_kafka_threads(before)


@pytest.fixture(autouse=True)
def _parts_are_up(request: pytest.FixtureRequest) -> None:
    """A test that stopped or killed a broker leaves it to this to start it again for the next one."""
    for part in PARTS:
        if part in request.fixturenames:
            server = request.getfixturevalue(part)
            if not server.running:
                server.start()


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """At the session's end every process that the tests started has ended; one that has not is ended, and named."""
    yield
    left = sorted(f"{child.name} ({child.pid})" for child in children)
    for child in list(children):
        child.kill()
    assert not left, f"processes that tests started and did not end: {', '.join(left)}"
