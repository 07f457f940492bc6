"""Subscribing to alerts: order, filters, at-least-once, going on where one stopped."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

import headwater.alerts
from headwater.alerts import Alert, subscribe, subscribe_async
from headwater.alerts.model import alert_of
from headwater.cli.main import main
from headwater.errors import SettingsError
from headwater.schemas import plain, records
from headwater.schemas.topics import ALERTS
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.consumers.detection.making import an_id

IDLE = 5.0


def alert_record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "emit_time": 0,
        "producer_id": bytes(16),
        "sequence": 0,
        "event_id": an_id("alert", number),
        "event_time": 1_700_000_000_000_000 + number,
        "incident_id": an_id("incident", number % 2),
        "state": "opened" if number < 2 else "updated",
        "number": 1 + number // 2,
        "page": number < 2,
        "severity": number / 10,
        "title": f"alert {number}",
        "explanation": "it drifted",
        "check": "drift",
        "namespace": "lake",
        "name": "raw",
        "evidence": {"columns": '["distance"]', "odd": "no JSON"},
        **fields,
    }


def send(settings: Settings, count: int, *, first: int = 0) -> None:
    schema = records.current("alert")
    values = [alert_record(number) for number in range(first, first + count)]
    messages = [(value["incident_id"], plain.message(schema, value)) for value in values]
    clients.produce(settings.brokers, ALERTS.full_name(settings), messages)


@pytest.fixture
def settings(kafka: Kafka, prefix: str) -> Settings:
    found = Settings(brokers=kafka.bootstrap, prefix=prefix)
    clients.create_topics(kafka.bootstrap, {ALERTS.full_name(found): 2})
    return found


@pytest.mark.integration
def test_what_was_not_done_is_delivered_again(settings: Settings) -> None:
    """An alert is done when the next is asked for: code that dies with one in hand gets it again, and no other."""
    send(settings, 6)
    first: list[str] = []
    with subscribe(group="a", settings=settings) as alerts:
        for alert in alerts:
            first.append(alert.title)
            if len(first) == 3:
                break  # with the third in hand
    with subscribe(group="a", idle=IDLE, settings=settings) as alerts:
        second = [alert.title for alert in alerts]
    assert first[2] in second
    assert not set(first[:2]) & set(second)
    assert {*first, *second} == {f"alert {number}" for number in range(6)}
    with subscribe(group="a", idle=IDLE, settings=settings) as alerts:
        assert list(alerts) == []


@pytest.mark.integration
def test_filters_and_garbage(settings: Settings) -> None:
    """Only what was asked for comes; a message that cannot be read is counted, and hides no other."""
    send(settings, 2)
    clients.produce(settings.brokers, ALERTS.full_name(settings), [(b"x", b"garbage"), (b"y", None)])
    send(settings, 4, first=2)
    with subscribe(group="b", severity=0.3, states=("updated",), name="raw", idle=IDLE, settings=settings) as alerts:
        assert sorted(alert.title for alert in alerts) == ["alert 3", "alert 4", "alert 5"]
        assert alerts.unreadable == 2
    with subscribe(group="c", pages_only=True, idle=IDLE, settings=settings) as alerts:
        assert sorted(alert.title for alert in alerts) == ["alert 0", "alert 1"]


@pytest.mark.integration
def test_an_incidents_alerts_come_in_order_also_in_asyncio(settings: Settings) -> None:
    """`async for` gives the same; the alerts of one incident come in the order of their numbers."""
    send(settings, 8)

    async def collect() -> list[Alert]:
        return [alert async for alert in subscribe_async(group="d", idle=IDLE, settings=settings)]

    found = asyncio.run(collect())
    assert len(found) == 8
    for incident in {alert.incident_id for alert in found}:
        assert [alert.number for alert in found if alert.incident_id == incident] == [1, 2, 3, 4]


@pytest.mark.integration
def test_the_command_follows(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater alerts --follow --json` prints an object a line."""
    send(settings, 2)
    words = [
        "alerts",
        "--follow",
        "--json",
        "--idle",
        str(IDLE),
        "--brokers",
        settings.brokers,
        "--prefix",
        settings.prefix,
    ]
    assert main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["title"] for line in lines} == {"alert 0", "alert 1"}
    assert lines[0]["evidence"] == {"columns": ["distance"], "odd": "no JSON"}
    assert lines[0]["event_time"].endswith("Z")


def test_what_cannot_be_asked_is_refused() -> None:
    """A state that there is none of, and a severity out of range."""
    with pytest.raises(SettingsError, match="states"):
        subscribe(states=("closed",), settings=Settings())
    with pytest.raises(SettingsError, match="severity"):
        subscribe(severity=2, settings=Settings())


def test_times_that_no_calendar_has() -> None:
    """A sender's clock may say anything; the nearest time is given."""
    schema = records.current("alert")
    record = plain.decode(schema, plain.encode(schema, alert_record(0, event_time=2**62, onset=-(2**62))))
    alert = alert_of(record)
    assert alert.event_time.year == 9999
    assert alert.onset is not None
    assert alert.onset.year == 1


def test_the_public_surface() -> None:
    """What `headwater.alerts` offers, sorted, and nothing else."""
    assert headwater.alerts.__all__ == sorted(headwater.alerts.__all__)
    assert headwater.alerts.__all__ == [
        "Alert", "Cause", "DatasetRef", "Measure", "Owner", "Reached", "Subscription", "decide", "subscribe",
        "subscribe_async",
    ]  # fmt: skip


def test_it_loads_nothing_beyond_the_bare_install() -> None:
    """Importing it brings no numpy, Faust, Numba or clickhouse-connect."""
    code = (
        "import sys, headwater.alerts; "
        "print(sorted({'numpy','faust','numba','polars','clickhouse_connect'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.integration
def test_a_group_that_began_at_the_end_misses_nothing_afterwards(settings: Settings) -> None:
    """It was done with nothing when it ended: what came meanwhile, on every partition, is there when it goes on."""
    send(settings, 4)
    with subscribe(group="e", from_beginning=False, idle=IDLE, settings=settings) as alerts:
        assert list(alerts) == []
    send(settings, 8, first=4)
    with subscribe(group="e", from_beginning=False, idle=IDLE, settings=settings) as alerts:
        assert {alert.title for alert in alerts} == {f"alert {number}" for number in range(4, 12)}
