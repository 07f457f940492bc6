"""Verdicts and edges in any order: in the end the same incidents stand, each fault told by one of them."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.consumers.detection.making import dataset, edge_set, through_the_contract, use
from tests.consumers.detection.telling import BAD, CALM, STEPS, Told, day

DAYS = 9
#: Days on which distances are wrong, and wind.
FAR, WINDY = range(3), range(4, 6)
#: What is told: the edges of a step on a day, or the verdicts on a table of a day.
Item = tuple[str, str, int]


def items() -> list[Item]:
    """Distances of raw are wrong for three days, wind for two later ones, and so in what is made of them."""
    edges = [("edges", job, number) for number in range(DAYS) for job, _, _ in STEPS]
    tables = ("raw", "clean", "features", "weather")
    return edges + [("verdicts", table, number) for number in range(DAYS) for table in tables]


def tell(told: Told, item: Item) -> None:
    kind, name, number = item
    if kind == "edges":
        told.edges(number, only=[name])
        return
    wind: dict[str, Any] = {"wind": (9.0, "alarm") if number in WINDY else (0.2, "ok")}
    distance: dict[str, Any] = {**(BAD if number in FAR else CALM)}
    told.judged(number, name, {"weather": wind, "features": {**distance, **wind}}.get(name, distance))


def restarted(before: Told, done: Sequence[Item]) -> Told:
    """A worker that reads all again that was told and that came."""
    told = Told()
    told.now, told.messages = before.now, before.messages
    for message in told.messages:
        told.book.told(message)
    for item in done:
        tell(told, item)
    return told


Relation = dict[tuple[str, str | None], tuple[str, frozenset[bytes]]]


def relation(told: Told) -> Relation:
    """Of what stands by its root: its state, and every alarm that it tells of; what it explains stands nowhere else."""
    last = {message["incident_id"]: message for message in told.messages}
    found: Relation = {}
    for message in last.values():
        if message["suppressed_by"] is None:
            root = message["root"]
            assert (root["name"], root["column"]) not in found
            alarms = frozenset(message["verdicts"]) | frozenset(message["suppressed"])
            found[root["name"], root["column"]] = message["state"], alarms
        else:
            above = last[message["suppressed_by"]]
            assert above["suppressed_by"] is None
            assert message["state"] == "resolved"
            assert message["incident_id"].hex() in json.loads(above["evidence"]["explains"])
    return found


#: Which message it is, beside what it says of its incident.
WHICH = {"emit_time", "producer_id", "sequence", "event_id", "event_time", "number", "page"}


def quiet(told: Told) -> None:
    """People are woken once for each incident, none is opened again, and none is told of twice in the same words."""
    numbers: dict[bytes, list[dict[str, Any]]] = {}
    for message in told.messages:
        numbers.setdefault(message["incident_id"], []).append(message)
    for messages in numbers.values():
        states = [message["state"] for message in messages]
        assert [message["page"] for message in messages] == [True] + [False] * (len(messages) - 1)
        assert states[0] == "opened"
        over = states.index("resolved") if "resolved" in states else len(states)
        assert set(states[over:]) <= {"resolved"}
        said = [{field: value for field, value in message.items() if field not in WHICH} for message in messages]
        assert all(one not in said[:place] for place, one in enumerate(said))


def in_order() -> Relation:
    told = Told()
    for number in range(DAYS):
        for kind in ("edges", "verdicts"):
            for item in items():
                if item[0] == kind and item[2] == number:
                    tell(told, item)
        told.wait(15)
    told.wait(60)
    return relation(told)


def test_in_order_each_fault_is_one_incident() -> None:
    """What any order is held against."""
    found = in_order()
    assert {root: (state, len(alarms)) for root, (state, alarms) in found.items()} == {
        ("raw", "distance"): ("resolved", 9),
        ("weather", "wind"): ("resolved", 4),
    }


def keys(chance: random.Random) -> Callable[[Item], float]:
    """An order in which each table's verdicts come as its days, at its own pace; edges whenever they come."""
    pace = {name: (chance.uniform(0, 30), chance.uniform(0.2, 4)) for name in ("raw", "clean", "features", "weather")}

    def key(item: Item) -> float:
        kind, name, number = item
        if kind == "edges":
            return chance.uniform(0, 60)
        begins, each = pace[name]
        return begins + each * number

    return key


def last(told: Told) -> dict[str, dict[str, Any]]:
    """The newest message of each incident, by its root."""
    return {message["root"]["name"]: message for message in told.messages}


def days(told: Told, tables: Sequence[str], numbers: range, outcomes: dict[str, Any]) -> None:
    for number in numbers:
        for table in tables:
            told.judged(number, table, outcomes)
        told.wait(3)
    told.wait(15)


def connected(told: Told, numbers: range) -> list[dict[str, Any]]:
    for number in numbers:
        told.edges(number)
    return told.wait(60)


def test_edges_that_come_when_all_is_over() -> None:
    """Three incidents of one fault, all over: each is told once more, and one of them tells of the others; a restart
    knows it.
    """
    told = Told()
    days(told, ["features", "clean", "raw"], FAR, BAD)
    days(told, ["features", "clean", "raw"], range(3, 7), CALM)
    assert [message["state"] for message in told.messages if message["number"] == 1] == ["opened"] * 3
    assert {message["state"] for message in last(told).values()} == {"resolved"}
    assert told.wait(60) == []
    messages = connected(told, FAR)
    assert {(message["state"], message["page"]) for message in messages} == {("resolved", False)}
    found = last(told)
    root = found["raw"]
    assert [found[name]["suppressed_by"] for name in ("clean", "features")] == [root["incident_id"]] * 2
    assert f"explained by incident {root['incident_id'].hex()}" in found["clean"]["explanation"]
    assert root["suppressed_by"] is None
    assert "explains 2 other incidents" in root["explanation"]
    assert len(root["suppressed"]) == 6
    assert len(messages) <= 4
    after = Told()
    after.now = told.now
    for message in told.messages:
        after.book.told(message)
    assert connected(after, FAR) == []


def test_one_that_lasts_is_explained_when_it_is_over() -> None:
    """Its root is well again before the edges come: what still drifts stays open, and is told as a consequence then."""
    told = Told()
    days(told, ["features", "raw"], FAR, BAD)
    days(told, ["raw"], range(3, 7), CALM)
    days(told, ["features"], range(3, 7), BAD)
    connected(told, FAR)
    assert (last(told)["raw"]["state"], last(told)["features"]["state"]) == ("resolved", "updated")
    assert last(told)["features"]["suppressed_by"] is None
    days(told, ["features"], range(7, 11), CALM)
    told.wait(30)
    assert last(told)["features"]["suppressed_by"] == last(told)["raw"]["incident_id"]
    assert last(told)["features"]["state"] == "resolved"
    quiet(told)


def test_what_is_not_made_anew_is_over_with_its_root() -> None:
    """A training set of the bad days: nothing will ever say that it is well, so its root's end is its own."""
    told = Told()
    days(told, ["features"], range(1), BAD)
    days(told, ["raw"], FAR, BAD)
    days(told, ["raw"], range(3, 7), CALM)
    assert (last(told)["raw"]["state"], last(told)["features"]["state"]) == ("resolved", "opened")
    connected(told, FAR)
    assert last(told)["features"]["suppressed_by"] == last(told)["raw"]["incident_id"]
    quiet(told)


def test_who_took_care_of_the_root_is_not_woken_by_what_it_explains() -> None:
    """The other one paged by itself; the root's incident is told as updated."""
    told = Told()
    days(told, ["raw", "features"], range(1), BAD)
    taken = {"event_time": 0, "actor": "ann", "event_id": bytes(16), "kind": "acknowledge"}
    decision = {**taken, "incident_id": last(told)["raw"]["incident_id"]}
    told.book.decision(through_the_contract("decision", decision))
    told.wait(15)
    told.book.incidents[last(told)["features"]["incident_id"]].severity = 0.9
    connected(told, range(1))
    assert (last(told)["raw"]["state"], last(told)["raw"]["severity"]) == ("updated", 0.9)
    quiet(told)


SIDES = ("left", "right")


def is_waited_for(order: Sequence[tuple[str, str]]) -> bool:
    """Whether what lies above each alarm is known before it, or edges are not: what has its edges waits no longer."""
    place = {what: order.index(what) for what in order}
    score = place["score", ""]
    return all(
        min(score, place["alarm", side]) < place["edges", side] or score < place["alarm", side] for side in SIDES
    )


ITEMS = [("alarm", "left"), ("alarm", "right"), ("edges", "left"), ("edges", "right"), ("score", "")]
ORDERS = [order for order in itertools.permutations(ITEMS) if is_waited_for(order)]


@pytest.mark.parametrize("order", ORDERS)
def test_two_tables_below_one_that_is_hardly_unusual(order: Sequence[tuple[str, str]]) -> None:
    """Their common source stays below its threshold and has no incident: still they are one, at that source."""
    told = Told()
    for what, side in order:
        if what == "score":
            told.judged(0, "source", {"distance": (0.9, "insufficient")})
        elif what == "alarm":
            told.judged(0, side, {"distance": (1.2, "alarm")})
        else:
            read, written = dataset("source", str(day(0))), dataset(side, str(day(0)))
            told.book.use(use(side, day(0), "read", read))
            told.book.use(use(side, day(0), "write", written))
            told.book.edges(edge_set(side, day(0), [read], written, [(0, "distance", "distance")]))
        told.wait(15)
    told.wait(30)
    ((root, (state, alarms)),) = relation(told).items()
    assert (root, len(alarms)) == (("source", "distance"), 2)
    assert state != "resolved"
    quiet(told)


# an order drawn at random has nothing simpler than itself to be shrunk to
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False), st.sampled_from((0.0, 0.05, 0.3)))
@example(random.Random(1), 0.3)
def test_in_any_order_the_same_incidents_stand(chance: random.Random, waits: float) -> None:
    """Edges before, between and long after the verdicts, some when all is over; restarts in between."""
    told = Told()
    order = sorted(items(), key=keys(chance))
    for number, item in enumerate(order):
        tell(told, item)
        if chance.random() < waits:
            told.wait(chance.choice((3, 15)))
        if chance.random() < waits / 10:
            told = restarted(told, order[: number + 1])
    told.wait(90)
    quiet(told)
    assert relation(told) == in_order()
