"""Topics are created as declared, checked, and never changed or deleted."""

from __future__ import annotations

import dataclasses

import pytest

from headwater.errors import StateError, Unavailable
from headwater.schemas.topics import RUNS, SCHEMAS, TOPICS
from headwater.settings import Settings
from headwater.topics import check, create
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


@pytest.mark.integration
def test_no_broker_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers the error names the address."""
    monkeypatch.setattr("headwater.topics.layout.PATIENCE", 1.0)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=address):
        create(Settings(brokers=address))
