"""What a producer does when a broker refuses it or cannot be reached: rows of the table in producers/README.md."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.producer import Producer
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings
from tests.backends.cache import NoTools
from tests.backends.clients import create_topics, read_all
from tests.backends.kinds import Kafka
from tests.backends.local_kafka import LocalKafka
from tests.backends.processes import free_port, wait_until
from tests.producers.test_kafka import TOPICS
from tests.producers.test_replay import emit

pytestmark = pytest.mark.integration

NOBODY = "127.0.0.1:9"
SECRET = "hunter2-of-the-broker"


def told(brokers: str, prefix: str, topic: str = "lineage.runs") -> list[dict[str, Any]]:
    schema = records.current(topics.TOPICS[topic].record or "")
    return [
        plain.decode(schema, (record.value or b"")[framing.SINGLE_OBJECT_HEADER :])
        for record in read_all(brokers, prefix + topic, 60)
    ]


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Generator[str]:
    """The address of a server that answers each connection and closes it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def rejecting() -> Iterator[str]:
    """The address of a server that speaks another protocol: it answers with one line."""
    with serving(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        yield address


@pytest.fixture
def closing() -> Iterator[tuple[str, list[float]]]:
    """The address of a server that says nothing, and when each connection was made, in seconds."""
    made: list[float] = []
    with serving(lambda _: made.append(time.monotonic())) as address:
        yield address, made


def test_tries_to_connect_grow_rare(closing: tuple[str, list[float]], tmp_path: Path) -> None:
    """Each looks a name up, which a fork must not meet, and asks for the host's time."""
    brokers, made = closing
    with Producer(Settings(brokers=brokers, spool_dir=str(tmp_path), exit_seconds=0)) as producer:
        emit(producer, 1)
        wait_until(lambda: len(made) > 2, 30, "three connections")
        time.sleep(3)
    # Pauses of 0.1, 0.2, 0.4, 0.8 s, each by up to a quarter shorter, and 2 s at most.
    assert len(made) <= 8


@pytest.mark.parametrize("kind", ["tls", "unresolvable", "another protocol"])
def test_a_broker_that_cannot_be_talked_to(
    kind: str, rejecting: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Events go to the spool, the reason stands in the stats and once in the log, and the end is not held up."""
    brokers = "no-such-host.invalid:9092" if kind == "unresolvable" else rejecting
    kafka = f"security.protocol=ssl,ssl.key.password={SECRET}" if kind == "tls" else ""
    producer = Producer(Settings(brokers=brokers, kafka=kafka, spool_dir=str(tmp_path)))
    emit(producer, 100)
    wait_until(lambda: producer.stats().spooled == 101, 30, "101 events in the spool")
    stats = producer.stats()
    assert stats.last_error
    start = time.monotonic()
    producer.close(30)
    assert time.monotonic() - start < 10
    assert producer.stats().spooled == 102
    assert producer.stats().drops == {}
    assert len([record for record in caplog.records if record.name == "headwater.producer"]) == 1
    assert SECRET not in caplog.text + repr(producer.stats())


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalKafka, str]]:
    """A broker with a second listener that asks for user and password (SASL PLAIN), and that one's address."""
    port = free_port()
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    try:
        broker = LocalKafka(
            tmp_path_factory.mktemp("secured"),
            properties=(
                "sasl.enabled.mechanisms=PLAIN",
                f'listener.name.sasl.plain.sasl.jaas.config={module} required user_service="{SECRET}";',
            ),
        )
    except NoTools as error:
        pytest.skip(str(error))
    properties = tmp_path_factory.getbasetemp() / "secured0" / "server.properties"
    text = properties.read_text()
    for name, added in {
        "listeners": f"SASL://127.0.0.1:{port}",
        "advertised.listeners": f"SASL://127.0.0.1:{port}",
        "listener.security.protocol.map": "SASL:SASL_PLAINTEXT",
    }.items():
        text = re.sub(rf"^({re.escape(name)}=.*)$", rf"\1,{added}", text, flags=re.MULTILINE)
    properties.write_text(text)
    broker.start()
    yield broker, f"127.0.0.1:{port}"
    broker.stop()


def test_a_wrong_password(
    secured: tuple[LocalKafka, str], prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Events go to the spool; stats and one line in the log say that it is the password, without it; once it is right
    they are sent.
    """
    broker, address = secured
    create_topics(broker.bootstrap, {prefix + name: 1 for name in TOPICS})
    login = "security.protocol=sasl_plaintext,sasl.mechanism=PLAIN,sasl.username=service,sasl.password="
    settings = Settings(brokers=address, prefix=prefix, kafka=login + SECRET + "-old", spool_dir=str(tmp_path))
    producer = Producer(settings)
    emit(producer, 50)
    wait_until(lambda: producer.stats().spooled == 51, 30, "51 events in the spool")
    assert "uthentication" in producer.stats().last_error
    producer.close(10)
    assert len([record for record in caplog.records if record.name == "headwater.producer"]) == 1
    assert "uthentication" in caplog.text
    assert SECRET not in caplog.text + repr(producer.stats())
    right = Producer(dataclasses.replace(settings, kafka=login + SECRET))
    emit(right, 1)
    assert right.flush(30), right.stats()
    right.close()
    assert right.stats().recovered == 52
    assert [event["sequence"] for event in told(broker.bootstrap, prefix)] == [*range(2, 52), 2]


@pytest.mark.backends("local")
def test_an_event_too_large_for_its_topic_takes_no_other_with_it(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """A topic that takes less than we ask of it: the broker refuses whole requests; only the culprit is dropped."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS if name != "lineage.runs"})
    create_topics(kafka.bootstrap, {prefix + "lineage.runs": 1}, **{"max.message.bytes": "20000"})
    producer = Producer(
        Settings(brokers=kafka.bootstrap, prefix=prefix, spool_dir=str(tmp_path), kafka="compression.type=none")
    )
    job = producer.job("tests", "large")
    for number in range(300):
        producer.run(job, parameters={"p": "x" * 30_000} if number in {100, 200} else {}).whole()
    assert producer.flush(60), producer.stats()
    producer.close()
    assert producer.stats().drops == {"too_large": 2}
    assert producer.stats().delivered == 300
    found = [event["sequence"] for event in told(kafka.bootstrap, prefix)]
    assert found == [number for number in range(2, 302) if number not in {102, 202}]


@pytest.mark.backends("local")
def test_a_topic_that_is_missing_does_not_hold_up_the_others(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Its events wait, in the spool in the end; those of other topics arrive; when it is made, so do they."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, spool_dir=str(tmp_path))
    producer = Producer(settings)
    predictor = producer.predictions(
        deployment=producer.deployment("tests", "live"), model=producer.model("tests", "model", version="1")
    )
    for number in range(20):
        predictor.emit(str(number), features={}, outputs={})
        emit(producer, 1)
    wait_until(lambda: producer.stats().delivered >= 21, 30, "21 events delivered")
    wait_until(lambda: producer.stats().spooled == 20, 30, "20 events in the spool")
    emit(producer, 20)
    wait_until(lambda: producer.stats().delivered >= 41, 30, "41 events delivered")
    assert "nknown topic" in producer.stats().last_error
    create_topics(kafka.bootstrap, {prefix + "lineage.predictions": 1})
    assert producer.flush(60), producer.stats()
    producer.close()
    assert producer.stats().drops == {}
    assert len(told(kafka.bootstrap, prefix, "lineage.predictions")) == 20
    assert len(told(kafka.bootstrap, prefix)) == 40


@pytest.mark.backends("local")
def test_clocks_may_jump(kafka: Kafka, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year back, ten years on, while the broker is away and while it is there: order and count hold."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, spool_dir=str(tmp_path))
    producer = Producer(settings)
    now_ns, now = time.time_ns, time.time
    kafka.kill()
    for years in (0, -1, 10, 0):
        shift = years * 365 * 86_400
        monkeypatch.setattr(time, "time_ns", lambda shift=shift: now_ns() + shift * 10**9)
        monkeypatch.setattr(time, "time", lambda shift=shift: now() + shift)
        emit(producer, 25)
        time.sleep(0.5)
        if years == 10:
            wait_until(lambda: producer.stats().spooled >= 51, 30, "51 events in the spool")
            kafka.start()
    assert producer.flush(60), producer.stats()
    producer.close()
    assert producer.stats().drops == {}
    assert [event["sequence"] for event in told(kafka.bootstrap, prefix)] == list(range(2, 102))
