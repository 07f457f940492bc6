"""The crash matrix of consumers/README.md: each step of a stitching worker × each process dying just there.

Cells of a column run side by side, each on a line of its own: they mostly wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.backends.processes import until, wait_until
from tests.conftest import SEED
from tests.consumers.crashes.line import Line, Message
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.crashes.points import POINTS

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

#: Cells of a column side by side: a worker's start computes, and more of them keep each other from starting.
AT_ONCE = 8

#: By point, how many edge sets were sent again.
Outcomes = Mapping[str, "Future[int]"]


class Column:
    """A line for each point; `at(point)` brings its worker there."""

    def __init__(self, name: str, settings: Settings, nursery: Nursery, seed: int) -> None:
        self._name, self._settings, self._nursery, self._seed = name, settings, nursery, seed
        self.lines: dict[str, Line] = {}
        #: Further events of runs whose first ones were sent before the point.
        self.left: dict[str, list[Message]] = {}

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
        of_state = point.startswith("state")
        starts, ends, late = line.thirds(60) if of_state else ([], [], [])
        self.left[point] = ends + late
        line.send(starts)
        if point in {"restoring", "state restored in part"}:
            line.feed(60)
            earlier = line.worker()
            line.settle()
            _have_state(line, of_state)
            earlier.kill()
        worker = line.worker(point, action=action)
        if point != "assigned":
            line.ready(worker)
        # So many that some come to this worker, however the group divides the partitions: of 5 all may miss it.
        told = line.unheard(40) if point == "schema awaited" else lambda: None
        line.feed(60)
        if point == "dead letters sent in part":
            line.garbage(20)
        if point == "revoked":
            line.worker()
        if point == "state taken back":
            _have_state(line, of_state)
            line.send(ends)
            self.left[point] = late
        deadline = until(60)
        while not worker.reaches(point):
            assert time.monotonic() < deadline, f"a worker at: {point}"
            if of_state:
                line.feed(5)  # runs move on behind what comes after them
            time.sleep(0.1)
        return line, worker, told

    def finish(self, point: str, told: Callable[[], None]) -> int:
        """More events and a worker that goes on; then all is there. How many edge sets were sent again."""
        line = self.lines[point]
        told()
        line.worker()
        line.feed(20)
        line.send(self.left[point])
        line.settle()
        return line.compare()

    def end(self) -> None:
        for line in self.lines.values():
            line.end()


def _have_state(line: Line, wanted: bool) -> None:
    while wanted and not line.has_state():
        line.feed(10)
        line.settle()


def run(cell: Callable[[str], int], points: Sequence[str]) -> Outcomes:
    """These cells of a column, side by side."""
    with ThreadPoolExecutor(AT_ONCE) as side_by_side:
        return {point: side_by_side.submit(cell, point) for point in points}


def asked(request: pytest.FixtureRequest, test: str) -> list[str]:
    """The points that this session asks of a test."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.originalname == test]
    return [str(item.callspec.params["point"]) for item in here]


@pytest.fixture(scope="module")
def columns(
    request: pytest.FixtureRequest, kafka: Kafka, nursery: Nursery, module_prefix: str
) -> Iterator[tuple[Outcomes, Outcomes]]:
    """Both columns whose broker lives, side by side: the worker kills itself at the point; it is held there while
    another worker of its group is killed.
    """
    settings = Settings(brokers=kafka.bootstrap, prefix=module_prefix)
    of_worker = Column("worker", settings, nursery, SEED)
    of_neighbour = Column("neighbour", settings, nursery, SEED)

    def worker_dies(point: str) -> int:
        _, worker, told = of_worker.at(point, "kill")
        wait_until(lambda: worker.ended, 20, "the worker's death")
        assert worker.reached == [(point, 1)]
        return of_worker.finish(point, told)

    def neighbour_dies(point: str) -> int:
        line, worker, told = of_neighbour.at(point, "hold", before=lambda line: line.ready(line.worker()))
        line.workers[0].kill()
        worker.go_on()
        return of_neighbour.finish(point, told)

    with ThreadPoolExecutor(2) as side_by_side:
        both = (
            side_by_side.submit(run, worker_dies, asked(request, "test_the_worker_dies")),
            side_by_side.submit(run, neighbour_dies, asked(request, "test_another_worker_of_the_group_dies")),
        )
        yield both[0].result(), both[1].result()
    of_worker.end()
    of_neighbour.end()


@pytest.fixture(scope="module")
def broker_column(
    request: pytest.FixtureRequest, kafka: Kafka, nursery: Nursery, module_prefix: str
) -> Iterator[Outcomes]:
    """All workers are held, each at its point, while the broker is killed and started again."""
    column = Column("broker", Settings(brokers=kafka.bootstrap, prefix=module_prefix), nursery, SEED)
    points = asked(request, "test_the_broker_dies")
    held = run_held(column, points)
    kafka.kill()
    kafka.start()

    def cell(point: str) -> int:
        _, worker, told = held[point].result()
        worker.go_on()
        return column.finish(point, told)

    yield run(cell, points)
    column.end()


def run_held(column: Column, points: Sequence[str]) -> Mapping[str, Future[tuple[Line, Worker, Callable[[], None]]]]:
    """A worker held at each point."""
    with ThreadPoolExecutor(AT_ONCE) as side_by_side:
        return {point: side_by_side.submit(column.at, point, "hold") for point in points}


def tell(who: str, point: str, again: int) -> None:
    """Figures of a cell, for whoever runs it with -s or -rP."""
    print(f"{who} at: {point}, seed {SEED}: {again} edge sets sent again")  # noqa: T201 — what it is for


def _short(*short: str) -> list[Any]:
    """All points; those that are not named here are of the long proofs."""
    return [point if point in short else pytest.param(point, marks=pytest.mark.prove) for point in POINTS]


@pytest.mark.parametrize("point", POINTS)
def test_the_worker_dies(point: str, columns: tuple[Outcomes, Outcomes]) -> None:
    """SIGKILL just there; the next worker goes on, nothing is lost, nothing wrong."""
    tell("the worker dies", point, columns[0][point].result())


@pytest.mark.parametrize("point", _short("sent in part", "revoked", "state sent in part"))
def test_another_worker_of_the_group_dies(point: str, columns: tuple[Outcomes, Outcomes]) -> None:
    """Its partitions come to those that are left; nothing is lost, nothing wrong."""
    tell("another worker dies", point, columns[1][point].result())


@pytest.mark.parametrize("point", _short("sent in part", "confirmed", "schema awaited", "state taken back"))
def test_the_broker_dies(point: str, broker_column: Outcomes) -> None:
    """It comes back with its data; the same workers go on, nothing is lost, nothing wrong."""
    tell("the broker dies", point, broker_column[point].result())
