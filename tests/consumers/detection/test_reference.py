"""A pinned reference: what drifts too slowly for rolling baselines, told once, and what is no drift."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.audit import connect
from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.rules import check
from headwater.detection.rules.model import Rules
from headwater.detection.steps import ChecksStep
from headwater.detection.verdicts import Verdict
from headwater.errors import Unavailable
from headwater.schemas import topics
from headwater.settings import Settings
from tests.consumers.detection.making import dataset, microseconds, profile_record, use
from tests.consumers.history.messages import batch

START = date(2024, 1, 1)
ROWS = 1_000


def day(number: int) -> date:
    return START + timedelta(days=number)


def rules(version: str) -> Rules:
    found, problems = check(f"[[dataset]]\nname = 'lake/t'\nreference = '{version}'\n")
    assert problems == []
    return found


def data(number: int, mean: float, share: float = 0.5) -> dict[str, Any]:
    random = np.random.default_rng(number)
    return {
        "amount": random.normal(mean, 20, ROWS),
        "kind": np.where(random.random(ROWS) < share, "a", "b"),
    }


def record(number: int, mean: float = 100.0, share: float = 0.5) -> dict[str, Any]:
    return profile_record("t", day(number), data(number, mean, share))


def pinned(verdicts: list[Verdict]) -> list[tuple[str | None, str]]:
    return [(verdict.subject.column, verdict.outcome) for verdict in verdicts if verdict.check == "reference"]


def test_a_slow_drift_is_found_against_the_reference_alone() -> None:
    """A hundredth of a deviation a day: no day drifts from the weeks before it; against the version that was pinned it
    is an alarm long before half a deviation has gone, in each profile from then on.
    """
    checker = Checker(Policy(), rules(str(day(0))))
    told: dict[int, list[tuple[str | None, str]]] = {}
    for number in range(60):
        found = checker.profile(record(number, 100.0 + 0.2 * number))
        assert {v.outcome for v in found if v.check == "drift"} <= {"ok", "insufficient", "warn"}
        told[number] = pinned(found)
    first = next(number for number in told if ("amount", "alarm") in told[number])
    assert 10 < first < 40
    assert all(told[number] == [("amount", "alarm")] for number in range(first + 3, 60))


def test_what_stays_as_it_was_is_not_told() -> None:
    """Noise, and weekends of another mixture: a week together is as the week that was pinned, day by day it is not."""
    checker = Checker(Policy(), rules(str(day(0))))
    found = [v for n in range(60) for v in checker.profile(record(n, 100.0, 0.7 if n % 7 > 4 else 0.5))]
    assert pinned(found) == []


def test_the_words_of_a_reference() -> None:
    """The verdict names what it was compared with, and both sides; it is over when a week is as the reference was."""
    checker = Checker(Policy(), rules(str(day(0))))
    found: list[Verdict] = []
    for number in range(50):
        found += checker.profile(record(number, 100.0 if number < 20 or number > 30 else 130.0))
    said = [verdict for verdict in found if verdict.check == "reference"]
    alarm = next(verdict for verdict in said if verdict.outcome == "alarm")
    assert "against the pinned reference" in alarm.explanation
    assert alarm.baseline is not None
    assert (alarm.baseline.kind, alarm.baseline.from_time) == ("pinned", microseconds(day(0)))
    assert "quantiles" in alarm.evidence
    assert [verdict.outcome for verdict in said][-3:] == ["ok"] * 3


def test_slices_of_the_version_are_one_reference() -> None:
    """A training set in two slices, told in any order: what is compared with is both together."""
    checker = Checker(Policy(), rules("v1"))
    parts = [
        profile_record("t", day(n), data(n, mean), version="v1", partitions=[f"part={n}"])
        for n, mean in ((1, 130.0), (0, 70.0))
    ]
    for part in (*parts, *parts):
        checker.profile(part)
    found = [v for n in range(2, 12) for v in checker.profile(record(n, 100.0))]
    assert ("amount", "alarm") in pinned(found)  # neither 70 nor 130, and narrower than both together
    baselines = {v.baseline.rows for v in found if v.check == "reference" and v.baseline is not None}
    assert 2 * ROWS in baselines


@pytest.mark.integration
def test_without_a_store_the_reference_counts_from_when_it_passes(tmp_path: Path) -> None:
    """A worker starts all the same."""
    file = tmp_path / "rules.toml"
    file.write_text("[[dataset]]\nname = 'lake/t'\nreference = '2024-01-01'\n")
    away = Settings(store_url="http://127.0.0.1:9", rules=str(file))
    with pytest.raises(Unavailable):
        connect(away)

    step = ChecksStep(away)
    outputs = [
        one for n, mean in ((0, 70.0), *((n, 100.0) for n in range(1, 12)))
        for one in step.process(batch(topics.PROFILES.name, [record(n, mean)]))
    ]  # fmt: skip
    assert any(b"against the pinned reference" in output.value for output in outputs if output.value)
    assert step.process(batch(topics.USES.name, [use("load", day(12), "write", dataset("t", "12"))])) == []
