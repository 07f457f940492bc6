"""Every Kafka backend behaves alike where Headwater relies on it."""

from __future__ import annotations

import pytest

from tests.backends import clients
from tests.backends.kinds import Kafka

pytestmark = pytest.mark.integration


def test_messages_come_back_in_order(kafka: Kafka, prefix: str) -> None:
    """A partition gives back what was sent to it, key and value byte by byte, in order."""
    topic = f"{prefix}numbers"
    clients.create_topics(kafka.bootstrap, {topic: 3})
    sent = [(b"%d" % (i % 7), b"\x00\xff%d" % i) for i in range(500)]
    clients.produce(kafka.bootstrap, topic, sent)
    records = clients.read_all(kafka.bootstrap, topic)
    assert sorted((r.key, r.value) for r in records) == sorted(sent)
    for key in {key for key, _ in sent}:
        assert [r.value for r in records if r.key == key] == [value for k, value in sent if k == key]


def test_a_group_goes_on_where_it_committed(kafka: Kafka, prefix: str) -> None:
    """A second life of a group reads what the first one had not committed, and nothing that it had."""
    topic = f"{prefix}work"
    clients.create_topics(kafka.bootstrap, {topic: 1})
    clients.produce(kafka.bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    first = clients.consumer(kafka.bootstrap, f"{prefix}group", **{"max.poll.interval.ms": 10_000})
    first.subscribe([topic])
    seen = clients.poll(first, 4)
    first.commit(offsets=[clients.after(seen[-1])], asynchronous=False)
    first.close()
    second = clients.consumer(kafka.bootstrap, f"{prefix}group")
    second.subscribe([topic])
    rest = clients.poll(second, 6)
    second.close()
    assert [r.value for r in seen + rest] == [b"%d" % i for i in range(10)]


def test_members_share_the_partitions(kafka: Kafka, prefix: str) -> None:
    """Two members of a group get all partitions between them, none twice; when one leaves, the other gets its share."""
    topic = f"{prefix}shared"
    clients.create_topics(kafka.bootstrap, {topic: 4})
    clients.produce(kafka.bootstrap, topic, [(b"%d" % i, b"x") for i in range(64)])
    members = [clients.consumer(kafka.bootstrap, f"{prefix}group") for _ in range(2)]
    try:
        for member in members:
            member.subscribe([topic])
        clients.wait_for_assignment(members, 4)
        members.pop().close()
        clients.wait_for_assignment(members, 4)
    finally:
        for member in members:
            member.close()


def test_it_comes_back_after_a_kill(kafka: Kafka, prefix: str) -> None:
    """A killed broker starts again at the same address; Kafka has kept what it confirmed, the embedded one forgets."""
    topic = f"{prefix}kept"
    clients.create_topics(kafka.bootstrap, {topic: 1})
    clients.produce(kafka.bootstrap, topic, [(None, b"kept")])
    kafka.kill()
    assert not kafka.running
    kafka.start()
    known = topic in clients.admin(kafka.bootstrap).list_topics(timeout=10).topics
    assert known == (kafka.kind != "embedded")
    if known:
        assert [r.value for r in clients.read_all(kafka.bootstrap, topic)] == [b"kept"]


def test_a_paused_broker_hangs_and_goes_on(kafka: Kafka, prefix: str) -> None:
    """While it is paused nothing is answered; afterwards all goes on."""
    kafka.pause()
    try:
        assert not clients.broker_answers(kafka.bootstrap, seconds=0.5)
    finally:
        kafka.resume()
    clients.create_topics(kafka.bootstrap, {f"{prefix}after": 1})
