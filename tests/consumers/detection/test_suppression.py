"""Alarms that a person suppressed, and then lifted that: what is told does not hang on restarts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.consumers.detection.making import NAMESPACE, an_id, through_the_contract
from tests.consumers.detection.telling import BAD, CALM, Told, at

Deed = Callable[[Told], None]


def profile(number: int, *, bad: bool) -> Deed:
    def tell(told: Told) -> None:
        told.edges(number, only=["ingest"])
        told.judged(number, "raw", BAD if bad else CALM)  # type: ignore[arg-type]  # mypy widens the literals of a dict

    return tell


def decision(kind: str, number: int, **fields: Any) -> Deed:
    decided = {
        "event_id": an_id(kind), "event_time": at(number), "actor": "ann", "kind": kind, "namespace": NAMESPACE,
        "name": "raw", **fields,
    }  # fmt: skip
    return lambda told: told.book.decision(through_the_contract("decision", decided))


SUPPRESS, LIFT = decision("suppress", 0), decision("lift", 7, lifts=an_id("suppress"), name="")
BAD_DAYS = [profile(number, bad=True) for number in range(3)]
GOOD_DAYS = [profile(number, bad=False) for number in range(3, 7)]
LINES: dict[str, tuple[list[Deed], list[str]]] = {
    "lifted while it lasts": ([SUPPRESS, *BAD_DAYS, LIFT], ["opened"]),
    "lifted while it lasts, then over": ([SUPPRESS, *BAD_DAYS, LIFT, *GOOD_DAYS], ["opened", "resolved"]),
    "over before it is lifted": ([SUPPRESS, *BAD_DAYS, *GOOD_DAYS, LIFT], []),
    "never lifted": ([SUPPRESS, *BAD_DAYS, *GOOD_DAYS], []),
    "over, lifted, and wrong again": (
        [SUPPRESS, *BAD_DAYS, *GOOD_DAYS, LIFT, profile(8, bad=True)],
        ["opened"],
    ),
    "told before it was suppressed": (
        [BAD_DAYS[0], SUPPRESS, *BAD_DAYS[1:], LIFT, *GOOD_DAYS],
        ["opened", "resolved"],
    ),
}


def states(line: Sequence[Deed], restarts: Sequence[int]) -> list[tuple[str, int, bytes, int]]:
    """What is told. A worker that starts after so many deeds reads all again that was told and done."""
    told = Told()
    for number, deed in enumerate(line):
        if number in restarts:
            told = again(told, line[:number])
        deed(told)
        told.wait(15)
    told.wait(30)
    if len(line) in restarts:
        told = again(told, line)
        told.wait(30)
    return [(one["state"], one["onset"], one["incident_id"], one["last_seen"]) for one in told.messages]


def again(before: Told, done: Sequence[Deed]) -> Told:
    told = Told()
    told.now, told.messages = before.now, list(before.messages)
    for message in told.messages:
        told.book.told(message)
    for deed in done:
        deed(told)
    return told


@pytest.mark.parametrize("name", LINES)
def test_a_restart_tells_the_same(name: str) -> None:
    """Whenever the worker is restarted, once or at each step; people are told of what lasts as it is lifted."""
    line, expected = LINES[name]
    told = states(line, [])
    assert [state for state, *_ in told] == expected
    for restarts in (*([number] for number in range(len(line) + 1)), range(len(line) + 1)):
        assert states(line, restarts) == told, list(restarts)


def test_what_is_lifted_tells_since_when() -> None:
    """Three days of it were held back: one incident since the first of them."""
    line, _ = LINES["lifted while it lasts"]
    ((_, onset, _, last_seen),) = states(line, [])
    assert (onset, last_seen) == (at(0), at(2))
