"""`headwater worker openlineage` on real brokers: good and bad messages, deliveries that come again, its settings."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.deadletters import replay
from headwater.deadletters.letters import from_topic
from headwater.deadletters.replays import Replays
from headwater.errors import InvalidMessage, SettingsError
from headwater.openlineage import messages, translate
from headwater.openlineage.step import OpenLineageStep
from headwater.schemas import plain, reasons, records
from headwater.schemas.content import content_digest
from headwater.schemas.topics import DEAD_LETTERS, EDGES, PROFILES, RUNS, SCHEMAS, VERDICTS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.consumers.openlineage.samples import AIRFLOW, DBT, HAND_WRITTEN, SPARK, Event
from tests.consumers.openlineage.test_translation import changed
from tests.consumers.stitching import reference
from tests.infra.workers import working

TOPIC = "openlineage.events"
METRICS = {"rowCount": 9, "columnMetrics": {"id": {"nullCount": 1}}}
MEASURED = changed(DBT, inputs__0__inputFacets={"dataQualityMetrics": METRICS})
BAD: dict[str, bytes] = {
    "no JSON": b"{",
    "inputs[0].namespace": json.dumps(changed(AIRFLOW, inputs__0__namespace="")).encode(),
    "no JSON object": json.dumps(HAND_WRITTEN).encode(),
    "has no value": b"",
    "nested too deep": b"[" * 100_000,
}


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    """Topics are there, also the one that the clients write to: `headwater topics create` makes it."""
    given = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=2, openlineage_topics=f"{TOPIC}, {TOPIC}")
    create(given)
    return given


def send(settings: Settings, values: list[bytes]) -> None:
    clients.produce(settings.brokers, settings.prefix + TOPIC, [(b"run:airflow/etl.load", value) for value in values])


def sent(settings: Settings, topic: str) -> list[tuple[bytes | None, bytes]]:
    """Key and content digest of every message on a topic."""
    found = clients.read_all(settings.brokers, settings.prefix + topic)
    return [(one.key, content_digest(one.value[10:])) for one in found if one.value]


def expected(topic: str, events: list[Any]) -> list[tuple[bytes, bytes]]:
    """The same of what translation makes of the events."""
    made = [one for event in events for one in messages(translate(event, now_us=1))]
    return [(one.key, content_digest(one.value[10:])) for one in made if one.topic.name == topic]


def letters(settings: Settings) -> list[dict[str, Any]]:
    there = clients.read_all(settings.brokers, settings.prefix + DEAD_LETTERS.name)
    return [plain.decode(records.current("dead_letter"), one.value[10:]) for one in there if one.value]


def there(settings: Settings, events: int, bad: int) -> bool:
    return len(sent(settings, RUNS.name)) >= events and len(letters(settings)) >= bad


def standing(settings: Settings) -> set[reference.Fact]:
    found = clients.read_all(settings.brokers, EDGES.full_name(settings))
    sets = [plain.decode(records.current("edge_set"), one.value[10:]) for one in found if one.value]
    return reference.standing(reference.said(sets))


@contextmanager
def taking(settings: Settings, folder: Path, *others: str) -> Generator[None]:
    with working(["openlineage", *others], settings, folder):
        yield


@pytest.mark.integration
def test_events_of_a_topic_reach_the_graph_and_wrong_ones_the_dead_letters(settings: Settings, tmp_path: Path) -> None:
    """Good and bad messages in turn: run events, profiles, verdicts and edges as translation says, a dead letter with
    its reason and bytes for each bad one. All of it delivered again: the same contents under the same keys, the same
    edges.
    """
    good = [*HAND_WRITTEN, MEASURED]
    whole = changed(
        SPARK, inputs=[*SPARK["inputs"], *AIRFLOW["inputs"]], run__runId="018f30e2-9000-7b3c-8f77-000000000001"
    )
    good.append(whole)
    values = [json.dumps(event).encode() for event in good]
    mixed = [one for pair in zip(values, BAD.values(), strict=True) for one in pair]
    with taking(settings, tmp_path, "stitching"):
        for turn in (1, 2):
            send(settings, mixed)
            wait_until(partial(there, settings, turn * len(good), turn * len(BAD)), 60, "events and dead letters")
        wait_until(lambda: len(standing(settings)) >= 4, 30, "edges")
        edges: set[Any] = {fact[2] for fact in standing(settings) if fact[0] == "edge"}
    for topic in (RUNS.name, PROFILES.name, VERDICTS.name):
        once = expected(topic, good)
        assert once
        assert sorted(sent(settings, topic)) == sorted([*once, *once])
    assert {name for _, name, _ in edges} == {"events", "shop.public.delivery", "shop.main.orders"}
    assert {one["reason"] for one in letters(settings)} == {reasons.INVALID_VALUE, reasons.EMPTY}
    for part, body in BAD.items():
        found = [one for one in letters(settings) if one["body"] == body[: 64 * 1024]]
        assert len(found) == 2
        assert all(part in one["detail"] and one["topic"] == settings.prefix + TOPIC for one in found)
    assert len(clients.read_all(settings.brokers, settings.prefix + SCHEMAS.name)) >= 4


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_events_of_all_three_kinds_under_the_clients_keys(settings: Settings, tmp_path: Path) -> None:
    """`run:`, `job:` and `dataset:`, as OpenLineage's Kafka transports key them; ours go under our own keys."""
    job = {name: AIRFLOW[name] for name in ("eventTime", "producer", "job", "inputs")}
    dataset: Event = {"eventTime": AIRFLOW["eventTime"], "dataset": {"namespace": "n", "name": "d", "facets": {}}}
    events: dict[bytes, Event] = {b"run:airflow/etl": AIRFLOW, b"job:airflow/etl.load": job, b"dataset:n/d": dataset}
    keyed = [(key, json.dumps(event).encode()) for key, event in events.items()]
    with taking(settings, tmp_path):
        clients.produce(settings.brokers, settings.prefix + TOPIC, keyed)
        wait_until(partial(there, settings, 3, 0), 60, "the events")
    assert sorted(sent(settings, RUNS.name)) == sorted(expected(RUNS.name, list(events.values())))
    assert letters(settings) == []


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_its_dead_letters_can_be_sent_again(settings: Settings, tmp_path: Path) -> None:
    """A replay sends the original to the topic where it stood, from where the worker takes it."""
    with taking(settings, tmp_path):
        send(settings, [BAD["no JSON"]])
        wait_until(lambda: len(letters(settings)) == 1, 60, "the dead letter")
        plan = replay.plan(list(from_topic(settings)), Replays(), settings)
        assert plan.skipped == []
        assert len(replay.send(plan, settings, actor="test").sent) == 1
        wait_until(lambda: len(letters(settings)) == 2, 30, "the second one")
    assert {one["body"] for one in letters(settings)} == {BAD["no JSON"]}


def test_without_a_topic_or_with_one_of_ours_it_does_not_start() -> None:
    """It names the setting."""
    for named in ("", " , ", f"{TOPIC},{RUNS.name}"):
        with pytest.raises(SettingsError, match="openlineage_topics"):
            OpenLineageStep(Settings(openlineage_topics=named))
    assert OpenLineageStep(Settings(openlineage_topics=f"a, b,,{TOPIC}")).inputs == ("a", "b", TOPIC)


def test_what_is_refused_says_why() -> None:
    """Each wrong message has a reason and a place."""
    step = OpenLineageStep(Settings(openlineage_topics=TOPIC))
    for part, value in BAD.items():
        with pytest.raises(InvalidMessage, match=part.replace("[", r"\[")):
            step.read(value)
