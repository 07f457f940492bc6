"""A detection worker is killed between its verdicts and their commit, and about the alerts that it tells."""

from __future__ import annotations

import contextlib
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
from tests.consumers.crashes.points import OF_DETECTION, OF_INCIDENTS, Plan
from tests.consumers.detection.making import standing
from tests.consumers.detection.test_worker import BAD, GOOD, send_days

pytestmark = [
    pytest.mark.integration,
    pytest.mark.backends("local"),
    pytest.mark.prove,
]


#: Days that come at once, before each kill.
DAYS = [*pairwise((0, 12, 18, 22, 26, GOOD)), (GOOD, GOOD + 2), (GOOD + 2, GOOD + BAD)]


class Group:
    """Detection workers on topics of their own."""

    def __init__(self, settings: Settings, nursery: Nursery) -> None:
        self.line = Line(settings, nursery, 0, whole=True)
        self._nursery = nursery

    def days(self, first: int, last: int) -> None:
        """So many days of profiles; those of BAD days in another unit."""
        for begin, end, factor in ((0, GOOD, 1.0), (GOOD, GOOD + BAD, 1.6), (GOOD + BAD, 2 * GOOD, 1.0)):
            if max(first, begin) < min(last, end):
                send_days(self.line.settings, max(first, begin), min(last, end), factor)

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
        return self.on("verdicts", "verdict")

    def on(self, topic: str, record: str) -> list[dict[str, Any]]:
        """All messages on a topic."""
        schema = records.current(record)
        there = clients.read_all(self.line.settings.brokers, self.line.topic(topic))
        values = [one.value for one in there if one.value]
        return [plain.decode(schema, value[framing.read_header(value).length :]) for value in values]

    def _is_done(self) -> bool:
        return not self.line.lag("detection-uses", "runs") and not self.line.lag("detection-checks", "uses", "profiles")


@pytest.fixture
def groups(kafka: Kafka, nursery: Nursery, prefix: str) -> Iterator[list[Group]]:
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, store_url="")
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


def told(group: Group) -> list[dict[str, Any]]:
    """The messages about incidents as they stand on the topic, in the order of their numbers."""
    return sorted(group.on("alerts", "alert"), key=lambda one: (one["incident_id"], one["number"]))


def last(group: Group) -> dict[bytes, dict[str, Any]]:
    """What the last message about each incident says that does not hang on when it was told."""
    return {
        one["incident_id"]: {
            **{key: one[key] for key in ("state", "title", "explanation", "severity", "onset", "last_seen", "reaches")},
            **{key: sorted(one[key]) for key in ("verdicts", "suppressed")},
        }
        for one in told(group)
    }


def has_ended(worker: Worker) -> bool:
    return worker.ended


def is_resolved(group: Group) -> bool:
    return any(one["state"] == "resolved" for one in told(group))


def test_killed_between_alerts_and_their_commit(groups: list[Group]) -> None:
    """The worker that tells incidents is killed before it tells that one opened, the one that stood by right after it
    told it; the same where it is over. Each message is told once, one pages, and the last says what it says without.
    """
    calm, killed = groups
    stages = ((0, GOOD + BAD), (GOOD + BAD, GOOD + BAD + 4))
    calm.worker()
    for first, end in stages:
        calm.days(first, end)
        wait_until(lambda: bool(told(calm)), 120, "an incident", 0.5)
    wait_until(partial(is_resolved, calm), 120, "its end", 0.5)
    for first, end in stages:
        dying: list[Worker] = []
        for point in OF_INCIDENTS:
            dying.append(killed.worker(point))
            wait_until(partial(dying[-1].says, "detection-incidents has"), 60, "a worker's first assignment", 0.2)
        killed.days(first, end)
        for worker in dying:
            wait_until(partial(has_ended, worker), 120, "a worker's death", 0.2)
    killed.worker()
    wait_until(partial(is_resolved, killed), 120, "the incident's end", 0.5)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: last(killed) == last(calm), 60, "the same end", 1.0)
    found = told(killed)
    assert [worker.reached for worker in killed.line.workers] == [[(point, 1)] for point in (*OF_INCIDENTS * 2,)] + [[]]
    assert [one["number"] for one in found] == list(range(1, len(found) + 1)), "a message was told twice or not at all"
    assert [one["state"] for one in found if one["page"]] == ["opened"]
    assert last(killed) == last(calm)
