"""Questions that walk nowhere, looked up by key or name: the answer is that of the documented statement by itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.audit import ask
from headwater.audit.matching import HOLDING, matched
from headwater.schemas.topics import DECISIONS, PREDICTIONS, PRODUCERS, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, as_uuid, at, batch, dataset, head, prediction, run_event
from tests.consumers.history.test_narrow import FIRST, MINUTE, same

pytestmark = pytest.mark.integration

#: All time, then, and as it was known then.
_CLOCKS: tuple[dict[str, Any], ...] = (
    {},
    {"at": datetime.fromtimestamp(at(40) / 1e6, UTC)},
    {"known_at": datetime.fromtimestamp(FIRST / 1e6, UTC)},
)


def owned(number: int, name: str, team: str) -> dict[str, Any]:
    said = [dataset(name, f"v{number}", owners=[{"name": team}], columns=[{"name": f"c{number % 2}"}])]
    return run_event(f"run {number}", "COMPLETE", at(10 * number), job=f"job {name}", inputs=said[:1], outputs=said)


def test_the_same_either_way(history: History, seed: int) -> None:
    """By key, person, dataset and part of a name, of what came twice, as it was and as it was known."""
    draw = random.Random(seed)
    events = [owned(n, f"Table {draw.randrange(3)}", f"team {draw.randrange(2)}") for n in range(12)]
    said = [
        prediction(f"p{n % 3}", at(20 + n), "m", "v1", subject=f"person {n % 2}", run_id=as_uuid(f"run {n}").bytes)
        for n in range(6)
    ]
    decided = {**head("owns", at(35)), "kind": "owner", "actor": "x", "namespace": NS, "name": "Table 1"}
    for part in (0, 1):
        history.keep(batch(RUNS.name, events[part::2], first=100 * part))
        history.keep(batch(PREDICTIONS.name, said[part::2], first=100 * part))
        history.clock[0] += MINUTE
    history.keep(batch(DECISIONS.name, [{**decided, "owners": [{"name": "team 9"}]}]))
    history.keep(batch(RUNS.name, events[::3], first=500), batch(PREDICTIONS.name, said[::2], first=500))
    found: set[str] = set()
    for clocks in _CLOCKS:
        for question, values in (
            ("prediction", {"key": "p0"}),
            ("predictions_about", {"subject": "person 1"}),
            ("who_read", {"namespace": NS, "name": "Table 1"}),
            *(
                (question, {"name": name})
                for question in ("owners", "metadata_changes")
                for name in ("", "tABLE 1", "-")
            ),
        ):
            if same(history, question, **values, **clocks):
                found.add(question)
    assert found == {"prediction", "predictions_about", "who_read", "owners", "metadata_changes"}


def test_names_stand_in_place_of_what_asks_for_them(history: History) -> None:
    """Once each, of datasets and jobs, by a part in any case; every name is not sent."""
    history.keep(batch(RUNS.name, [owned(n, f"Table {n % 2}", "team") for n in range(4)]))
    sql = f"SELECT 1 WHERE ('', '') IN {HOLDING}"
    text, values = matched(history.client, sql, {"name": "TABLE 1"})
    assert HOLDING not in text
    assert sorted(values["near_names"]) == ["Table 1", "job Table 1"]
    assert matched(history.client, sql, {"name": ""}) == (sql, {"name": ""})


def missing(arrived: set[int], last: int) -> list[tuple[int, int]]:
    """Ranges of the numbers up to the last one that are not there."""
    ranges: list[tuple[int, int]] = []
    for number in range(1, max(arrived | {last + 1})):
        if number in arrived or number == last + 1:
            continue
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ranges


def test_gaps_are_what_never_arrived(history: History, seed: int) -> None:
    """In any order, some again, over the ends of the words that numbers are kept in; the same by their arrivals."""
    draw = random.Random(seed)
    arrived = {n for n in range(1, 400) if not (60 <= n <= 68 or n in (1, 127, 128, 320) or draw.random() < 0.1)}
    events = [run_event(f"run {n}", "START", at(n), sequence=n) for n in arrived]
    draw.shuffle(events)
    told = {**head("heard", at(500), 0), "kind": "closed", "last_sequence": 450, "service": "scoring", "client": "c"}
    for part in range(3):
        history.keep(batch(RUNS.name, events[part::3], first=1000 * part))
    history.keep(batch(RUNS.name, events[::2], first=5000), batch(PRODUCERS.name, [told]))
    for clocks in ({}, {"known_at": "2200-01-01T00:00:00Z"}):
        [row] = ask(history.client, "gaps", service="scoring", **clocks).rows
        answer = dict(zip(ask(history.client, "gaps").columns, row, strict=True))
        assert [tuple(one) for one in answer["missing_ranges"]] == missing(arrived, 450)
        assert answer["missing"] == sum(last - first + 1 for first, last in missing(arrived, 450))
        assert same(history, "gaps", **clocks)
    assert not ask(history.client, "gaps", service="other").rows
