"""A dataset that is written each hour and has a day: quiet while days are as usual; a fault of an hour is found."""

from __future__ import annotations

import copy
import math
from datetime import date
from typing import Any

import numpy as np

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from tests.consumers.detection.making import an_id, microseconds, profile_record

START = date(2024, 1, 1)  # a Monday
HOUR_US = 3_600_000_000
WEEKS = 3


def hour_record(hour: int, shift: float = 0.0, share: float = 0.0) -> dict[str, Any]:
    """The level moves by three deviations from night to noon, the mixture with it; weekends lie lower."""
    random = np.random.default_rng(hour)
    turn = math.sin((hour % 24 - 6) / 12 * math.pi)
    level = 100 + 30 * turn - 15 * (hour // 24 % 7 > 4) + shift
    first = random.random(400) < 0.4 + 0.3 * turn + share
    made = profile_record("t", START, {"a": random.normal(level, 20, 400), "k": np.where(first, "x", "y")})
    place = {"event_id": an_id("hour", hour), "event_time": microseconds(START) + hour * HOUR_US}
    return {**made, **place, "version": str(hour), "partitions": list[str]()}


def alarmed(checker: Checker, record: dict[str, Any]) -> set[str | None]:
    return {v.subject.column for v in checker.profile(record) if v.outcome == "alarm" and v.check == "drift"}


def test_a_daily_cycle_is_no_drift_and_hides_none() -> None:
    """No alarm in three weeks, weekends among them. In the third week a deviation more, or a fifth of the rows in the
    other category, is found within two hours of a working day.
    """
    checker = Checker(Policy())
    found: dict[str, int] = {"a": 0, "k": 0}
    tried = 0
    for hour in range(24 * 7 * WEEKS):
        week, day = divmod(hour // 24, 7)
        if week == WEEKS - 1 and day < 5 and hour % 7 == 0:
            tried += 1
            for column, shift, share in (("a", 20.0, 0.0), ("k", 0.0, 0.2)):
                trial = copy.deepcopy(checker)
                seen = [alarmed(trial, hour_record(hour + later, shift, share)) for later in (0, 1)]
                found[column] += any(column in one for one in seen)
        assert alarmed(checker, hour_record(hour)) == set(), hour
    assert tried == 18
    assert min(found.values()) >= 0.9 * tried, found
