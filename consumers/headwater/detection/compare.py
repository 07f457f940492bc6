"""One column of a profile against one baseline: the measures, the effect, the chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from headwater.detection.policy import Policy
from headwater.detection.series import Entry
from headwater.detection.statistics import categorical, numeric
from headwater.detection.summaries import Column, Floats

BaselineKind = Literal["rolling", "season", "pinned"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One number and the least effect that counts."""

    name: str
    value: float
    floor: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column against a baseline."""

    kind: BaselineKind
    measures: tuple[Measured, ...]
    p_value: float
    #: Rows with a value on each side (nulls check: all rows).
    rows: int
    baseline_rows: int
    entries: Sequence[Entry] = field(repr=False)
    #: 129 points or counts of the baseline, for evidence.
    points: Floats | None = field(default=None, repr=False)
    shares: dict[str, float] | None = field(default=None, repr=False)

    @property
    def score(self) -> float:
        """The effect in multiples of the least one that counts."""
        return max(measure.value / measure.floor for measure in self.measures)

    @property
    def distance(self) -> float:
        """The first measure: a share of the rows, 0 to 1."""
        return self.measures[0].value


def drift(column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy) -> Comparison | None:
    """The distribution against a baseline; None where there is none or too little of a kind to compare."""
    usable = [entry for entry in entries if entry.columns[name].kind == column.kind and entry.columns[name].valued > 0]
    if not usable or column.valued <= 0 or column.kind == "none":
        return None
    if column.kind == "numeric":
        return _numeric(column, name, kind, usable, policy)
    return _categorical(column, name, kind, usable, policy)


def nulls(column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy) -> Comparison | None:
    """The share of rows without a value against a baseline."""
    rows = sum(entry.columns[name].rows for entry in entries)
    if not rows or column.rows <= 0:
        return None
    hits = sum(entry.columns[name].nulls for entry in entries)
    change = abs(column.nulls / column.rows - hits / rows)
    chance = categorical.share_chance(column.nulls, column.rows, hits, rows)
    return Comparison(
        kind,
        (Measured("null_share_change", change, policy.least_nulls),),
        chance,
        column.rows,
        rows,
        entries,
        shares={"null": hits / rows},
    )


def novelty(
    column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy
) -> Comparison | None:
    """The share of rows whose value no profile of the baseline lists; None where it is no column of values.

    A value that a cut list may have left out (its share is below the least that is listed) is not new.
    """
    usable = [entry for entry in entries if entry.columns[name].kind == "categorical"]
    rows = sum(entry.columns[name].valued for entry in usable)
    if column.values is None or column.valued <= 0 or not rows:
        return None
    known: set[str] = set()
    for entry in usable:
        known.update(entry.columns[name].values or ())
    floor = max(_floor(entry.columns[name]) for entry in usable) * column.valued
    new = {value: count for value, count in column.values.items() if value not in known and count > floor}
    share = sum(new.values()) / column.valued
    chance = categorical.share_chance(share * column.valued, column.valued, 0, rows)
    return Comparison(
        kind,
        (Measured("new_values", share, policy.least_variation),),
        chance,
        column.valued,
        rows,
        usable,
        shares=dict.fromkeys(sorted(new, key=lambda value: -new[value]), 0.0),
    )


def _numeric(
    column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy
) -> Comparison | None:
    sides = [points for entry in entries if (points := entry.columns[name].points) is not None]
    if column.points is None or not sides:
        return None
    pooled = numeric.pool(sides)
    rows = sum(entry.columns[name].valued for entry in entries)
    found = numeric.distance(column.points, column.valued, pooled, rows)
    measures = (
        Measured("ks_distance", found.ks, policy.least_distance),
        Measured("wasserstein_sigma", found.shift, policy.least_shift),
    )
    return Comparison(kind, measures, found.p_value, column.valued, rows, entries, points=pooled.quantiles)


def _categorical(
    column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy
) -> Comparison | None:
    if column.values is None:
        return None
    counts: dict[str, float] = {}
    rows = 0
    floors = [_floor(column)]
    before = 0.0
    for entry in entries:
        other = entry.columns[name]
        rows += other.valued
        before += _floor(other)
        for value, count in (other.values or {}).items():
            counts[value] = counts.get(value, 0.0) + count
    floors.append(before / len(entries))
    found = categorical.distance(column.values, column.valued, counts, rows, max(floors))
    measure = Measured("total_variation", found.variation, policy.least_variation)
    shares = {value: count / rows for value, count in counts.items()} if rows else {}
    return Comparison(kind, (measure,), found.p_value, column.valued, rows, entries, shares=shares)


def _floor(column: Column) -> float:
    """The share below which a value may be missing from a list that was cut."""
    if not column.cut or not column.values or column.valued <= 0:
        return 0.0
    return min(column.values.values()) / column.valued
