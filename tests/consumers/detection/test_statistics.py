"""The statistics on arrays, against scipy and against what they promise under the null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from headwater.detection.statistics import categorical, numeric, tails
from headwater.detection.statistics.robust import holm, median_mad

scipy_stats: Any = stats
scipy_special: Any = special


@given(st.floats(0.01, 2000), st.integers(1, 500))
def test_chi_squared_tail(statistic: float, degrees: int) -> None:
    """The tail of chi-squared is scipy's, also far out."""
    expected = float(scipy_stats.chi2.sf(statistic, degrees))
    assert tails.chi_squared(statistic, degrees) == pytest.approx(expected, rel=1e-7, abs=1e-13)


@given(st.floats(0.05, 8))
def test_kolmogorov_tail(scaled: float) -> None:
    """The tail of Kolmogorov's distribution is scipy's."""
    expected = float(scipy_special.kolmogorov(scaled))
    assert tails.kolmogorov(scaled) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_tails_at_the_ends() -> None:
    """Nothing, and far beyond everything, have tails of 1 and 0."""
    assert tails.chi_squared(0.0, 3) == tails.chi_squared(5.0, 0) == tails.kolmogorov(0.0) == 1.0
    assert tails.chi_squared(1e9, 2) == tails.kolmogorov(50.0) == 0.0
    assert tails.normal_two_sided(0.0) == 1.0
    assert tails.gamma_by_moments(1.0, 0.0, 1.0) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm(p_values: list[float]) -> None:
    """What Holm rejects is what the step-down by hand rejects, and never less than Bonferroni."""
    thresholds = holm(p_values, 0.05)
    rejected = {index for index in range(len(p_values)) if thresholds[index] > 0}
    by_hand: set[int] = set()
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if p_values[index] > 0.05 / (len(p_values) - rank):
            break
        by_hand.add(index)
    assert rejected == by_hand
    assert {index for index, p in enumerate(p_values) if p <= 0.05 / len(p_values)} <= rejected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_median_mad(values: list[float]) -> None:
    """Median and MAD are numpy's and scipy's."""
    median, mad = median_mad(values)
    assert median == pytest.approx(float(np.median(values)))
    assert mad == pytest.approx(float(scipy_stats.median_abs_deviation(values)))


def quantiles(values: Any) -> Any:
    """129 quantiles, nearest in rank, as the producer sends them."""
    return np.sort(values)[np.rint(np.linspace(0, len(values) - 1, 129)).astype(int)]


def test_distances_are_those_of_the_samples() -> None:
    """From 129 quantiles a side, Kolmogorov and Wasserstein distances come out as from all values."""
    random = np.random.default_rng(7)
    before, now = random.normal(10, 3, 20_000), random.normal(10.8, 3.6, 5_000)
    found = numeric.distance(
        quantiles(now), 5_000, numeric.pool([quantiles(part) for part in np.split(before, 20)]), 20_000
    )
    assert found.ks == pytest.approx(float(scipy_stats.ks_2samp(before, now).statistic), abs=0.01)
    expected = float(scipy_stats.wasserstein_distance(before, now)) / float(before.std())
    assert found.shift == pytest.approx(expected, rel=0.07)
    assert found.p_value < 1e-20


def test_ties_are_no_distance() -> None:
    """Whole numbers with many ties, of the same distribution, are no distance apart; a moved tie is."""
    random = np.random.default_rng(8)
    sides = [quantiles(random.integers(5, 12, 1_000)) for _ in range(20)]
    pool = numeric.pool(sides)
    same = numeric.distance(quantiles(random.integers(5, 12, 1_000)), 1_000, pool, 20_000)
    moved = numeric.distance(quantiles(random.integers(5, 11, 1_000)), 1_000, pool, 20_000)
    assert same.p_value > 1e-4
    assert same.ks < 0.05
    assert moved.p_value < 1e-6


def test_a_constant() -> None:
    """A constant that stays is no distance apart; one that changes is as far as can be."""
    pool = numeric.pool([np.full(129, 3.0)] * 5)
    assert numeric.distance(np.full(129, 3.0), 500, pool, 2_500) == (0.0, 0.0, 1.0)
    changed = numeric.distance(np.full(129, 4.0), 500, pool, 2_500)
    assert changed.ks > 0.99
    assert changed.p_value < 1e-100


def test_p_values_under_the_null_are_not_too_small() -> None:
    """Without drift, p-values fall below 0.01 about as seldom as they claim, at small and large counts."""
    random = np.random.default_rng(9)
    for rows in (200, 2_000):
        pool = numeric.pool([quantiles(random.gamma(2, 1, 1_000)) for _ in range(28)])
        small = sum(
            numeric.distance(quantiles(random.gamma(2, 1, rows)), rows, pool, 28_000).p_value < 0.01 for _ in range(600)
        )
        assert small <= 18  # expected at most 6 by the claim; its own baseline is one draw for all


def test_categories() -> None:
    """χ² and total variation are scipy's; values that a cut list may lack count as one."""
    counts, baseline = {"a": 120, "b": 80, "c": 40}, {"a": 1000, "b": 1000, "c": 400}
    found = categorical.distance(counts, 240, baseline, 2400)
    table = [[120, 80, 40], [1000, 1000, 400]]
    assert found.p_value == pytest.approx(float(scipy_stats.chi2_contingency(table, correction=False).pvalue), rel=1e-6)
    assert found.variation == pytest.approx(0.5 * (abs(120 - 100) + abs(80 - 100)) / 240)
    assert categorical.distance({}, 0, baseline, 2400) == (0.0, 1.0)
    cut = categorical.distance({"a": 90, "x": 2}, 100, {"a": 900, "y": 20}, 1000, floor=0.05)
    assert cut.variation == pytest.approx(0.0)


def test_shares() -> None:
    """The chance of two shares is that of the χ² test without correction."""
    expected = float(scipy_stats.chi2_contingency([[30, 970], [100, 9900]], correction=False).pvalue)
    assert categorical.share_chance(30, 1000, 100, 10_000) == pytest.approx(expected, rel=1e-9)
    assert categorical.share_chance(0, 100, 0, 100) == 1.0
