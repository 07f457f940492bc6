"""From the spool to a real broker: in order, nothing lost, and at most one batch twice where the sender is killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.producer import Producer
from headwater.producer._lanes import BATCH_EVENTS
from headwater.producer._spool import Spool
from headwater.producer._spool.segment import Meta
from headwater.schemas import framing, plain, records, topics
from headwater.schemas import registry as registries
from headwater.settings import Settings
from tests.backends.clients import create_topics, read_all
from tests.backends.kinds import Kafka, Registry
from tests.backends.processes import wait_until
from tests.producers.test_kafka import TOPICS

pytestmark = pytest.mark.integration

NOBODY = "127.0.0.1:9"
RUNS = "lineage.runs"


def told(kafka: Kafka, prefix: str, topic: str = RUNS) -> list[dict[str, Any]]:
    """The events of a topic, partition by partition in order, each with its message's bytes as `bytes`."""
    schema = records.current(topics.TOPICS[topic].record or "")
    return [
        plain.decode(schema, (record.value or b"")[framing.SINGLE_OBJECT_HEADER :]) | {"bytes": record.value}
        for record in read_all(kafka.bootstrap, prefix + topic, 60)
    ]


def numbers(events: list[dict[str, Any]], producer: bytes) -> list[int]:
    """The sequence numbers of one producer, as they stand on the topic."""
    return [event["sequence"] for event in events if event["producer_id"] == producer]


def emit(producer: Producer, count: int) -> None:
    """So many events, one a run, on one key each."""
    job = producer.job("tests", "spool")
    for _ in range(count):
        producer.run(job).whole()


def all_spooled(producer: Producer, before: int) -> bool:
    """Whether everything since the `before`th event stands in the spool."""
    stats = producer.stats()
    return stats.spooled >= stats.emitted - before


@pytest.mark.backends("local")
def test_a_broker_that_dies_and_returns_gets_everything_in_order(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Killed and started again twice, while events come all the time: none is lost, doubled or out of order."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix, spool_dir=str(tmp_path)))
    emit(producer, 50)
    assert producer.flush(30)
    for _ in range(2):
        kafka.kill()
        before = producer.stats().emitted
        emit(producer, 100)
        wait_until(partial(all_spooled, producer, before), 30, "all of it in the spool")
        emit(producer, 100)
        kafka.start()
        emit(producer, 100)
        assert producer.flush(60), producer.stats()
    stats = producer.stats()
    assert (stats.emitted, stats.delivered, stats.pending, stats.spooled, stats.drops) == (651, 651, 0, 0, {})
    producer.close()
    assert [event["sequence"] for event in told(kafka, prefix)] == list(range(2, 652))
    assert list(tmp_path.iterdir()) == []


DYING = """
import sys, time
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "spool")
while True:
    for _ in range(100):
        producer.run(job).whole()
    stats = producer.stats()
    print(stats.emitted, stats.spooled, flush=True)
    time.sleep(0.002)
"""


def environment(brokers: str, prefix: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HEADWATER_BROKERS": brokers,
        "HEADWATER_PREFIX": prefix,
        "HEADWATER_SPOOL_DIR": str(folder),
    }


@contextlib.contextmanager
def running(text: str, variables: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """A process that is killed at the end, if not before."""
    process = subprocess.Popen([sys.executable, "-c", text], env=variables, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.backends("local")
def test_what_a_killed_process_left_is_sent_by_the_next(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """SIGKILL without a broker: all but the last moments stand in the spool, under the dead one's id and numbers."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    with running(DYING, environment(NOBODY, prefix, tmp_path)) as process:
        assert process.stdout is not None
        emitted = spooled = 0
        while spooled <= 2000:
            emitted, spooled = map(int, process.stdout.readline().split())
        process.kill()
        process.wait()
    heir = Producer(Settings(brokers=f"{NOBODY},{kafka.bootstrap}", prefix=prefix, spool_dir=str(tmp_path)))
    emit(heir, 1)
    assert heir.flush(60), heir.stats()
    stats = heir.stats()
    heir.close()
    assert stats.recovered >= spooled
    assert (stats.emitted, stats.delivered, stats.drops) == (2, 2, {})
    events = told(kafka, prefix)
    mine = events[-1]["producer_id"]  # what is older comes first
    (dead,) = {event["producer_id"] for event in events} - {mine}
    lived = [(event["producer_id"], event["kind"]) for event in told(kafka, prefix, "lineage.producers")]
    assert lived == [(dead, "opened"), (mine, "opened"), (mine, "closed")]
    found = numbers(events, dead)
    # No hole but the end, which its silence names: nobody said goodbye.
    assert found == list(range(2, len(found) + 2))
    assert len(found) + 1 == stats.recovered >= spooled
    assert len(found) + 1 <= emitted + 100
    assert list(tmp_path.iterdir()) == []


REPLAYING = """
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
producer.run(producer.job("tests", "heir")).whole()
print("up", flush=True)
producer.flush(60)
"""


def test_killed_while_sending_from_the_spool(kafka: Kafka, prefix: str, tmp_path: Path, seed: int) -> None:
    """SIGKILL again and again: each kill repeats one batch at most, the first of each event stands in order, and
    what is repeated is the same to the byte, so that the history keeps one.
    """
    chance = random.Random(seed)
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    dead = Producer(Settings(brokers=NOBODY, prefix=prefix, spool_dir=str(tmp_path), queue_bytes=2**28))
    count = 30_000
    emit(dead, count)
    dead.close(0.1)
    assert dead.stats().spooled == count + 2
    variables = environment(f"{NOBODY},{kafka.bootstrap}", prefix, tmp_path)
    kills = 0
    for _ in range(6):
        with running(REPLAYING, variables) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.1, 0.4))
            kills += process.poll() is None
    heir = Producer(Settings(brokers=f"{NOBODY},{kafka.bootstrap}", prefix=prefix, spool_dir=str(tmp_path)))
    emit(heir, 1)
    assert heir.flush(60)
    heir.close()
    events = told(kafka, prefix)
    (most,) = Counter(event["producer_id"] for event in events).most_common(1)
    found = numbers(events, most[0])
    assert list(dict.fromkeys(found)) == list(range(2, count + 2))
    assert len(found) - count <= kills * BATCH_EVENTS
    assert len({event["bytes"] for event in events if event["producer_id"] == most[0]}) == count
    assert list(tmp_path.iterdir()) == []


class _OlderSpool(Spool):
    """The spool of a release whose ProducerEvent had no field `environment`."""

    def _meta(self, topic: str) -> Meta:
        return Meta(topic, self._settings.prefix, self._settings.brokers, older().text)


def older() -> records.Schema:
    definition = json.loads(records.current("producer_event").text)
    definition["fields"] = [field for field in definition["fields"] if field["name"] != "environment"]
    return records.parse(json.dumps(definition))


def _nothing_is_lost(reason: str, count: int, own: bool) -> None:
    raise AssertionError((reason, count, own))


def leave_older(folder: Path, prefix: str) -> bytes:
    """What such a release left; returns the body of its one event."""
    schema = older()
    event = {
        "emit_time": 1,
        "producer_id": b"o" * 16,
        "sequence": 1,
        "event_id": b"e" * 16,
        "event_time": 1,
        "kind": "opened",
        "last_sequence": 1,
    }
    body = plain.encode(schema, event)
    left = _OlderSpool(Settings(spool_dir=str(folder), prefix=prefix, brokers=NOBODY), _nothing_is_lost)
    left.append("lineage.producers", [{"key": b"o" * 16, "value": framing.single_object_header(schema) + body}])
    left.close()
    return body


def test_an_older_releases_events_go_out_with_their_schema(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """What was spooled before an upgrade: its schema is on the schema topic before its events are on theirs."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    body = leave_older(tmp_path, prefix)
    producer = Producer(Settings(brokers=f"{NOBODY},{kafka.bootstrap}", prefix=prefix, spool_dir=str(tmp_path)))
    emit(producer, 1)
    assert producer.flush(30)
    producer.close()
    assert producer.stats().recovered == 1
    first = read_all(kafka.bootstrap, prefix + "lineage.producers")[0]
    assert first.value == framing.single_object_header(older()) + body
    schemas = {record.key: record.value for record in read_all(kafka.bootstrap, prefix + "lineage.schemas")}
    assert schemas[older().fingerprint_bytes] == older().text.encode()


def test_with_a_registry_what_was_spooled_gets_its_ids(
    kafka: Kafka, registry: Registry, prefix: str, tmp_path: Path
) -> None:
    """The spool knows no ids: they are given when it is sent, to an older schema too."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    body = leave_older(tmp_path, prefix)
    settings = Settings(
        brokers=f"{NOBODY},{kafka.bootstrap}", prefix=prefix, spool_dir=str(tmp_path), registry_url=registry.url
    )
    producer = Producer(settings)
    emit(producer, 1)
    assert producer.flush(30), producer.stats()
    producer.close()
    found = read_all(kafka.bootstrap, prefix + "lineage.producers")
    with registries.Registry(registry.url) as client:
        schemas = [client.schema(framing.read_header(record.value).registry_id or 0) for record in found]
    assert [schema and schema.fingerprint for schema in schemas] == [
        older().fingerprint,
        records.current("producer_event").fingerprint,
        records.current("producer_event").fingerprint,
    ]
    assert (found[0].value or b"")[framing.CONFLUENT_HEADER :] == body
