"""Many kills at seeded points, of workers and of the broker, and many rebalances, all under load.

What is on the topic of edges is then the reference's, as sets; what the archive made of it has each edge once.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.backends.kinds import Store
from tests.backends.local_kafka import LocalKafka
from tests.backends.pool import missing
from tests.backends.processes import until, wait_until
from tests.consumers.crashes import history
from tests.consumers.crashes.line import Line, Load
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.crashes.points import POINTS
from tests.consumers.history.conftest import dropped, settings_of

pytestmark = pytest.mark.integration

Lines = Callable[[int], list[Line]]


def tell(line: str) -> None:
    """Figures of the run, for whoever runs it with -s."""
    print(line)  # noqa: T201 — what it is for


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker of the test's own, on disk."""
    if why := missing("kafka", "local"):
        pytest.skip(f"backend local: {why}")
    made = LocalKafka(tmp_path / "broker")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def lines(broker: LocalKafka, store: Store, nursery: Nursery, prefix: str, seed: int) -> Iterator[Lines]:
    """Makes lines with all topics and a history of their own."""
    made: list[Line] = []

    def make(count: int) -> list[Line]:
        for number in range(count):
            settings = replace(settings_of(store, f"{prefix}{number}."), brokers=broker.bootstrap)
            # Young for no longer, so that runs come and go between memory, disk and the state topic all the time.
            settings = replace(settings, stitching_young_seconds=float(number % 2))
            made.append(Line(settings, nursery, seed + number, whole=True))
        return made

    yield make
    for line in made:
        line.end()
        dropped(line.settings)


def prove(lines: Sequence[Line], nursery: Nursery) -> None:
    """Let each line finish; hold its topics and its history against the reference."""
    with ThreadPoolExecutor(len(lines)) as side_by_side:
        done = list(side_by_side.map(partial(_prove, nursery=nursery), lines))
    again, events = (sum(one) for one in zip(*done, strict=True))
    tell(
        f"{events} events on {len(lines)} lines: 0 lost, 0 wrong, 0 doubled in the history, "
        f"{again} edge sets sent again"
    )


def _prove(line: Line, nursery: Nursery) -> tuple[int, int]:
    """How many edge sets were sent again, and how many events there are."""
    line.settle(240)
    again = line.compare()
    known = line.events()
    history.archive_and_compare(line, nursery, known)
    return again, len(known)


def kill_workers(line: Line, points: Sequence[str]) -> Counter[str]:
    """Kill a worker at each of these points in turn, while events come; how often each was reached."""
    reached: Counter[str] = Counter()
    chance = line.chance
    told: list[Callable[[], None]] = []
    with Load(line, runs=6, pause=0.3):
        line.ready(line.worker())
        wait_until(line.has_state, 60, "the first state", 0.2)
        line.workers[-1].kill()
        for point in points:
            often = chance.randint(1, 4) if point in POINTS[:7] else 1
            worker = line.worker(point, often)
            if point == "schema awaited":
                told.append(line.unheard(2))
            if point == "dead letters sent in part":
                line.garbage(30)
            if point == "revoked":
                line.ready(worker)
                line.worker()
            deadline = until(90)
            while not worker.ended:
                assert time.monotonic() < deadline, f"a worker's death: {often} × {point}"
                if point == "state taken back":
                    starts, ends = line.halves(5)
                    line.send(starts)
                    time.sleep(2.5)  # young for a second at most
                    line.send(ends)
                time.sleep(0.1)
            assert worker.reached == [(point, often)]
            reached[point] += 1
            while told:
                told.pop()()
            for other in line.workers:
                other.kill()
    line.worker()
    return reached


def workers_are_killed(lines: Sequence[Line], kills: int, nursery: Nursery, seed: int) -> None:
    points = [POINTS[number % len(POINTS)] for number in range(max(kills, len(POINTS)))]
    random.Random(seed).shuffle(points)
    points = points[:kills]
    reached: Counter[str] = Counter()
    with ThreadPoolExecutor(len(lines)) as side_by_side:
        parts = [points[number :: len(lines)] for number in range(len(lines))]
        for one in side_by_side.map(kill_workers, lines, parts):
            reached += one
    tell(f"\n{reached.total()} SIGKILLs of stitching workers, seed {seed}:")
    for point in POINTS:
        tell(f"  {point:<28}{reached[point]:>4}")
    assert reached.total() == kills
    prove(lines, nursery)


def test_workers_killed_at_seeded_points(lines: Lines, nursery: Nursery, seed: int) -> None:
    """Four of the steps, seeded, on two lines under load."""
    workers_are_killed(lines(2), 4, nursery, seed)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_two_hundred_workers_killed_at_seeded_points(lines: Lines, nursery: Nursery, seed: int) -> None:
    """The same, two hundred times."""
    workers_are_killed(lines(8), 200, nursery, seed)


def broker_is_killed(lines: Sequence[Line], kills: int, broker: LocalKafka, nursery: Nursery, seed: int) -> None:
    chance = random.Random(seed)
    for line in lines:
        line.ready(line.worker())
    with contextlib.ExitStack() as loads:
        for line in lines:
            loads.enter_context(Load(line, runs=20, pause=0.1))
        for _ in range(kills):
            time.sleep(chance.uniform(0.2, 4.0))
            broker.kill()
            broker.start()
    for line in lines:
        assert not line.workers[0].ended, "a worker did not outlive the broker"
    tell(f"\n{kills} SIGKILLs of the broker, seed {seed}")
    prove(lines, nursery)


def test_broker_killed_under_load(lines: Lines, broker: LocalKafka, nursery: Nursery, seed: int) -> None:
    """Twice; the worker outlives it."""
    broker_is_killed(lines(1), 2, broker, nursery, seed)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_broker_killed_twenty_times_under_load(lines: Lines, broker: LocalKafka, nursery: Nursery, seed: int) -> None:
    """Twenty times, on four lines."""
    broker_is_killed(lines(4), 20, broker, nursery, seed)


def rebalance(line: Line, changes: int) -> Counter[str]:
    """Workers join, leave and are killed, while events come; what happened how often. The group has formed again
    after each of `changes`; of those between them ("soon"), before.
    """
    done: Counter[str] = Counter()
    chance = line.chance
    with Load(line, runs=10, pause=0.1):
        line.ready(line.worker())
        alive = list(line.workers)
        while done.total() - done["soon"] < changes:
            before, is_member = assignments(alive), True
            choices = ["join"] * (len(alive) < 4) + ["leave", "kill"] * (len(alive) > 1)
            what = chance.choice(choices)
            if what == "join":
                alive.append(line.worker())
            else:
                worker = alive.pop(chance.randrange(len(alive)))
                before, is_member = assignments(alive), assignments([worker]) > 0
                if what == "kill":
                    worker.kill()
                else:
                    assert worker.stop() == 0
            # Who dies before it was a member is missed by nobody.
            if chance.random() < 0.3 or not is_member:
                done["soon"] += 1
            else:
                wait_until(lambda: assignments(alive) > before, 60, f"a rebalance after: {what}")  # noqa: B023 — called at once
                done[what] += 1
            time.sleep(chance.uniform(0.0, 1.5))
    for worker in alive:
        assert not worker.ended, f"a worker ended: {worker.log}"
    return done


def assignments(workers: Sequence[Worker]) -> int:
    """How often these were given partitions."""
    return sum(worker.log.read_text("utf-8").count("stitching has") for worker in workers if worker.log.exists())


def group_rebalances(lines: Sequence[Line], changes: int, nursery: Nursery, seed: int) -> None:
    done: Counter[str] = Counter()
    with ThreadPoolExecutor(len(lines)) as side_by_side:
        for one in side_by_side.map(rebalance, lines, [changes // len(lines)] * len(lines)):
            done += one
    seen = sum(assignments(line.workers) for line in lines)
    tell(f"\n{done.total() - done['soon']} rebalances ({dict(done)}; {seen} assignments), seed {seed}")
    prove(lines, nursery)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_fifty_rebalances_under_load(lines: Lines, nursery: Nursery, seed: int) -> None:
    """Workers join, leave and are killed, fifty times, on five lines; tests/consumers/streams has a short version."""
    group_rebalances(lines(5), 50, nursery, seed)
