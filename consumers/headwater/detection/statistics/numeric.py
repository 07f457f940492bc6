"""Distances between numeric distributions that are known by their quantiles.

A side is its 129 quantiles, an ascending array, taken as 129 points of equal weight; a baseline is the points
of several such sides together, each side of equal weight, so that one large run does not stand for all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headwater.detection.statistics.tails import gamma_by_moments, kolmogorov

Floats = npt.NDArray[np.floating]
#: Points of a side.
POINTS = 129
#: Points at which the spread of the Wasserstein distance under the null is worked out.
_COARSE = 33
#: What a step function of 129 points adds to the distance of two smooth ones: half a step.
_HALF_STEP = 0.5 / POINTS
#: The shares of a side's points below and up to each of them, where no two are the same.
_STEPS_BELOW, _STEPS_UNTIL = np.arange(POINTS) / POINTS, np.arange(1, POINTS + 1) / POINTS


class NumericDistance(NamedTuple):
    """How far two numeric distributions are apart."""

    #: Kolmogorov distance, 0 to 1.
    ks: float
    #: Wasserstein-1 over the baseline's standard deviation.
    shift: float
    #: Chance of so much or more when both are the same: the smaller of both tests, Bonferroni for two.
    p_value: float


class Pool(NamedTuple):
    """A baseline: all points ascending, its own 129 quantiles, its standard deviation."""

    points: Floats
    quantiles: Floats
    deviation: float


def pool(sides: Sequence[Floats]) -> Pool:
    """The baseline of these sides, each of 129 points. Raises ValueError for none."""
    return pool_of(np.concatenate(sides), len(sides))


def pool_of(points: Floats, sides: int) -> Pool:
    """The baseline of so many sides of 129 points each, one after another; the array is sorted in place and kept."""
    points.sort()
    quantiles = np.add.reduce(points.reshape(POINTS, sides), axis=1, dtype=np.float64) / sides
    apart = quantiles[1:-1]  # one wild value must not stand for 1/129 of the rows
    apart = apart - np.add.reduce(apart) / (POINTS - 2)
    return Pool(points, quantiles, math.sqrt(np.add.reduce(apart * apart) / (POINTS - 2)))


def distance(side: Floats, rows: float, baseline: Pool, baseline_rows: float) -> NumericDistance:
    """How far a side lies from a baseline; `rows` are the rows behind each, nulls left out."""
    effective = rows * baseline_rows / (rows + baseline_rows)
    ks = _kolmogorov_distance(side, baseline.points)
    root = math.sqrt(effective)
    # Stephens' correction for finite counts
    p_ks = kolmogorov((root + 0.12 + 0.11 / root) * ks)
    moved = float(np.add.reduce(np.abs(side[1:-1] - baseline.quantiles[1:-1])) / (POINTS - 2))
    if baseline.deviation > 0:
        shift = moved / baseline.deviation
        p_shift = _shift_chance(moved, effective, baseline)
    else:
        # a constant: any move at all is a move of the whole, in units of the constant
        shift = 0.0 if moved == 0 else min(1e6, moved / max(abs(float(baseline.quantiles[64])), 1e-12))
        p_shift = 1.0
    return NumericDistance(ks, shift, min(1.0, 2 * min(p_ks, p_shift)))


def _kolmogorov_distance(side: Floats, points: Floats) -> float:
    total = len(points)
    below = points.searchsorted(side, "left") / total
    until = points.searchsorted(side, "right") / total
    if (side[1:] == side[:-1]).any():
        own_below = side.searchsorted(side, "left") / POINTS
        own_until = side.searchsorted(side, "right") / POINTS
    else:
        own_below, own_until = _STEPS_BELOW, _STEPS_UNTIL
    apart = max(np.maximum.reduce(np.abs(below - own_below)), np.maximum.reduce(np.abs(until - own_until)))
    return max(0.0, float(apart) - _HALF_STEP)


def _shift_chance(moved: float, effective: float, baseline: Pool) -> float:
    """Chance of a Wasserstein-1 distance of `moved` or more between samples of the same distribution.

    Under the null √n·W1 tends to ∫|B(F(x))|dx with a Brownian bridge B; its mean and variance follow from
    E|X| and E|XY| of normal variables, and a gamma distribution of these moments stands for its tail.
    """
    grid = baseline.quantiles[:: (POINTS - 1) // (_COARSE - 1)]
    widths = grid[1:] - grid[:-1]
    spread = _BRIDGE_DEVIATIONS
    mean = math.sqrt(2 / math.pi) * float(widths @ spread)
    variance = float(widths @ _BRIDGE_COVARIANCE @ widths)
    root = math.sqrt(effective)
    return gamma_by_moments(moved * root, mean, variance)


def _bridge() -> tuple[Floats, Floats]:
    """Deviations of a Brownian bridge between the coarse quantiles, and covariance of its absolute value there."""
    u = (np.arange(_COARSE - 1) + 0.5) / (_COARSE - 1)
    deviations = np.sqrt(u * (1 - u))
    correlation = np.minimum.outer(u, u) - np.outer(u, u)
    correlation = np.clip(correlation / np.outer(deviations, deviations), -1, 1)
    product = 2 / math.pi * (np.sqrt(1 - correlation**2) + correlation * np.arcsin(correlation))
    return deviations, np.outer(deviations, deviations) * (product - 2 / math.pi)


_BRIDGE_DEVIATIONS, _BRIDGE_COVARIANCE = _bridge()
