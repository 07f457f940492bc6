"""Median, MAD and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def median_mad(values: Sequence[float]) -> tuple[float, float]:
    """Median and median absolute deviation, unscaled. Raises ValueError for no values."""
    _, centre, deviation = ordered_median_mad(np.asarray(values, dtype=np.float64))
    return centre, deviation


def ordered_median_mad(values: Floats) -> tuple[Floats, float, float]:
    """The values ascending, their median and median absolute deviation, unscaled. Raises ValueError for no values."""
    if not len(values):
        raise ValueError("no values")
    ordered = np.sort(values)
    centre = _median(ordered)
    return ordered, centre, _median(np.sort(np.abs(ordered - centre)))


def holm(p_values: Sequence[float], alpha: float) -> list[float]:
    """For each p-value what Holm's step-down procedure holds it against; significant where p ≤ that.

    Once one fails, all larger ones fail: their threshold is 0 (Holm 1979, A simple sequentially rejective procedure).
    """
    thresholds = [0.0] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        threshold = alpha / (len(p_values) - rank)
        if p_values[index] > threshold:
            break
        thresholds[index] = threshold
    return thresholds


def _median(ordered: Floats) -> float:
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
