"""Folding messages of long runs: by compiled code while they say nothing but new inputs, one by one where they do."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.stitching.columns import Columns
from headwater.stitching.folding import Folded, fold
from headwater.stitching.hashing import Numbers
from headwater.stitching.kept import Ordinary
from headwater.stitching.messages import Plain, Stands, stretches
from headwater.stitching.unit import Unit

#: Messages from which on a run is a long one: before, they are folded one by one.
FEWEST = 16
#: After so many messages in a row that compiled code stopped at, as many are folded before it is asked again; at most.
_PATIENCE, _MOST_SKIPPED = 4, 64


def is_long(run: Ordinary | Folded | None, more: int) -> bool:
    """Whether the next messages of a run, so many, are worth reading as columns."""
    return more >= FEWEST or (isinstance(run, Folded) and run.count >= FEWEST)


def fold_all(run: Folded, messages: Sequence[Plain], stands: Stands, arrival: int) -> None:
    """Add what messages say, in order of arrival."""
    at = 0
    for columns, places in stretches(messages):
        first, behind = at, at + len(places)
        while at < behind:
            unit = run.only() if columns is not None and run.count >= FEWEST else None
            if columns is None or unit is None:
                fold(run, messages[at].facts, *stands.of(at), arrival)
                at += 1
                continue
            at = _sift(run, unit, columns, places[at - first :], messages, stands, at, arrival)


def _sift(
    run: Folded,
    unit: Unit,
    columns: Columns,
    places: Numbers,
    messages: Sequence[Plain],
    stands: Stands,
    first: int,
    arrival: int,
) -> int:
    """Up to where messages from `first` on were taken, which are rows `places` of the columns: to the last of those
    while the run is of one job.
    """
    behind = first + len(places)
    told = places, stands.offsets[first:behind], stands.digests[first:behind]
    at, idle = first, 0
    while at < behind:
        stop = first + unit.sift(columns, told, at - first)
        if stop > at:
            run.arrivals[unit.scope] = arrival
            run.count += stop - at
            idle = 0
        at = min(stop + (1 if idle < _PATIENCE else min(idle, _MOST_SKIPPED)), behind)
        for place in range(stop, at):
            facts = messages[place].facts
            fold(run, facts, *stands.of(place), arrival)
            if run.only() is not unit:
                return place + 1
            if place == stop and not facts.ends:
                unit.remember(facts.state)
        idle += 1
    return behind
