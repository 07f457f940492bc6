"""A detection worker is killed between its verdicts and their commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from headwater.schemas import framing, plain, records
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.consumers.crashes.line import Line
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.crashes.points import OF_DETECTION, Plan
from tests.consumers.detection.making import standing
from tests.consumers.detection.test_worker import BAD, GOOD, send_days

pytestmark = [
    pytest.mark.integration,
    pytest.mark.backends("local"),
    pytest.mark.prove,
    pytest.mark.timeout(600),
]


#: Days that come at once, before each kill.
DAYS = [*pairwise((0, 12, 18, 22, 26, GOOD)), (GOOD, GOOD + 2), (GOOD + 2, GOOD + BAD)]


class Group:
    """Detection workers on topics of their own."""

    def __init__(self, settings: Settings, nursery: Nursery) -> None:
        self.line = Line(settings, nursery, 0, whole=True)
        self._nursery = nursery

    def days(self, first: int, last: int) -> None:
        """So many days of profiles; those behind GOOD in another unit."""
        send_days(self.line.settings, first, last, 1.0 if first < GOOD else 1.6)

    def worker(self, point: str = "", count: int = 1) -> Worker:
        plans = {point: Plan(count, "kill")} if point else {}
        worker = self._nursery.worker(self.line.settings, "detection", plans)
        self.line.workers.append(worker)
        return worker

    def has_met(self, worker: Worker) -> bool:
        """Whether it died, or has nothing more to judge."""
        return worker.ended or self._is_done()

    def finish(self) -> list[dict[str, Any]]:
        """All verdicts on the topic, once all is committed."""
        self.worker()
        wait_until(self._is_done, 120, "all uses and profiles judged", 0.5)
        schema = records.current("verdict")
        there = clients.read_all(self.line.settings.brokers, self.line.topic("verdicts"))
        values = [one.value for one in there if one.value]
        return [plain.decode(schema, value[framing.read_header(value).length :]) for value in values]

    def _is_done(self) -> bool:
        return not self.line.lag("detection-uses", "runs") and not self.line.lag("detection-checks", "uses", "profiles")


@pytest.fixture
def groups(kafka: Kafka, nursery: Nursery, prefix: str) -> Iterator[list[Group]]:
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix)
    made = [Group(replace(settings, prefix=f"{prefix}{name}."), nursery) for name in ("calm", "killed")]
    yield made
    for group in made:
        group.line.end()


def test_killed_between_verdicts_and_their_commit(groups: list[Group]) -> None:
    """Seven times, after half or all of a chunk's verdicts: the verdicts that stand are those that stand after an
    undisturbed worker who had all days at once, under the same ids, and no others.
    """
    calm, killed = groups
    for first, last in DAYS:
        calm.days(first, last)
    expected = standing(calm.finish())
    for number, (first, last) in enumerate(DAYS):
        killed.days(first, last)
        worker = killed.worker(OF_DETECTION[number % 2])
        wait_until(partial(killed.has_met, worker), 90, "a worker's death", 0.2)
        worker.kill()
    found = killed.finish()
    sent = [verdict["event_id"] for verdict in found]
    assert sum(bool(worker.reached) for worker in killed.line.workers) >= 4
    assert len(sent) > len(set(sent)), "nothing came twice: the kills met nothing"
    assert standing(found) == expected
