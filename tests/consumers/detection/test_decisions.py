"""What people decide: owners and tags do not depend on what came when; an incident that somebody took care of."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from headwater.detection.incidents.decisions import Decisions
from headwater.detection.incidents.facts import Runs
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.walks import Place
from headwater.detection.rules.tags import Tags
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection.making import an_id, dataset, through_the_contract, use
from tests.consumers.detection.telling import START, Told, at, day

IDS = sorted(an_id("decision", number) for number in range(5))


def decided(kind: str, number: int, event_id: bytes, *names: str, **fields: Any) -> dict[str, Any]:
    return through_the_contract(
        "decision",
        {
            "event_id": event_id,
            "event_time": at(number),
            "kind": kind,
            "actor": "ann",
            "namespace": "lake",
            "name": "raw",
            "owners": [{"name": name, "type": None} for name in names] if kind == "owner" else [],
            "tags": [{"key": name, "value": "true", "source": None} for name in names] if kind == "tag" else [],
            **fields,
        },
    )


#: What is decided, and who owns it then. Of two at one time the one with the larger id stands.
CASES: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "the last in time": (
        [decided("owner", 1, IDS[2], "a"), decided("owner", 3, IDS[0], "b"), decided("owner", 2, IDS[1], "c")],
        ["b"],
    ),
    "two at one time": ([decided("owner", 1, IDS[0], "a"), decided("owner", 1, IDS[1], "b", "c")], ["b", "c"]),
    "the last one lifted": (
        [
            decided("owner", 1, IDS[0], "a"),
            decided("owner", 2, IDS[1], "b"),
            decided("lift", 3, IDS[2], lifts=IDS[1]),
            decided("lift", 4, IDS[3], lifts=IDS[4]),
        ],
        ["a"],
    ),
    "nobody": ([decided("owner", 1, IDS[0], "a"), decided("owner", 2, IDS[1])], ["declared"]),
    "all lifted": ([decided("owner", 1, IDS[0], "a"), decided("lift", 0, IDS[1], lifts=IDS[0])], ["declared"]),
}


@pytest.mark.parametrize("case", CASES)
def test_owners_do_not_depend_on_the_order(case: str) -> None:
    """Any order, any repetition; alerts name who owns the root then."""
    decisions, expected = CASES[case]
    declared = use("load", START, "write", dataset("raw", "1"), owners=[{"name": "declared", "type": None}])
    for order in itertools.permutations(decisions):
        runs = Runs()
        for number, decision in enumerate((*order, *order)):
            runs.decide_owners(decision)
            if number == 1:
                runs.add(declared)
        assert [owner["name"] for owner in runs.owners(("lake", "raw"))] == expected


def test_owners_that_events_declare_at_one_time() -> None:
    """The later event by its id, as in the history."""
    uses = [
        use("load", START, "write", dataset("raw", "1"), source_event_id=event, owners=[{"name": name, "type": None}])
        for event, name in ((IDS[0], "a"), (IDS[1], "b"))
    ]
    for order in itertools.permutations(uses):
        runs = Runs()
        for one in order:
            runs.add(one)
        assert [owner["name"] for owner in runs.owners(("lake", "raw"))] == ["b"]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([decided("tag", 1, IDS[0], "pii"), decided("tag", 1, IDS[1])], False),
        ([decided("tag", 1, IDS[1], "pii"), decided("tag", 1, IDS[0])], True),
        ([decided("tag", 2, IDS[0], "pii"), decided("tag", 1, IDS[1])], True),
        ([decided("tag", 1, IDS[0], "pii"), decided("tag", 2, IDS[1]), decided("lift", 3, IDS[2], lifts=IDS[1])], True),
    ],
)
def test_tags_do_not_depend_on_the_order(decisions: list[dict[str, Any]], expected: bool) -> None:
    """By event time, then by id; a decision that is lifted never was."""
    for order in itertools.permutations(decisions):
        tags = Tags()
        for decision in order:
            tags.decide(decision)
        assert tags.has(Place(Node("lake", "raw", "1"), None), "pii") is expected


def test_a_decision_reaches_the_alert() -> None:
    """Through the book, with the lift of one."""
    told = Told()
    told.edges(0, only=["ingest"])
    for decision in (
        decided("lift", 3, IDS[2], lifts=IDS[1]),
        decided("owner", 2, IDS[1], "wrong"),
        decided("owner", 1, IDS[0], "right"),
    ):
        told.book.decision(decision)
    told.judged(0, "raw", {"distance": (9.0, "alarm")})
    (message,) = told.wait(15)
    assert [owner["name"] for owner in message["owners"]] == ["right"]


class Taken(Told):
    """An incident of raw, taken by somebody on its first day."""

    def __init__(self) -> None:
        super().__init__()
        self.edges(0, only=["ingest"])
        self.alarm(0, "distance", 0.3)
        (opened,) = self.wait(15)
        assert opened["page"]
        self.incident = opened["incident_id"]
        self.acknowledge(self, "ann", 1, IDS[1])
        (self.acknowledged,) = self.wait(15)

    def acknowledge(self, told: Told, actor: str, number: int, event_id: bytes) -> None:
        decision = decided("acknowledge", number, event_id, incident_id=self.incident, namespace="", name="")
        told.book.decision({**decision, "actor": actor, "reason": "on it"})

    def alarm(self, number: int, column: str, severity: float, told: Told | None = None) -> None:
        subject = Subject(at(number), "lake", "raw", str(day(number)), column)
        evidence = {"unusual": "9.0", "role": '"output"'}
        alarm = Verdict("drift", "alarm", subject, f"raw.{column} drifted", severity, at(number), evidence=evidence)
        (told or self).verdict(alarm)


def said(messages: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(message["state"], message["page"]) for message in messages]


def test_an_acknowledged_incident_that_grows_is_updated() -> None:
    """What is new is told, with who took care of it, and wakes nobody; it is not told as acknowledged again."""
    told = Taken()
    assert told.acknowledged["state"] == "acknowledged"
    assert json.loads(told.acknowledged["evidence"]["acknowledged_by"]) == "ann"
    told.edges(0, only=["clean", "join"])  # two more datasets are reached
    updates = told.wait(30)
    assert said(updates) == [("updated", False)]
    assert {reached["name"] for reached in updates[0]["reaches"]} == {"clean", "features"}
    assert json.loads(updates[0]["evidence"]["acknowledged_by"]) == "ann"
    assert json.loads(updates[0]["evidence"]["acknowledged"])["reason"] == "on it"
    assert "acknowledged by ann" in updates[0]["explanation"]
    told.alarm(0, "delay", 0.35)  # another column, hardly graver
    assert said(told.wait(30)) == [("updated", False)]
    assert told.wait(30) == []


def test_one_that_becomes_graver_pages_again() -> None:
    """Half as severe again than when it was taken, though step by step; once, until it is so again."""
    told = Taken()
    told.alarm(1, "distance", 0.4)
    assert told.wait(30) == []
    told.alarm(2, "distance", 0.5)
    assert said(told.wait(30)) == [("updated", True)]
    told.alarm(3, "distance", 0.6)
    told.alarm(0, "delay", 0.1)
    assert said(told.wait(30)) == [("updated", False)]
    told.alarm(4, "distance", 0.9)
    assert said(told.wait(30)) == [("updated", True)]


@pytest.mark.parametrize("first", ["decision", "alerts"])
def test_who_takes_over_knows_who_took_care(first: str) -> None:
    """A worker that starts reads decisions and alerts in any order: nothing is told twice, and it goes on from the last
    message, the severity of the last page included.
    """
    told = Taken()
    told.alarm(1, "distance", 0.5)
    (paged,) = told.wait(30)
    assert paged["page"]
    again = Told()
    for part in ("decision", "alerts") if first == "decision" else ("alerts", "decision"):
        if part == "decision":
            told.acknowledge(again, "ann", 1, IDS[1])
            told.acknowledge(again, "bob", 2, IDS[0])  # later: it was taken already
        else:
            again.book.told(told.acknowledged)
            again.book.told(paged)
    assert again.wait(30) == []
    told.alarm(2, "distance", 0.6, again)
    assert again.wait(30) == []
    told.alarm(3, "distance", 0.8, again)
    (message,) = again.wait(30)
    assert said([message]) == [("updated", True)]
    assert json.loads(message["evidence"]["acknowledged_by"]) == "ann"


def test_the_first_who_took_it_is_named() -> None:
    """By event time, whatever decision came first."""
    for order in itertools.permutations([("ann", 1), ("bob", 2), ("eve", 3)]):
        decisions = Decisions()
        for actor, number in order:
            decision = decided("acknowledge", number, IDS[number], incident_id=IDS[0], namespace="", name="")
            decisions.add({**decision, "actor": actor})
        found = decisions.acknowledgement(IDS[0])
        assert found is not None
        assert found["actor"] == "ann"
