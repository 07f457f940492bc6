"""One column of a profile against one baseline: the measures, the effect, the chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from headwater.detection.packed import floor_of, joined
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

    #: The effect in multiples of the least one that counts.
    score: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", max([measure.value / measure.floor for measure in self.measures]))

    @property
    def distance(self) -> float:
        """The first measure: a share of the rows, 0 to 1."""
        return self.measures[0].value


def drift(column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy) -> Comparison | None:
    """The distribution against a baseline; None where there is none or too little of a kind to compare."""
    if column.valued <= 0:
        return None
    if column.points is not None:
        return _numeric(column, column.points, name, kind, entries, policy)
    if column.values is not None:
        return _categorical(column, column.values, name, kind, entries, policy)
    return None


def nulls(column: Column, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy) -> Comparison | None:
    """The share of rows without a value against a baseline."""
    rows = hits = 0
    for entry in entries:
        of_entry, missing = entry.columns.rows(name)
        rows += of_entry
        hits += missing
    if not rows or column.rows <= 0:
        return None
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
    if column.values is None or column.valued <= 0:
        return None
    known: set[str] = set()
    usable: list[Entry] = []
    rows, least = 0, 0.0
    for entry in entries:
        listed = entry.columns.counts(name)
        if listed is not None:
            usable.append(entry)
            rows += listed[0]
            known.update(listed[1].values)
            least = max(least, listed[1].floor)
    if not rows:
        return None
    floor = least * column.valued
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
    column: Column, points: Floats, name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy
) -> Comparison | None:
    usable: list[Entry] = []
    sides: list[bytes] = []
    rows = 0
    for entry in entries:
        known = entry.columns.points(name)
        if known is not None and known[0] > 0:
            usable.append(entry)
            rows += known[0]
            sides.append(known[1])
    if not sides:
        return None
    pooled = numeric.pool_of(joined(sides), len(sides))
    found = numeric.distance(points, column.valued, pooled, rows)
    measures = (
        Measured("ks_distance", found.ks, policy.least_distance),
        Measured("wasserstein_sigma", found.shift, policy.least_shift),
    )
    return Comparison(kind, measures, found.p_value, column.valued, rows, usable, points=pooled.quantiles)


def _categorical(
    column: Column, values: Mapping[str, int], name: str, kind: BaselineKind, entries: Sequence[Entry], policy: Policy
) -> Comparison | None:
    counts: dict[str, float] = {}
    usable: list[Entry] = []
    rows = 0
    before = 0.0
    for entry in entries:
        known = entry.columns.counts(name)
        if known is None or known[0] <= 0:
            continue
        usable.append(entry)
        rows += known[0]
        before += known[1].floor
        for value, count in zip(known[1].values, known[1].numbers(), strict=True):
            counts[value] = counts.get(value, 0.0) + count
    if not usable:
        return None
    floor = max(floor_of(column), before / len(usable))
    found = categorical.distance(values, column.valued, counts, rows, floor)
    measure = Measured("total_variation", found.variation, policy.least_variation)
    shares = {value: count / rows for value, count in counts.items()}
    return Comparison(kind, (measure,), found.p_value, column.valued, rows, usable, shares=shares)
