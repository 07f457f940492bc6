"""A4, rows of the real year's days, and A5, how soon a drift of a given size is alarmed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from headwater.detection import volume
from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection import flights
from tests.consumers.detection.making import an_id, dataset, microseconds, profile_record, use

POLICY = Policy()
#: Days at the beginning that are not judged: eight weeks of history.
FIRST = 60
Judge = Callable[[int, int], bool]


def by_our_gates(rows: Sequence[int], change: float) -> list[bool]:
    """Each day with its rows changed, on the history as it was."""
    counts = volume.Counts()
    found: list[bool] = []
    for index, count in enumerate(rows):
        subject = Subject(microseconds(flights.days(None)[index][0]), "lake", "flights", str(index))
        if index >= FIRST:
            trial = copy.deepcopy(counts)
            trial.take(subject, int(count * (1 + change)), an_id(index), POLICY)
            found += [verdict.outcome == "alarm" for verdict in trial.due(POLICY)]
        counts.take(subject, count, an_id(index), POLICY)
        counts.due(POLICY)
    return found


def by_three_sigma(rows: Sequence[int], change: float) -> list[bool]:
    """Outside mean ± 3 standard deviations of the 28 days before."""
    found: list[bool] = []
    for index in range(FIRST, len(rows)):
        before = np.array(rows[index - 28 : index], float)
        found.append(abs(rows[index] * (1 + change) - before.mean()) > 3 * before.std(ddof=1))
    return found


def a4() -> dict[str, list[float]]:
    """Detector -> share of days alarmed as they were, with 30 % and with 50 % of the rows lost."""
    rows = [len(part) for _, part in flights.days(None)]
    detectors: dict[str, Callable[[Sequence[int], float], list[bool]]] = {
        "Headwater": by_our_gates,
        "mean ± 3σ of 28 days": by_three_sigma,
    }
    return {
        name: [float(np.mean(judge(rows, change))) for change in (0.0, -0.3, -0.5)] for name, judge in detectors.items()
    }


def a5(trials: int) -> dict[str, list[int]]:
    """Size of the drift -> trials in which it was alarmed in the first profile, within two, and trials."""
    found: dict[str, list[int]] = {}
    for name, mean in (("D = 0.1", 0.25), ("D = 0.15", 0.38), ("D = 0.25", 0.64)):
        found[name] = [0, 0, trials]
        for trial in range(trials):
            checker = Checker(POLICY)
            for number in range(35):
                _profile(checker, trial, number, 0.0)
            first = _profile(checker, trial, 35, mean)
            second = _profile(checker, trial, 36, mean)
            found[name][0] += first
            found[name][1] += first or second
    return found


def schema_delay() -> bool:
    """Whether a removed column is alarmed with the first write that lacks it."""
    checker = Checker(POLICY)
    columns = [{"name": name, "type": "int64"} for name in ("a", "b")]
    told: list[Verdict] = []
    for number in range(3):
        day = flights.days(None)[number][0]
        told = checker.use(
            use("load", day, "write", dataset("t", str(day)), columns=columns[: 1 if number == 2 else 2])
        )
    return [verdict.outcome for verdict in told if verdict.check == "schema"] == ["alarm"]


def _profile(checker: Checker, trial: int, number: int, mean: float) -> bool:
    random = np.random.default_rng([trial, number])
    data: dict[str, Any] = {"x": random.normal(mean, 1, 2_000), "y": random.normal(0, 1, 2_000)}
    day = flights.days(None)[0][0] + timedelta(days=number)
    found = checker.profile(profile_record("t", day, data))
    return any(v.outcome == "alarm" and v.subject.column == "x" for v in found)
