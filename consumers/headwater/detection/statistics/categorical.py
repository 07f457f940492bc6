"""Distances between counts of categories, and between shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from headwater.detection.statistics.tails import chi_squared, normal_two_sided

#: Expected count below which cells are pooled (Cochran's rule).
_LEAST_EXPECTED = 5.0


class CategoricalDistance(NamedTuple):
    """How far two categorical distributions are apart."""

    #: Total variation, 0 to 1.
    variation: float
    #: Chance of so much or more when both are the same (χ², small cells pooled).
    p_value: float


def distance(
    counts: Mapping[str, float], rows: float, baseline: Mapping[str, float], baseline_rows: float, floor: float = 0.0
) -> CategoricalDistance:
    """How far `counts` lie from `baseline`; values whose share stays below `floor` on both sides count as one.

    `floor` is the share from which on a value surely stands in a list that was cut. What the lists leave
    of `rows` is that one cell too. Raises nothing; sides without rows are no distance apart.
    """
    if rows <= 0 or baseline_rows <= 0:
        return CategoricalDistance(0.0, 1.0)
    cells: list[tuple[float, float]] = []
    for value in {**counts, **baseline}:
        seen, before = counts.get(value, 0.0), baseline.get(value, 0.0)
        if seen > floor * rows or before > floor * baseline_rows:
            cells.append((seen, before))
    rest = (rows - sum(cell[0] for cell in cells), baseline_rows - sum(cell[1] for cell in cells))
    if max(rest) > 0:
        cells.append((max(0.0, rest[0]), max(0.0, rest[1])))
    variation = sum(abs(seen / rows - before / baseline_rows) for seen, before in cells) / 2
    return CategoricalDistance(variation, _chi_squared_chance(cells, rows, baseline_rows))


def share_chance(hits: float, rows: float, baseline_hits: float, baseline_rows: float) -> float:
    """Chance that two shares differ so much or more when they are the same (pooled z test, two-sided)."""
    if rows <= 0 or baseline_rows <= 0:
        return 1.0
    share = (hits + baseline_hits) / (rows + baseline_rows)
    spread = share * (1 - share) * (1 / rows + 1 / baseline_rows)
    if spread <= 0:
        return 1.0
    return normal_two_sided((hits / rows - baseline_hits / baseline_rows) / math.sqrt(spread))


def _chi_squared_chance(cells: list[tuple[float, float]], rows: float, baseline_rows: float) -> float:
    total = rows + baseline_rows
    least = min(rows, baseline_rows) / total
    large: list[tuple[float, float]] = []
    small = [0.0, 0.0]
    for seen, before in cells:
        if (seen + before) * least >= _LEAST_EXPECTED:
            large.append((seen, before))
        else:
            small[0] += seen
            small[1] += before
    if (small[0] + small[1]) * least >= _LEAST_EXPECTED or not large:
        large.append((small[0], small[1]))
    elif sum(small) > 0:
        # too small to stand alone: with the smallest of the others
        last = min(range(len(large)), key=lambda index: sum(large[index]))
        large[last] = (large[last][0] + small[0], large[last][1] + small[1])
    statistic = 0.0
    for seen, before in large:
        together = seen + before
        if together > 0:
            expected, expected_before = together * rows / total, together * baseline_rows / total
            statistic += (seen - expected) ** 2 / expected + (before - expected_before) ** 2 / expected_before
    return chi_squared(statistic, len(large) - 1)
