"""How often the first three gates speak: on data that did not drift, and on data that did.

Short versions of two bars: no drift, 12 columns, at most 1 % of batches found; and the power at given
effects. One batch against 28 profiles of 1,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from headwater.detection.gates import judge
from headwater.detection.policy import Policy
from headwater.detection.series import Series
from headwater.detection.summaries import Column, Summary
from tests.consumers.detection.making import an_id, microseconds
from tests.consumers.detection.test_statistics import quantiles

START = date(2024, 1, 1)
POLICY = Policy()
Draw = Callable[[Any, int], Any]
CATEGORIES = np.array([f"value {n}" for n in range(10)])


def normal(random: Any, rows: int) -> Any:
    return random.normal(0, 1, rows)


def skewed(random: Any, rows: int) -> Any:
    return random.lognormal(0, 1, rows)


def whole(random: Any, rows: int) -> Any:
    return random.poisson(6, rows)


def ten_categories(random: Any, rows: int) -> Any:
    return CATEGORIES[random.integers(0, 10, rows)]


def shifted(mean: float, deviation: float) -> Draw:
    def draw(random: Any, rows: int) -> Any:
        return random.normal(mean, deviation, rows)

    return draw


COLUMNS: dict[str, Draw] = {
    f"{draw.__name__} {n}": draw for draw in (normal, skewed, whole, ten_categories) for n in range(3)
}


def column(values: Any) -> Column:
    if values.dtype.kind in "fi":
        return Column("numeric", len(values), 0, points=quantiles(values).astype(np.float32))
    found, counts = np.unique(values, return_counts=True)
    return Column("categorical", len(values), 0, values=dict(zip(found.tolist(), counts.tolist(), strict=True)))


def summary(day: int, columns: dict[str, Column]) -> Summary:
    rows = next(iter(columns.values())).rows
    return Summary(
        an_id("summary", day), microseconds(START + timedelta(days=day)), "lake", "table", str(day), "output", "table",
        (), None, "", "", rows, columns,
    )  # fmt: skip


def reference(random: Any) -> Series:
    series = Series()
    for day in range(28):
        judge(summary(day, {name: column(draw(random, 1_000)) for name, draw in COLUMNS.items()}), series, POLICY)
    series.signals.clear()  # gates 1 to 3 alone: no history, so a finding is told at once
    for index, entry in enumerate(series.entries):
        series.entries[index] = type(entry)(entry.event_time, entry.event_id, -1, entry.columns, frozenset())
    return series


def batch(random: Any, series: Series, rows: int, drifted: dict[str, Draw] | None = None) -> set[str]:
    """The columns found in one batch, which the series does not keep."""
    columns = {name: column(draw(random, rows)) for name, draw in {**COLUMNS, **(drifted or {})}.items()}
    before = list(series.entries)
    number = 100 + int(random.integers(0, 2**40))
    found = judge(replace(summary(100, columns), event_id=an_id(number)), series, POLICY)
    series.entries[:] = before
    series.signals.clear()
    return {finding.column for finding in found if finding.outcome in {"warn", "alarm"}}


@pytest.mark.parametrize("rows", [200, 1_000, 5_000, 20_000])
def test_without_drift_hardly_a_batch_is_found(rows: int) -> None:
    """At most 1 % of batches of 12 columns, whatever their size."""
    random = np.random.default_rng(rows)
    series = reference(random)
    batches = 150 if rows < 20_000 else 60
    found = sum(bool(batch(random, series, rows)) for _ in range(batches))
    assert found <= batches // 100


@pytest.mark.parametrize(
    ("rows", "drifted", "power"),
    [
        (200, shifted(0.5, 1), 0.95),
        (1_000, shifted(0.25, 1), 0.90),
        (5_000, shifted(0, 1.2), 0.95),
    ],
    ids=["mean 0.5 σ", "mean 0.25 σ", "scale + 20 %"],
)
def test_numeric_drift_is_found(rows: int, drifted: Draw, power: float) -> None:
    """As often as the bars ask, in the column that drifted."""
    random = np.random.default_rng(rows + 1)
    series = reference(random)
    found = sum("normal 0" in batch(random, series, rows, {"normal 0": drifted}) for _ in range(60))
    assert found >= power * 60


def test_a_moved_category_is_found() -> None:
    """Five percentage points moved from one of ten equal categories to another, 1,000 rows."""
    random = np.random.default_rng(5)
    series = reference(random)
    weights = np.full(10, 0.1)
    weights[0], weights[1] = 0.05, 0.15

    def moved(random: Any, rows: int) -> Any:
        return CATEGORIES[random.choice(10, rows, p=weights)]

    name = "ten_categories 0"
    assert sum(name in batch(random, series, 1_000, {name: moved}) for _ in range(60)) >= 54
