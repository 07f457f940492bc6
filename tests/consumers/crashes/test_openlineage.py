"""The worker that takes OpenLineage from Kafka is killed after its outputs are confirmed and before the commit."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from headwater.embedded.lag import lag
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.consumers.crashes.nursery import Nursery
from tests.consumers.crashes.points import Plan
from tests.consumers.openlineage.samples import SPARK
from tests.consumers.openlineage.test_translation import changed
from tests.consumers.openlineage.test_worker import TOPIC, expected, send, sent

pytestmark = pytest.mark.integration


def test_killed_between_its_outputs_and_the_commit_it_loses_nothing(
    kafka: Kafka, prefix: str, nursery: Nursery
) -> None:
    """What was not committed comes again and says the same: every event is there, none under another id or content."""
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=2, openlineage_topics=TOPIC)
    create(settings)
    events = [changed(SPARK, run__runId=f"018f30e2-9000-7b3c-8f77-{number:012x}") for number in range(300)]
    values = [json.dumps(event).encode() for event in events]
    send(settings, values[:100])
    first = nursery.worker(settings, "openlineage", {"confirmed": Plan(2, "kill")})
    try:
        wait_until(lambda: not lag(settings, "headwater-openlineage", [TOPIC])[TOPIC], 60, "the first commit")
        send(settings, values[100:])
        wait_until(lambda: first.ended, 60, "its death")
    finally:
        first.kill()
    assert first.reaches("confirmed")
    behind = lag(settings, "headwater-openlineage", [TOPIC])[TOPIC]
    there = Counter(sent(settings, RUNS.name))
    assert 0 < behind < len(events)
    assert len(there) > len(events) - behind, "it was sent, and not committed"
    second = nursery.worker(settings, "openlineage")
    try:
        wait_until(lambda: not lag(settings, "headwater-openlineage", [TOPIC])[TOPIC], 60, "all to be committed")
    finally:
        code = second.stop()
    assert code == 0
    found = clients.read_all(settings.brokers, settings.prefix + RUNS.name)
    assert set(sent(settings, RUNS.name)) == set(expected(RUNS.name, events))
    assert len(events) < len(found) < 2 * len(events)
