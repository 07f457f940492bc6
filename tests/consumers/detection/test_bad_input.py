"""Bad input and trouble: the table of consumers/README.md, each case against the outcome that it states."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.detection.checker import Checker
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.verdicts import Verdict
from headwater.schemas import plain, records
from tests.consumers.detection.making import (
    NAMESPACE,
    an_id,
    dataset,
    microseconds,
    profile_record,
    through_the_contract,
    use,
)
from tests.consumers.detection.telling import Told

START = date(2024, 1, 1)
ROWS = 1_000
#: What a topic takes, with room for the frame.
MOST_BYTES = 500_000
README = Path(__file__).parents[3] / "consumers" / "README.md"


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(number: int, mean: float = 100.0) -> Any:
    return np.random.default_rng(number).normal(mean, 20, ROWS)


def known(days: int = 30, name: str = "a") -> Checker:
    """A checker that has judged so many ordinary days."""
    checker = Checker(Policy())
    for number in range(days):
        checker.profile(profile_record("t", day(number), {name: drawn(number)}))
    return checker


def said(verdicts: Iterable[Verdict]) -> dict[tuple[str, str | None], str]:
    """By check and column; each fits the contract and a message."""
    verdicts = list(verdicts)
    for verdict in verdicts:
        assert size("verdict", verdict.fields()) < MOST_BYTES
    return {(v.check, v.subject.column): v.outcome for v in verdicts}


def size(record: str, fields: dict[str, Any]) -> int:
    schema = records.current(record)
    return len(plain.encode(schema, {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, **fields}))


def judged(values: Any, days: int = 30) -> dict[tuple[str, str | None], str]:
    """What is said of a day that holds these values, after ordinary days; the day after is as if it had not been."""
    checker = known(days)
    found = said(checker.profile(profile_record("t", day(days), {"a": values})))
    after = said(checker.profile(profile_record("t", day(days + 1), {"a": drawn(days + 1)})))
    assert {outcome for (check, _), outcome in after.items() if check != "volume"} == {"ok"}
    return found


def test_an_empty_profile() -> None:
    """No rows: no word about distributions; that the rows are gone is told of the rows."""
    assert judged(np.zeros(0)) == {("drift", None): "insufficient", ("volume", None): "alarm"}


def test_one_row() -> None:
    """One row is too few to judge a distribution by."""
    assert judged(np.array([1e9])) == {("drift", None): "insufficient", ("volume", None): "alarm"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=["NaN", "inf", "-inf"])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_values_that_are_none(value: float, share: float) -> None:
    """NaN and ±inf count as no value, like null: that many more of them is an alarm, and what is left is compared."""
    values = drawn(99)
    values[: int(ROWS * share)] = value
    found = judged(values)
    assert found[("nulls", "a")] == found[("drift", None)] == "alarm"
    assert ("drift", "a") not in found


def test_all_null() -> None:
    """A column that lost all its values, and one that never had any."""
    found = judged(np.full(ROWS, None, dtype=object))
    assert found[("nulls", "a")] == "alarm"
    checker = Checker(Policy())
    never = [
        said(checker.profile(profile_record("t", day(n), {"a": np.full(ROWS, None, dtype=object)}))) for n in range(20)
    ]
    assert {outcome for one in never[1:] for (check, _), outcome in one.items() if check != "volume"} == {"ok"}


def test_constant() -> None:
    """A column that became constant drifted; one that always was is as usual; another constant than ever drifted."""
    assert judged(np.full(ROWS, 100.0))[("drift", "a")] == "alarm"
    checker = Checker(Policy())
    found = [said(checker.profile(profile_record("t", day(n), {"a": np.full(ROWS, 7.0)}))) for n in range(20)]
    assert {one[("drift", None)] for one in found[1:]} == {"ok"}
    changed = said(checker.profile(profile_record("t", day(20), {"a": np.full(ROWS, 8.0)})))
    assert changed[("drift", "a")] == "alarm"


def test_huge_integers() -> None:
    """Ids near 2⁶³ and beyond are numbers like others: as usual while they are, found when they move."""
    for low, kind in ((2**62, np.int64), (2**63, np.uint64)):
        checker = Checker(Policy())
        found: dict[tuple[str, str | None], str] = {}
        for number in range(20):
            ids = np.random.default_rng(number).integers(low, low + 2**60, ROWS, dtype=kind)
            found = said(checker.profile(profile_record("t", day(number), {"a": ids})))
        assert found[("drift", None)] == "ok"
        moved = np.random.default_rng(20).integers(low + 2**61, low + 2**61 + 2**60, ROWS, dtype=kind)
        assert said(checker.profile(profile_record("t", day(20), {"a": moved})))[("drift", "a")] == "alarm"


def test_a_column_that_changes_type() -> None:
    """Numbers where texts were, or the reverse: a broken schema, though no writer declares columns. Told once; a
    column that comes in both kinds, or empty in between, is as usual.
    """
    texts = np.array(["x", "y"])[np.random.default_rng(1).integers(0, 2, ROWS)]
    checker = known()
    found = checker.profile(profile_record("t", day(30), {"a": texts}))
    assert said(found)[("schema", "a")] == "alarm"
    told = next(verdict for verdict in found if verdict.check == "schema")
    assert "changed from numbers to texts; 30 profiles before held numbers" in told.explanation
    assert ("schema", "a") not in said(checker.profile(profile_record("t", day(31), {"a": texts})))
    assert ("schema", "a") not in said(checker.profile(profile_record("t", day(32), {"a": drawn(32)})))
    empty = known()
    empty.profile(profile_record("t", day(30), {"a": np.full(ROWS, None, dtype=object)}))
    assert ("schema", "a") not in said(empty.profile(profile_record("t", day(31), {"a": drawn(31)})))


def wide(number: int, columns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A profile of 10,000 columns, in the parts that messages have room for."""
    named = [{**columns[n % len(columns)], "name": f"column_{n:05}_of_a_wide_table"} for n in range(10_000)]
    first = profile_record("t", day(number), {"a": drawn(0)})
    return [
        {**first, "part": part + 1, "parts": 20, "columns": named[part * 500 : (part + 1) * 500]} for part in range(20)
    ]


def column_of(values: Any) -> dict[str, Any]:
    return dict(profile_record("t", START, {"a": values})["columns"][0])


def test_ten_thousand_columns() -> None:
    """Each is judged; of what is told no message outgrows its topic, and it says what it left out; all drifted at once
    are one incident.
    """
    pool = [column_of(drawn(n)) for n in range(3)]
    checker = Checker(Policy(least_history=2, tail_rank=1))
    found: list[Verdict] = []
    for number in range(3):
        turned = pool[number:] + pool[:number]
        found = [v for part in wide(number, turned) for v in checker.profile(part)]
    whole = found[0]
    assert (whole.outcome, len(said(found))) == ("ok", 2)
    listed, left_out = json.loads(whole.evidence["columns"]), json.loads(whole.evidence["columns_left_out"])
    assert len(listed) + left_out == 10_000
    found = [v for part in wide(3, [column_of(drawn(99, 200.0))]) for v in checker.profile(part)]
    assert len([v for v in found if v.outcome == "alarm"]) == 10_001
    told = Told()
    for verdict in found:
        told.verdict(verdict)
    messages = told.wait(15)
    assert [message["state"] for message in messages] == ["opened"]
    assert size("alert", messages[0]) < MOST_BYTES
    assert "10000 checks are alarmed, 1000 are told" in messages[0]["truncated_because"]


def test_a_clock_that_is_ahead() -> None:
    """A profile and a write dated ten years ahead are judged and spoil nothing: what comes after them is compared with
    what lies before it, and a broken schema is found.
    """
    checker = known()
    ahead = date(2034, 1, 1)
    found = checker.profile(profile_record("t", ahead, {"a": drawn(31, 500.0)}))
    for number in range(30, 40):  # all of them come late behind that one, which is judged again seven times at most
        found = checker.profile(profile_record("t", day(number), {"a": drawn(number)}))
    assert {v.subject.event_time for v in found if v.check != "volume"} == {microseconds(day(39))}
    after = said(found)
    assert {outcome for (check, _), outcome in after.items() if check != "volume"} == {"ok"}
    moved = said(checker.profile(profile_record("t", day(40), {"a": drawn(40, 200.0)})))
    assert moved[("drift", "a")] == "alarm"
    wide_columns = [{"name": name, "type": "int", "nullable": None} for name in ("a", "b")]
    for at in (day(0), ahead):
        checker.use(use("load", at, "write", dataset("s", str(at)), columns=wide_columns))
    broken = checker.use(use("load", day(1), "write", dataset("s", "2"), columns=wide_columns[:1]))
    times = {verdict.subject.event_time: verdict.outcome for verdict in broken}
    assert times == {microseconds(day(1)): "alarm", microseconds(ahead): "ok"}  # held against that one, a column came


@pytest.mark.parametrize("at", [2**62, -(2**62), 2**63 - 1, -(2**63), 300_000_000_000_000_000])
def test_a_time_that_no_calendar_has(at: int) -> None:
    """A profile and a write of such a time are judged, and what comes after them too."""
    checker = known()
    columns = [{"name": name, "type": "int", "nullable": None} for name in ("a", "b")]
    odd = {"event_id": an_id("far"), "event_time": at}
    said(checker.profile({**profile_record("t", START, {"a": drawn(31, 500.0)}), **odd}))
    checker.use({**use("load", START, "write", dataset("s", "1"), columns=columns), "event_time": at})
    found: list[Verdict] = []
    for number in range(30, 40):
        found = checker.profile(profile_record("t", day(number), {"a": drawn(number)}))
    assert {outcome for (check, _), outcome in said(found).items() if check != "volume"} == {"ok"}
    moved = said(checker.profile(profile_record("t", day(40), {"a": drawn(40, 200.0)})))
    assert moved[("drift", "a")] == "alarm"
    said(checker.overdue(microseconds(day(41))))


def test_a_clock_that_is_ahead_leaves_the_season() -> None:
    """Each hour has its own level: with one profile dated years ahead the season is the hour of the week still."""
    checker = Checker(Policy())
    start = microseconds(START)
    outcomes: set[str] = set()
    for hour in range(24 * 7 * 6):
        mean = 100.0 + 50 * (hour % 24 >= 12)
        record = profile_record("t", START, {"a": drawn(hour, mean)}, version=str(hour))
        record |= {"event_id": an_id("hour", hour), "partitions": list[str]()}
        at = start + hour * DAY_US // 24 if hour != 50 else microseconds(date(2034, 1, 1))
        found = checker.profile({**record, "event_time": at})
        if hour > 24 * 7 * 5:
            outcomes |= {verdict.outcome for verdict in found if verdict.check == "drift"}
    assert outcomes == {"ok"}


def rows_of_the_table() -> list[list[str]]:
    """The cells of the table of bad input."""
    text = README.read_text("utf-8").partition("<!-- bad input -->")[2].partition("<!-- end of bad input -->")[0]
    rows = [line.strip("| ").split(" | ") for line in text.strip().splitlines()]
    return rows[2:]


def test_the_table_names_tests_that_exist() -> None:
    """Each case has an outcome and tests; each test that is named is there, and each of this file is named."""
    named: set[tuple[str, str]] = set()
    for case, outcome, tests in rows_of_the_table():
        assert case
        assert outcome
        found = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert found, f"{case}: no test"
        named.update(found)
    consumers = Path(__file__).parents[1]
    there = {
        (str(path.relative_to(consumers)), node.name)
        for path in {consumers / path for path, _ in named}
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert named - there == set()
    assert {name for path, name in there - named if path.endswith(Path(__file__).name) and name[:5] == "test_"} <= {
        "test_the_table_names_tests_that_exist"
    }


def test_uses_of_a_run_that_says_nothing_usual() -> None:
    """Rows below zero, beyond 2⁶², and a metric that is NaN or infinite: judged, and within the contract."""
    checker = Checker(Policy())
    for number in range(20):
        metrics = [{"name": "rmse", "value": 1.0 + number / 100}]
        checker.use(use("load", day(number), "write", dataset("m", str(number)), rows=ROWS, metrics=metrics))
    for number, (rows, value) in enumerate(((-5, math.nan), (2**62, math.inf), (0, -math.inf)), 20):
        metrics = [{"name": "rmse", "value": value}]
        found = checker.use(use("load", day(number), "write", dataset("m", str(number)), rows=rows, metrics=metrics))
        assert said(found)[("volume", None)] == "alarm"
        assert {through_the_contract("verdict", verdict.fields())["namespace"] for verdict in found} == {NAMESPACE}
