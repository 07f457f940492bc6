"""Owners and tags that people decide: what stands is a function of what was decided, not of what came when."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from headwater.detection.incidents.facts import Runs
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.walks import Place
from headwater.detection.rules.tags import Tags
from tests.consumers.detection.making import an_id, dataset, through_the_contract, use
from tests.consumers.detection.telling import START, Told, at

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
