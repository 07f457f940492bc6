"""Topics are created as declared, checked, and never changed or deleted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headwater.cli.main import main
from headwater.errors import StateError, Unavailable
from headwater.schemas.topics import RUNS, SCHEMAS, TOPICS
from headwater.settings import Settings
from headwater.topics import check, create
from headwater.topics.layout import REASONS, configuration
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port


def _settings(kafka: Kafka, prefix: str) -> Settings:
    return Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3)


@pytest.mark.integration
def test_create_makes_what_is_missing_and_is_safe_to_repeat(kafka: Kafka, prefix: str) -> None:
    """The first call creates all topics, the second none, and the check finds no fatal difference."""
    settings = _settings(kafka, prefix)
    assert set(create(settings)) == {prefix + name for name in TOPICS}
    assert create(settings) == []
    assert [difference for difference in check(settings) if difference.fatal] == []


@pytest.mark.integration
def test_a_missing_topic_is_a_fatal_difference(kafka: Kafka, prefix: str) -> None:
    """Nothing is there at first; each declared topic is named."""
    missing = [difference for difference in check(_settings(kafka, prefix)) if difference.setting == "exists"]
    assert {difference.topic for difference in missing} == {prefix + name for name in TOPICS}
    assert all(difference.fatal for difference in missing)


@pytest.mark.integration
def test_another_partition_count_is_refused_with_the_steps(kafka: Kafka, prefix: str) -> None:
    """A partition count that differs is refused, nothing is created beside it, and the way out is named."""
    settings = _settings(kafka, prefix)
    clients.create_topics(kafka.bootstrap, {RUNS.full_name(settings): 5})
    with pytest.raises(StateError, match=r"partitions is 5, declared is 3.*Either set `partitions`"):
        create(settings)
    still = {difference.topic for difference in check(settings) if difference.setting == "exists"}
    assert SCHEMAS.full_name(settings) in still
    assert create(dataclasses.replace(settings, partitions=5))


@pytest.mark.integration
@pytest.mark.backends("local")
def test_the_broker_keeps_every_declared_setting(kafka: Kafka, prefix: str) -> None:
    """Apache Kafka has all of it: compaction, retention, size and the append time."""
    settings = _settings(kafka, prefix)
    create(settings)
    assert check(settings) == []


WRONG = {
    "retention.ms": "3600000",
    "cleanup.policy": "compact",
    "max.message.bytes": "100000",
}


@pytest.mark.integration
@pytest.mark.backends("local")
@pytest.mark.parametrize("setting", WRONG)
def test_a_topic_that_would_lose_events_is_refused_with_reason_and_steps(
    kafka: Kafka, prefix: str, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told with why it matters and the command that changes it; nothing is created, changed or deleted."""
    settings = _settings(kafka, prefix)
    name = RUNS.full_name(settings)
    _made(kafka, name, {**configuration(RUNS), setting: WRONG[setting]})
    clients.produce(kafka.bootstrap, name, [(b"k", b"kept")])
    with pytest.raises(StateError) as refused:
        create(settings)
    told = str(refused.value)
    assert f"{name}: {setting} is {WRONG[setting]}" in told
    assert REASONS[setting] in told
    assert f"--alter --topic {name} --add-config {setting}={configuration(RUNS)[setting]}" in told
    words = ["topics", "check", "--brokers", kafka.bootstrap, "--prefix", prefix]
    assert main(words) == StateError.exit_code
    capsys.readouterr()
    assert main([*words, "--json"]) == 1
    [found] = [one for one in json.loads(capsys.readouterr().out) if one["topic"] == name and one["setting"] == setting]
    assert (found["found"], found["fatal"], found["reason"]) == (WRONG[setting], True, REASONS[setting])
    assert [one.value for one in clients.read_all(kafka.bootstrap, name)] == [b"kept"]
    still = [one for one in check(settings) if one.topic == name and one.setting == setting]
    assert [one.found for one in still] == [WRONG[setting]]
    assert SCHEMAS.full_name(settings) in {one.topic for one in check(settings) if one.setting == "exists"}


@pytest.mark.integration
@pytest.mark.backends("local")
def test_more_than_declared_is_told_and_no_error(kafka: Kafka, prefix: str) -> None:
    """An operator may keep events for longer, and let other topics' messages be larger."""
    settings = _settings(kafka, prefix)
    name = RUNS.full_name(settings)
    _made(kafka, name, {**configuration(RUNS), "retention.ms": "-1", "max.message.bytes": "9999999"})
    assert create(settings)
    found = {(one.setting, one.fatal) for one in check(settings)}
    assert found == {("retention.ms", False), ("max.message.bytes", False)}


def _made(kafka: Kafka, name: str, configured: dict[str, str]) -> None:
    """A topic as somebody else made it."""
    client: Any = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topic = NewTopic(name, num_partitions=3, replication_factor=1, config=configured)
    for done in client.create_topics([topic]).values():
        done.result()


@pytest.mark.integration
def test_no_broker_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers the error names the address."""
    monkeypatch.setattr("headwater.topics.layout.PATIENCE", 1.0)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=address):
        create(Settings(brokers=address))


DESTROYS = ("delete_topics", "delete_records", "delete_consumer_groups")


def test_the_product_has_no_call_that_destroys_what_a_broker_holds() -> None:
    """No topic, record or group can be deleted by any command or worker: nothing of it stands in the code."""
    root = Path(__file__).parents[3]
    sources = [path for part in ("consumers", "infra", "producers", "schemas") for path in (root / part).rglob("*.py")]
    assert len(sources) > 100
    assert [path for path in sources for call in DESTROYS if call in path.read_text("utf-8")] == []
