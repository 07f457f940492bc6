"""Five tables through five weeks, on a running stack: what detection has to remember of them across a restart."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from headwater.alerts import Alert
from headwater.alerts.deciding import decide
from headwater.alerts.model import alert_of
from headwater.alerts.schemas import Decoder
from headwater.audit import connect
from headwater.audit.rows import select
from headwater.schemas import plain, records, topics
from headwater.schemas.topics import Topic, dataset_key
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.processes import wait_until
from tests.consumers.detection.making import NAMESPACE, an_id, dataset, edge_set, profile_record

START = date(2024, 1, 1)
#: Days before the restart; the last ones are out of the ordinary.
USUAL, DAYS = 27, 30
#: steady: as ever. moved: another level, which somebody accepts. broken: a fault that somebody knows of. muted: a fault
#: of which nobody wants to hear. pinned: held against its first day.
TABLES = ("steady", "moved", "broken", "muted", "pinned")
LEVELS = {"moved": 1.7, "broken": 2.5, "muted": 2.5}


def rules(folder: Path) -> str:
    """A rules file that pins the first day of one table."""
    file = folder / "rules.toml"
    file.write_text(f'[[dataset]]\nname = "{NAMESPACE}/pinned"\nreference = "{START}"\n')
    return str(file)


def send(settings: Settings, topic: Topic, messages: Iterable[tuple[bytes, Mapping[str, Any]]]) -> None:
    """Send records, now."""
    schema = records.current(str(topic.record))
    head = {"emit_time": time.time_ns() // 1000, "producer_id": bytes(16), "sequence": 0}
    sent = [(key, plain.message(schema, {**fields, **head})) for key, fields in messages]
    clients.produce(settings.brokers, topic.full_name(settings), sent, partitioner="murmur2_random")


def send_day(settings: Settings, number: int, levels: Mapping[str, float]) -> None:
    """A day's run, edges and profile of each of these tables, at a level each."""
    day = START + timedelta(days=number)
    edges: list[tuple[bytes, Mapping[str, Any]]] = []
    profiles: list[tuple[bytes, Mapping[str, Any]]] = []
    for name, level in levels.items():
        random = np.random.default_rng(number)
        run = an_id("run", f"make-{name}", day)
        source = dataset(f"{name}.csv", str(day), "file")
        edges.append((run, edge_set(f"make-{name}", day, [source], dataset(name, str(day)), [(0, "x", "x")])))
        data = {"x": random.gamma(4, 250, 500) * level}
        profiles.append((dataset_key(NAMESPACE, name), profile_record(name, day, data, run=run)))
    send(settings, topics.EDGES, edges)
    send(settings, topics.PROFILES, profiles)


def told(settings: Settings) -> list[Alert]:
    """The alerts of this life of the broker."""
    decoder = Decoder(settings)
    found = clients.read_all(settings.brokers, topics.ALERTS.full_name(settings))
    return [alert_of(decoder.decode(one.value)) for one in found]


def about(alerts: Iterable[Alert], name: str) -> list[Alert]:
    """Those about a table."""
    return [alert for alert in alerts if alert.dataset.name == name]


def live_before(settings: Settings) -> uuid.UUID:
    """What happened before the restart; the incident that was acknowledged."""
    decide("suppress", namespace=NAMESPACE, name="muted", actor="me", settings=settings)
    for number in range(DAYS):
        send_day(settings, number, {name: LEVELS.get(name, 1.0) if number >= USUAL else 1.0 for name in TABLES})
    wait_until(lambda: {"moved", "broken"} <= {alert.dataset.name for alert in told(settings)}, 90, "two alerts", 0.2)
    [broken] = [alert for alert in about(told(settings), "broken") if alert.page]
    decide("accept", namespace=NAMESPACE, name="moved", actor="me", settings=settings)
    decide("acknowledge", incident_id=broken.incident_id, actor="me", settings=settings)
    wait_until(lambda: judged(settings, DAYS - 1) == set(TABLES), 60, "the last day being judged and archived", 0.2)
    send_day(settings, DAYS, {"moved": LEVELS["moved"]})
    wait_until(lambda: judged(settings, DAYS) == {"moved"}, 60, "the accepted level being judged", 0.2)
    return broken.incident_id


def judged(settings: Settings, number: int) -> set[str]:
    """The tables of whose profile of a day the history has a verdict."""
    sql = "SELECT DISTINCT name FROM verdicts WHERE check = 'drift' AND isNull(column) AND version = {day:String}"
    rows = select(connect(settings), sql, {"day": str(START + timedelta(days=number))})
    return {str(row["name"]) for row in rows}


def live_after(settings: Settings, acknowledged: uuid.UUID) -> list[Alert]:
    """What happens after it, held against what is remembered."""
    first = DAYS + 1
    send_day(settings, first, {"steady": 1.0, "moved": LEVELS["moved"], "broken": 2.5, "muted": 2.5, "pinned": 1.0})
    send_day(settings, first + 1, {"steady": 2.5})
    for number in range(first + 1, first + 4):
        send_day(settings, number, {"broken": 1.0, "moved": LEVELS["moved"], "muted": 2.5, "pinned": 2.5})
    wait_until(lambda: any(alert.state == "resolved" for alert in about(told(settings), "broken")), 90, "its end", 0.2)
    wait_until(lambda: bool(about(told(settings), "steady")), 60, "the new drift being told", 0.2)
    found = told(settings)
    broken = about(found, "broken")
    assert {alert.incident_id for alert in broken} == {acknowledged}, broken
    assert [alert.title for alert in broken if alert.page] == []
    assert [alert.title for alert in about(found, "moved") if alert.page] == []
    assert about(found, "muted") == []
    [steady] = [alert for alert in about(found, "steady") if alert.page]
    assert steady.onset is not None
    assert steady.onset.date() == START + timedelta(days=first + 1)
    wait_until(lambda: "pinned" in judged(settings, first + 3), 60, "the last verdicts being archived", 0.2)
    compared = found_on(settings, START + timedelta(days=first + 1))
    assert compared[("steady", "drift", "season")] == 4, "the four same weekdays before the restart"
    assert ("pinned", "reference", "pinned") in found_on(settings, START + timedelta(days=first + 3))
    return found


def live_unheard(settings: Settings) -> None:
    """A drift that is archived while nobody judges: call it with the detection worker stopped."""
    send_day(settings, DAYS + 10, {"broken": 4.0})
    sql = "SELECT count() AS there FROM profile_events WHERE version = {day:String}"
    day = {"day": str(START + timedelta(days=DAYS + 10))}
    wait_until(lambda: select(connect(settings), sql, day)[0]["there"] == 1, 60, "the profile being archived", 0.2)


def found_on(settings: Settings, day: date) -> dict[tuple[str, str, str], int]:
    """Of what was found on a day by table, check and kind of baseline, how many profiles it was held against."""
    sql = (
        "SELECT name, check, baseline_kind AS kind, baseline_runs AS runs FROM verdicts "
        "WHERE version = {day:String} AND isNotNull(column) AND outcome IN ('warn', 'alarm')"
    )
    rows = select(connect(settings), sql, {"day": str(day)})
    return {(str(row["name"]), str(row["check"]), str(row["kind"])): int(row["runs"]) for row in rows}
