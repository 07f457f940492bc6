"""Datasets of a long run, packed: the bytes of each, and which of the events on the compiled way named it first."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from headwater.schemas import varints
from headwater.stitching.facts import Description, EventRef, Node
from headwater.stitching.texts import Texts


def text(value: str) -> bytes:
    """A text as Avro writes it."""
    raw = value.encode()
    return varints.encode(len(raw)) + raw


def name_of(node: Node) -> bytes:
    """A dataset's name as bytes of a message."""
    return text(node.namespace) + text(node.name)


def optional(value: str | None) -> bytes:
    """A text that may be null, as bytes of a message."""
    return b"\0" if value is None else b"\x02" + text(value)


def identity_of(node: Node) -> bytes:
    """A dataset version's identity as bytes of a message."""
    return name_of(node) + optional(node.version)


def node_of(entry: bytes) -> tuple[Node, Description]:
    """What the bytes of a dataset say."""
    namespace, at = _read(entry, 0)
    name, at = _read(entry, at)
    version, at = _read(entry, at + 1) if entry[at] else (None, at + 1)
    origin, at = _read(entry, at + 1) if entry[at] else (None, at + 1)
    return Node(namespace, name, version), Description(origin, _read(entry, at)[0])


def _read(entry: bytes, at: int) -> tuple[str, int]:
    size = entry[at]
    if size < 0x80:  # one byte of a length, as most texts have
        begin = at + 1
        end = begin + (size >> 1)
    else:
        begin = varints.end(entry, at)
        end = begin + varints.decode(entry, at)
    return entry[begin:end].decode(), end


class Events:
    """What named new datasets: id, time, offset, digest, the rest of the message, its first new input and output."""

    def __init__(self) -> None:
        self.ids = np.zeros((16, 16), np.uint8)
        self.times, self.places, self.rests, self.reads, self.writes = (np.zeros(16, np.int64) for _ in range(5))
        self.digests = np.zeros(16, np.uint64)
        #: How many there are.
        self.count = 0
        #: Where in the unit's order of arrival events stand: from event n on, n + shift.
        self._since: list[int] = []
        self._shifts: list[int] = []

    def all(self) -> tuple[Any, ...]:
        """As compiled functions take them."""
        return self.ids, self.times, self.places, self.digests, self.rests, self.reads, self.writes

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(int(one.nbytes) for one in self.all())

    def reserve(self, more: int) -> None:
        """Make room for so many more."""
        count = self.count + more
        if count > len(self.ids):
            longer = count + count // 4
            self.ids = np.concatenate((self.ids, np.zeros((longer - len(self.ids), 16), np.uint8)))
            for name in ("times", "places", "digests", "rests", "reads", "writes"):
                one = getattr(self, name)
                setattr(self, name, np.concatenate((one, np.zeros(longer - len(one), one.dtype))))

    def number(self, first: int, before: int) -> None:
        """Events from `first` on stand behind so many of the unit."""
        if not self._shifts or self._shifts[-1] != before + 1 - first:
            self._since.append(first)
            self._shifts.append(before + 1 - first)

    def event(self, number: int) -> tuple[int, EventRef]:
        """Where an event stands in order of arrival, and the event."""
        shift = self._shifts[bisect.bisect_right(self._since, number) - 1]
        return number + shift, EventRef(self.ids[number].tobytes(), int(self.times[number]))


class Packed(NamedTuple):
    """Events and the datasets that each named: see `kernel.products`."""

    data: Any
    ends: Any
    ids: Any
    times: Any
    firsts: Any

    @property
    def nbytes(self) -> int:
        """Bytes of all the datasets."""
        first, last = int(self.firsts[0]), int(self.firsts[-1])
        return int(self.ends[last - 1] - (self.ends[first - 1] if first else 0)) if last > first else 0

    @property
    def longest(self) -> int:
        """Bytes of the longest dataset."""
        first, last = int(self.firsts[0]), int(self.firsts[-1])
        begin = self.ends[first - 1] if first else 0
        return int(np.diff(self.ends[first:last], prepend=begin).max(initial=0))

    def by(self, event: EventRef) -> Packed:
        """The same datasets, all by one event."""
        ids = np.array(np.frombuffer(event.event_id, np.uint8))
        return self._replace(ids=ids, times=np.array([event.event_time], np.int64), firsts=self.firsts[[0, -1]])


class Side:
    """The inputs of a run, or its outputs, in order of arrival. `side`: which of an event's columns is theirs."""

    def __init__(self, events: Events, side: str) -> None:
        self.texts = Texts()
        self._events = events
        self._side = side

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def events(self) -> int:
        """How many events named new datasets, of either side."""
        return self._events.count

    @property
    def is_written(self) -> bool:
        """Whether they are outputs."""
        return self._side == "writes"

    def firsts(self, first: int, last: int) -> list[int]:
        """Where what events from `first` on, before `last`, named begins; and behind them."""
        of_events = getattr(self._events, self._side)
        behind = len(self.texts) if last == self._events.count else int(of_events[last])
        return [*of_events[first:last].tolist(), behind]

    def by(self, number: int) -> tuple[int, EventRef]:
        """What named one first, as `Events.event`."""
        of_events = getattr(self._events, self._side)[: self._events.count]
        return self._events.event(int(np.searchsorted(of_events, number, "right")) - 1)

    def by_event(self, event: int) -> int:
        """Where an event stands in order of arrival."""
        return self._events.event(event)[0]

    def find(self, node: Node) -> int:
        """Which one this is; -1 for none."""
        return self.texts.number(identity_of(node)) if len(self.texts) else -1

    def packed(self, first: int, last: int) -> Packed:
        """Events from `first` on, before `last`, with what they named."""
        firsts = np.array(self.firsts(first, last), np.int64)
        ids, times = self._events.ids[first:last].reshape(-1), self._events.times[first:last]
        return Packed(*self.texts.packed, ids, times, firsts)

    def nodes(self, first: int = 0, last: int | None = None) -> Iterator[tuple[Node, Description]]:
        """Those from `first` on, before `last`, as nodes with what is said of them."""
        last = len(self) if last is None else last
        for at in range(first, last, 4096):
            yield from map(node_of, self.texts.between(at, min(at + 4096, last)))

    def items(self) -> Iterator[tuple[Node, tuple[int, EventRef]]]:
        """All of them, each with what named it first."""
        nodes = self.nodes()
        counts: Sequence[int] = np.diff(self.firsts(0, self._events.count)).tolist()
        for event, count in enumerate(counts):
            if count:
                by = self._events.event(event)
                for _ in range(count):
                    yield next(nodes)[0], by

    def named(self, namespace: str, name: str) -> list[Node]:
        """Those of that name, in all their versions."""
        wanted = name_of(Node(namespace, name, None))
        return [node_of(one)[0] for one in self.texts.beginning(wanted)]
