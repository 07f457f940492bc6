"""Decisions by command and from Python: what stands on their topic, and what is refused."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.alerts import decide
from headwater.cli.main import main
from headwater.detection.incidents.decisions import Decisions
from headwater.errors import SettingsError, Unavailable
from headwater.schemas import framing, plain, records
from headwater.schemas.topics import DECISIONS, dataset_key
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.consumers.detection.making import an_id


def standing(settings: Settings) -> dict[bytes, dict[str, Any]]:
    """Decisions by key."""
    schema = records.current("decision")
    found = clients.read_all(settings.brokers, DECISIONS.full_name(settings))
    return {
        one.key or b"": plain.decode(schema, one.value[framing.read_header(one.value).length :])
        for one in found
        if one.value
    }


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    found = Settings(brokers=kafka.bootstrap, prefix=prefix)
    clients.create_topics(kafka.bootstrap, {DECISIONS.full_name(found): 2})
    return found


@pytest.mark.integration
def test_a_decision_stands_where_its_dataset_does(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """By Python and by command: keyed as the dataset's profiles are, with who, why and the times; what it suppresses
    and lifts is what was said.
    """
    since = datetime(2024, 3, 1, tzinfo=UTC)
    decide("accept", actor="ann", namespace="lake", name="raw", column="distance", since=since, settings=settings)
    there = ["--brokers", settings.brokers, "--prefix", settings.prefix]
    words = ["decide", "suppress", "lake/late", "--until", "2024-03-02", "--because", "a move", "--as", "bob", *there]
    assert main(words) == 0
    taken = uuid.UUID(hex=capsys.readouterr().out.split()[1])
    found = standing(settings)
    accepted, suppressed = found[dataset_key("lake", "raw")], found[dataset_key("lake", "late")]
    assert (accepted["kind"], accepted["actor"], accepted["column"]) == ("accept", "ann", "distance")
    assert accepted["from_time"] == int(since.timestamp() * 1e6)
    assert (suppressed["event_id"], suppressed["reason"], suppressed["actor"]) == (taken.bytes, "a move", "bob")
    standing_ones = Decisions()
    standing_ones.add(suppressed)
    verdict = {"namespace": "lake", "name": "late", "event_time": suppressed["until_time"] - 1}
    assert standing_ones.covers(verdict)
    assert main(["decide", "lift", taken.hex, *there]) == 0
    standing_ones.add(next(one for one in standing(settings).values() if one["kind"] == "lift"))
    assert not standing_ones.covers(verdict)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("accept", {}),
        ("acknowledge", {"name": "raw"}),
        ("lift", {"incident_id": uuid.UUID(bytes=an_id("x"))}),
        ("suppress", {"reason": "everything"}),
        ("forget", {"name": "raw"}),
    ],
)
def test_a_decision_about_nothing_is_refused(kind: str, fields: dict[str, Any]) -> None:
    """It says what must be named; a suppression of everything is none."""
    with pytest.raises(SettingsError, match=kind):
        decide(kind, actor="ann", settings=Settings(), **fields)


@pytest.mark.integration
def test_without_a_broker_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision that nobody took is no decision."""
    monkeypatch.setattr("headwater.alerts.deciding._CONFIRM_SECONDS", 1.0)
    with pytest.raises(Unavailable, match="was not taken"):
        decide("accept", actor="ann", namespace="lake", name="raw", settings=Settings(brokers="127.0.0.1:1"))
