"""The crash matrix of consumers/README.md: each step of a stitching worker × each process dying just there.

All cells of a column run side by side, each on a line of its own: they mostly wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.conftest import SEED
from tests.consumers.crashes.line import Line, Message
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.crashes.points import POINTS

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

Outcomes = Mapping[str, "Future[None]"]


class Column:
    """A line for each point; `at(point)` brings its worker there."""

    def __init__(self, name: str, settings: Settings, nursery: Nursery, seed: int) -> None:
        self._name, self._settings, self._nursery, self._seed = name, settings, nursery, seed
        self.lines: dict[str, Line] = {}
        #: The last events of runs whose first ones were sent before the point.
        self.ends: dict[str, list[Message]] = {}

    def line(self, point: str) -> Line:
        place = POINTS.index(point)
        prefix = f"{self._settings.prefix}{self._name}{place}."
        # With no time to be young, each open run goes to the state topic.
        young = 0.0 if point.startswith("state") else Settings().stitching_young_seconds
        settings = Settings(brokers=self._settings.brokers, prefix=prefix, stitching_young_seconds=young)
        self.lines[point] = Line(settings, self._nursery, self._seed + place)
        return self.lines[point]

    def at(
        self, point: str, action: str, before: Callable[[Line], object] = lambda line: None
    ) -> tuple[Line, Worker, Callable[[], None]]:
        """A line whose worker is killed or held at the point, and what tells the line of a schema it waits for."""
        line = self.line(point)
        before(line)
        starts, self.ends[point] = line.halves(60) if point.startswith("state") else ([], [])
        line.send(starts)
        if point in {"restoring", "state restored in part"}:
            line.feed(60)
            earlier = line.worker()
            line.settle()
            while point.startswith("state") and not line.has_state():
                line.feed(10)
                line.settle()
            earlier.kill()
        worker = line.worker(point, action=action)
        if point != "assigned":
            line.ready(worker)
        told = line.unheard(5) if point == "schema awaited" else lambda: None
        line.feed(60)
        if point == "dead letters sent in part":
            line.garbage(20)
        if point == "revoked":
            line.worker()
        wait_until(lambda: worker.reaches(point), 60, f"a worker at: {point}")
        return line, worker, told

    def finish(self, line: Line, told: Callable[[], None]) -> None:
        """More events and a worker that goes on; then all is there."""
        told()
        line.worker()
        line.feed(20)
        for point, ends in self.ends.items():
            if self.lines[point] is line:
                line.send(ends)
        line.settle()
        line.compare()

    def end(self) -> None:
        for line in self.lines.values():
            line.end()


def run(cell: Callable[[str], None]) -> Outcomes:
    """All cells of a column, side by side."""
    with ThreadPoolExecutor(len(POINTS)) as side_by_side:
        return {point: side_by_side.submit(cell, point) for point in POINTS}


@pytest.fixture(scope="module")
def worker_column(kafka: Kafka, nursery: Nursery, module_prefix: str) -> Iterator[Outcomes]:
    """The worker kills itself at the point."""
    column = Column("worker", Settings(brokers=kafka.bootstrap, prefix=module_prefix), nursery, SEED)

    def cell(point: str) -> None:
        line, worker, told = column.at(point, "kill")
        wait_until(lambda: worker.ended, 20, "the worker's death")
        assert worker.reached == [(point, 1)]
        column.finish(line, told)

    yield run(cell)
    column.end()


@pytest.fixture(scope="module")
def neighbour_column(kafka: Kafka, nursery: Nursery, module_prefix: str) -> Iterator[Outcomes]:
    """The worker is held at the point while another worker of its group is killed."""
    column = Column("neighbour", Settings(brokers=kafka.bootstrap, prefix=module_prefix), nursery, SEED)

    def cell(point: str) -> None:
        line, worker, told = column.at(point, "hold", before=lambda line: line.ready(line.worker()))
        line.workers[0].kill()
        worker.go_on()
        column.finish(line, told)

    yield run(cell)
    column.end()


@pytest.fixture(scope="module")
def broker_column(kafka: Kafka, nursery: Nursery, module_prefix: str) -> Iterator[Outcomes]:
    """All workers are held, each at its point, while the broker is killed and started again."""
    column = Column("broker", Settings(brokers=kafka.bootstrap, prefix=module_prefix), nursery, SEED)
    held = run_held(column)
    kafka.kill()
    kafka.start()

    def cell(point: str) -> None:
        line, worker, told = held[point].result()
        worker.go_on()
        column.finish(line, told)

    yield run(cell)
    column.end()


def run_held(column: Column) -> Mapping[str, Future[tuple[Line, Worker, Callable[[], None]]]]:
    """A worker held at each point."""
    with ThreadPoolExecutor(len(POINTS)) as side_by_side:
        return {point: side_by_side.submit(column.at, point, "hold") for point in POINTS}


@pytest.mark.parametrize("point", POINTS)
def test_the_worker_dies(point: str, worker_column: Outcomes) -> None:
    """SIGKILL just there; the next worker goes on, nothing is lost, nothing wrong."""
    worker_column[point].result()


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", POINTS)
def test_another_worker_of_the_group_dies(point: str, neighbour_column: Outcomes) -> None:
    """Its partitions come to those that are left; nothing is lost, nothing wrong."""
    neighbour_column[point].result()


@pytest.mark.parametrize("point", POINTS)
def test_the_broker_dies(point: str, broker_column: Outcomes) -> None:
    """It comes back with its data; the same workers go on, nothing is lost, nothing wrong."""
    broker_column[point].result()
