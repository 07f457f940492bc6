"""The plain path: events decoded one by one and folded into units, for runs that are not ordinary."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import numpy as np

from headwater.schemas import plain, records
from headwater.schemas.framing import read_header
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES
from headwater.stitching.edge_sets import edge_sets
from headwater.stitching.facts import Facts, Scope, read_facts
from headwater.stitching.grown import Grown
from headwater.stitching.long_sets import long_sets
from headwater.stitching.unit import Unit
from headwater.streams import Output

#: What a unit takes beside its messages; a message's text as objects; an edge kept by itself. Bytes, about.
_UNIT, _TIMES, _MESSAGE, _EDGE = 4096, 4, 512, 300


@dataclass(slots=True)
class Folded:
    """All that came under one key, folded: a unit for each job in it.

    `log`: what was new in each message that said anything new, in order of arrival, with the message's offset and
    digest. `serial`: the chunk that touched it last. `covered`: messages before this offset are on the state topic.
    """

    units: dict[Scope, Unit] = field(default_factory=dict[Scope, Unit])
    log: list[tuple[int, int, Facts]] = field(default_factory=list[tuple[int, int, Facts]])
    arrivals: dict[Scope, int] = field(default_factory=dict[Scope, int])
    serial: int = -1
    covered: int = 0
    texts: int = 0
    #: Messages taken in.
    count: int = 0

    @property
    def ended(self) -> bool:
        return all(unit.ended for unit in self.units.values())

    @property
    def size(self) -> int:
        """What it takes in memory, about."""
        edges = sum(unit.edge_count for unit in self.units.values())
        packed = sum(grown.nbytes for grown in self._grown())
        return _UNIT * len(self.units) + _TIMES * self.texts + _MESSAGE * len(self.log) + _EDGE * edges + packed

    @property
    def news(self) -> int:
        """How many messages said anything new."""
        return len(self.log) + sum(grown.events for grown in self._grown())

    @property
    def newest(self) -> int:
        """The offset of the newest of them; -1 where there is none."""
        newest = [int(grown.places[-1]) for grown in self._grown() if grown.events]
        return max([*newest, *(one[0] for one in self.log[-1:])], default=-1)

    def has_between(self, first: int, last: int) -> bool:
        """Whether one of them stands at an offset from `first` on, before `last`."""
        if bisect.bisect_left(self.log, first, key=_offset) < bisect.bisect_left(self.log, last, key=_offset):
            return True
        return any(bool(np.diff(np.searchsorted(grown.places, (first, last)))[0] > 0) for grown in self._grown())

    def coordinates(self) -> list[tuple[int, int]]:
        """Offset and digest of each of them, in order of arrival."""
        found = [(offset, digest) for offset, digest, _ in self.log]
        return sorted([*found, *(one for grown in self._grown() for one in grown.coordinates)])

    def only(self) -> Unit | None:
        """Its unit, where all was said of one run and job."""
        unit = next(iter(self.units.values())) if len(self.units) == 1 else None
        return unit if unit is not None and unit.scope.run_id is not None else None

    def forget_news(self) -> None:
        """What was made known so far was told by another worker."""
        for unit in self.units.values():
            unit.changes.take()
            unit.told = []

    def _grown(self) -> list[Grown]:
        return [unit.grown for unit in self.units.values() if unit.grown is not None]

    def prune(self, ended_before: int, open_before: int) -> None:
        """Forget units by when they were touched: a key that many runs share would be kept for ever."""
        old = {
            scope
            for scope, unit in self.units.items()
            if self.arrivals[scope] < (ended_before if unit.ended else open_before)
        }
        if not old:
            return
        for scope in old:
            del self.units[scope], self.arrivals[scope]
        self.log = [one for one in self.log if one[2].scope not in old]


def _offset(one: tuple[int, object, object]) -> int:
    return one[0]


def read(writer: Schema, message: bytes) -> Facts:
    """What a message, whose body is proved, says."""
    current = records.current("run_event")
    body = message[read_header(message).length :]
    return read_facts(plain.decode_proved(writer, body, None if writer == current else current))


def fold(run: Folded, facts: Facts, offset: int, digest: int, length: int, arrival: int) -> None:
    """Add what a message of so many bytes says, in order of arrival."""
    unit = run.units.get(facts.scope)
    if unit is None:
        unit = run.units[facts.scope] = Unit(facts.scope)
    news = unit.add(facts)
    run.arrivals[facts.scope] = arrival
    run.count += 1
    if news is not None:
        run.log.append((offset, digest, news))
        run.texts += length


def said(run: Folded, key: bytes, producer_id: bytes, now_us: int) -> list[Output]:
    """What became known or was withdrawn since the last call."""
    made: list[Output] = []
    for unit in run.units.values():
        about = unit.scope, unit.state, unit.described
        told, unit.told = unit.told, []
        for one in told:
            sets = long_sets(one, *about, producer_id=producer_id, now_us=now_us)
            made += [Output(EDGES.name, key, message) for message in sets]
        if changes := unit.changes.take():
            scope, state, described = about
            sets = edge_sets(scope, state, changes, described, producer_id=producer_id, now_us=now_us)
            made += [Output(EDGES.name, key, message) for message in sets]
    return made
