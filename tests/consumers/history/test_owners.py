"""Who owns a dataset or job, and since when, against a walk over all that was said in the order of its time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.audit import ask
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, START, at, batch, dataset, head, named, run_event

pytestmark = pytest.mark.integration

TEAMS = ("team:a", "team:b", "team:c")


@dataclass(frozen=True)
class Said:
    """Somebody said who owns it, at a minute."""

    minute: int
    owners: tuple[str, ...]
    decided: bool
    event: bytes


def since(said: list[Said]) -> tuple[tuple[str, ...], int, bool]:
    """The owners that stand, the minute since when without a break, and whether a person decided it."""
    standing = [one for one in said if one.decided] or said
    ordered = sorted(standing, key=lambda one: (one.minute, one.event))
    begun = ordered[-1]
    for one in reversed(ordered):
        if one.owners != begun.owners:
            break
        begun = one
    return begun.owners, begun.minute, begun.decided


def messages(name: str, said: list[Said]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run events that declare, and decisions."""
    events: list[dict[str, Any]] = []
    decisions: list[dict[str, Any]] = []
    for number, one in enumerate(said):
        owners = [{"name": team} for team in one.owners]
        if one.decided:
            about = {"namespace": NS, "name": name, "owners": owners}
            decisions.append(
                {**head("", at(one.minute)), "event_id": one.event, "kind": "owner", "actor": "x", **about}
            )
        else:
            written = [dataset(name, str(number), owners=owners)]
            event = run_event(f"{name} {number}", "COMPLETE", at(one.minute), outputs=written)
            events.append({**event, "event_id": one.event})
    return events, decisions


def test_owners_stand_since_they_were_said_without_a_break(history: History, seed: int) -> None:
    """Said again and again by the same, in turn, and by others again; a decision stands over what events declare; what
    is said arrives in any order.
    """
    chance = random.Random(seed)
    told: dict[str, list[Said]] = {}
    for number in range(60):
        name, few = f"table {number}", chance.sample(TEAMS, chance.randint(1, 3))
        told[name] = [
            Said(
                minute=chance.randrange(40),
                owners=(chance.choice(few),) if chance.random() < 0.8 else tuple(few),
                decided=number % 3 == 0 and chance.random() < 0.3,
                event=named(f"{name} said {one}"),
            )
            for one in range(chance.randint(1, 12))
        ]
    parts = [messages(name, said) for name, said in told.items()]
    events = [event for found, _ in parts for event in found]
    decisions = [decision for _, found in parts for decision in found]
    chance.shuffle(events)
    history.keep(batch(topics.RUNS.name, events), batch(topics.DECISIONS.name, decisions))
    rows = ask(history.client, "owners").dicts()
    found = {row["name"]: (row["owners"], row["since"], row["stated_by"]) for row in rows if row["about"] == "dataset"}
    for name, said in told.items():
        owners, minute, decided = since(said)
        moment = datetime.fromtimestamp(START.timestamp() + 60 * minute, UTC)
        assert found[name] == ([(team, None) for team in owners], moment, "decision" if decided else "event"), said
    assert found.keys() == told.keys()


def test_what_was_said_later_does_not_count_before(history: History) -> None:
    """A, then B, then A again: at each time the one of then, since then; a job's owners the same."""
    said = [Said(minute, (team,), False, named(f"{minute}")) for minute, team in enumerate("aabba")]
    events, _ = messages("t", said)
    for event, one in zip(events, said, strict=True):
        event["job"] = {**event["job"], "owners": [{"name": one.owners[0]}]}
    history.keep(batch(topics.RUNS.name, events))
    for minute, owner, begun in ((0, "a", 0), (1, "a", 0), (2, "b", 2), (3, "b", 2), (4, "a", 4)):
        moment = datetime.fromtimestamp(START.timestamp() + 60 * minute, UTC)
        rows = ask(history.client, "owners", at=moment).dicts()
        assert {row["about"] for row in rows} == {"dataset", "job"}
        for row in rows:
            assert row["owners"] == [(owner, None)]
            assert row["since"] == datetime.fromtimestamp(START.timestamp() + 60 * begun, UTC)
