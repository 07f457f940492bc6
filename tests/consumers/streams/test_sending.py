"""A sender whose client has lost its brokers sends what was not confirmed by a new one, in order; else it waits."""

from __future__ import annotations

import logging
from typing import Any

import confluent_kafka
import pytest

from headwater.errors import Unavailable
from headwater.schemas.topics import EDGES
from headwater.settings import Settings
from headwater.streams import sending
from headwater.streams.sending import Sender
from headwater.streams.step import Output
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port, wait_until

#: Without the prefix, which is the sender's.
TOPIC = EDGES.name


def lose(sender: Any) -> None:
    """As librdkafka does: its client finds no broker any more, whatever there is."""
    settings = {"bootstrap.servers": f"127.0.0.1:{free_port()}", "message.timeout.ms": 0, "log_level": 0}
    quiet = logging.getLogger("headwater.tests.lost")
    sender._producer = confluent_kafka.Producer({**settings, "delivery.report.only.error": True}, logger=quiet)


@pytest.mark.integration
def test_what_a_lost_client_held_is_sent_in_order(kafka: Kafka, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the partition that was said, and to those that keys lead to, also while more is sent."""
    monkeypatch.setattr(sending, "LOST_SECONDS", 1.0)
    clients.create_topics(kafka.bootstrap, {prefix + TOPIC: 3})
    sender = Sender(Settings(brokers=kafka.bootstrap, prefix=prefix))
    sender.send([Output(TOPIC, b"before", b"0")])
    wait_until(lambda: sender.confirm(1.0), 60, "the first one", 0)
    lose(sender)
    numbers = iter(range(10_000))

    def some(count: int) -> None:
        sender.send([Output(TOPIC, b"k%d" % (n % 7), b"%d" % n) for n in (next(numbers) for _ in range(count))])
        sender.send_to((TOPIC, 2), b"said", b"%d" % next(numbers))

    for _ in range(20):
        some(30)
    assert not sender.confirm(0.1)
    some(30)
    wait_until(lambda: sender.confirm(1.0), 60, "all confirmed", 0)
    some(30)
    wait_until(lambda: sender.confirm(1.0), 60, "what was sent behind them", 0)
    found: dict[bytes, list[int]] = {}
    records = clients.read_all(kafka.bootstrap, prefix + TOPIC)
    for record in records:
        assert record.key is not None
        found.setdefault(record.key, []).append(int(record.value or b""))
        assert record.partition == 2 or record.key != b"said"
    assert found.pop(b"before") == [0]
    assert sorted(n for every in found.values() for n in every) == list(range(next(numbers)))
    assert all(every == sorted(every) for every in found.values())
    assert len({record.partition for record in records}) == 3


class Client:
    """A made-up client that confirms nothing; it finds a broker or none."""

    def __init__(self, *, finds: bool) -> None:
        self.finds = finds
        self.asked = 0

    def flush(self, _seconds: float) -> int:
        return 1

    def list_topics(self, timeout: float) -> None:
        self.asked += 1
        if not self.finds:
            raise confluent_kafka.KafkaException(f"none within {timeout} s")


@pytest.mark.parametrize(("finds", "other"), [(True, True), (True, False), (False, False)])
def test_a_client_stays_while_no_other_would_do_better(
    finds: bool, other: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its broker is slow, or no broker answers at all."""

    def there(_settings: Settings, _seconds: float) -> dict[str, int]:
        if not other:
            raise Unavailable("no broker answers")
        return {}

    def made(_sender: Sender) -> Client:
        return client

    now = 0.0
    client = Client(finds=finds)
    monkeypatch.setattr(sending, "topics_there", there)
    monkeypatch.setattr(Sender, "_made", made)
    sender: Any = Sender(Settings(), clock=lambda: now)
    for _ in range(4):
        now += sending.LOST_SECONDS
        assert not sender.confirm(0.0)
    assert sender._producer is client
    assert client.asked == 3
