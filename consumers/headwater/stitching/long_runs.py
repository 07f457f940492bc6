"""Folding messages of long runs: by compiled code while they say nothing but new inputs, one by one where they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from headwater.stitching.columns import Columns
from headwater.stitching.facts import Facts
from headwater.stitching.folding import Folded, fold
from headwater.stitching.kept import Ordinary
from headwater.stitching.unit import Unit

#: Messages from which on a run is a long one: before, they are folded one by one.
FEWEST = 16
#: After so many messages in a row that compiled code stopped at, as many are folded before it is asked again; at most.
_PATIENCE, _MOST_SKIPPED = 4, 64


class Message(Protocol):
    """What it says, and where that stands as columns."""

    columns: Columns | None
    place: int

    @property
    def facts(self) -> Facts:
        """Decoded when asked for."""
        ...


class Stands(NamedTuple):
    """Of a message: its offset, its digest, its length in bytes."""

    offset: int
    digest: int
    length: int


def is_long(run: Ordinary | Folded | None, more: int) -> bool:
    """Whether the next messages of a run, so many, are worth reading as columns."""
    return more >= FEWEST or (isinstance(run, Folded) and run.count >= FEWEST)


def fold_all(run: Folded, messages: Sequence[Message], places: Sequence[Stands], arrival: int) -> None:
    """Add what messages say, in order of arrival."""
    at = 0
    while at < len(messages):
        columns = messages[at].columns
        unit = run.only() if columns is not None and run.count >= FEWEST else None
        if columns is None or unit is None:
            fold(run, messages[at].facts, *places[at], arrival)
            at += 1
            continue
        upto = at + 1
        while upto < len(messages) and messages[upto].columns is columns:
            upto += 1
        at += _sift(run, unit, columns, messages[at:upto], places[at:upto], arrival)


def _sift(
    run: Folded,
    unit: Unit,
    columns: Columns,
    messages: Sequence[Message],
    places: Sequence[Stands],
    arrival: int,
) -> int:
    """How many of the messages, which stand in the same columns, were taken: all while the run is of one job."""
    told = (
        np.array([one.place for one in messages], np.int64),
        np.array([one.offset for one in places], np.int64),
        np.array([one.digest for one in places], np.uint64),
    )
    at = idle = 0
    while at < len(messages):
        stop = unit.sift(columns, told, at)
        if stop > at:
            run.arrivals[unit.scope] = arrival
            run.count += stop - at
            idle = 0
        at = min(stop + (1 if idle < _PATIENCE else min(idle, _MOST_SKIPPED)), len(messages))
        for place in range(stop, at):
            facts = messages[place].facts
            fold(run, facts, *places[place], arrival)
            if run.only() is not unit:
                return place + 1
            if place == stop and not facts.ends:
                unit.remember(facts.state)
        idle += 1
    return len(messages)
