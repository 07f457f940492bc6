"""What a long run has read, packed: of each input its bytes, of each event that named new ones its coordinates.

A run of a hundred thousand events that each name another dataset keeps about two hundred bytes for each, and goes
through compiled code while its events say nothing but inputs (`sifting.py`). Its unit keeps all else, and is asked for
the first of each kind of message, and for inputs that mean more: those that it wrote, or names as a source.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from headwater.schemas import varints
from headwater.stitching import sifting
from headwater.stitching.columns import Columns
from headwater.stitching.facts import Description, EventRef, Node, Scope
from headwater.stitching.texts import Texts

#: Bytes of rests beyond which they are forgotten: each is then looked at by itself once more.
_MOST_RESTS = 4 * sifting.MOST_BYTES


def text(value: str) -> bytes:
    """A text as Avro writes it."""
    raw = value.encode()
    return varints.encode(len(raw)) + raw


def name_of(node: Node) -> bytes:
    """A dataset's name as bytes of a message."""
    return text(node.namespace) + text(node.name)


def identity_of(node: Node) -> bytes:
    """A dataset version's identity as bytes of a message."""
    return name_of(node) + (b"\0" if node.version is None else b"\x02" + text(node.version))


def node_of(entry: bytes) -> tuple[Node, Description]:
    """What the bytes of an input say."""
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


class _Events:
    """What named new inputs: id, time, offset, digest, the rest of the message, its first new input."""

    def __init__(self) -> None:
        self.ids = np.zeros((16, 16), np.uint8)
        self.times, self.places, self.rests, self.firsts = (np.zeros(16, np.int64) for _ in range(4))
        self.digests = np.zeros(16, np.uint64)

    def all(self) -> tuple[Any, ...]:
        return self.ids, self.times, self.places, self.digests, self.rests, self.firsts

    def reserve(self, count: int) -> None:
        if count > len(self.ids):
            longer = count + count // 4
            self.ids = np.concatenate((self.ids, np.zeros((longer - len(self.ids), 16), np.uint8)))
            for name in ("times", "places", "digests", "rests", "firsts"):
                one = getattr(self, name)
                setattr(self, name, np.concatenate((one, np.zeros(longer - len(one), one.dtype))))


class Packed(NamedTuple):
    """Events and the inputs that each named: see `kernel.products`."""

    data: Any
    ends: Any
    ids: Any
    times: Any
    firsts: Any

    @property
    def longest(self) -> int:
        """Bytes of the longest input."""
        first, last = int(self.firsts[0]), int(self.firsts[-1])
        begin = self.ends[first - 1] if first else 0
        return int(np.diff(self.ends[first:last], prepend=begin).max(initial=0))

    def by(self, event: EventRef) -> Packed:
        """The same inputs, all by one event."""
        ids = np.array(np.frombuffer(event.event_id, np.uint8))
        return self._replace(ids=ids, times=np.array([event.event_time], np.int64), firsts=self.firsts[[0, -1]])


class Grown:
    """Inputs and the events that named them, in order of arrival; each event has new ones."""

    def __init__(self, scope: Scope, reads: Iterable[Node], names: Iterable[Node]) -> None:
        self._scope = np.frombuffer((scope.run_id or b"") + name_of(Node(scope.namespace, scope.name, None)), np.uint8)
        self._rests, self._watched, self._known, self._reads = Texts(), Texts(), Texts(), Texts()
        self._events = _Events()
        self._size = np.zeros(2, np.int64)
        self._stopped = b""
        #: Of each rest, and once an event is taken of each event (instead of the rest's number), which of `states`.
        self._rest_states: list[int] = []
        self._states: list[str] = []
        #: Where in the unit's order of arrival events stand: from event n on, n + shift.
        self._since: list[int] = []
        self._shifts: list[int] = []
        self.note(reads, names)

    def __len__(self) -> int:
        """Inputs."""
        return len(self._reads)

    @property
    def events(self) -> int:
        """How many events named new inputs."""
        return int(self._size[0])

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        texts = sum(one.nbytes for one in (self._rests, self._watched, self._known, self._reads))
        return texts + sum(int(one.nbytes) for one in self._events.all())

    def note(self, reads: Iterable[Node], names: Iterable[Node]) -> None:
        """Inputs that the unit keeps, and datasets that are looked at by themselves."""
        self._known.add(map(identity_of, reads))
        self._watched.add(map(name_of, names))

    def reserve(self, columns: Columns, rows: Any) -> None:
        """Make room for all that rows may say."""
        self._reads.reserve(int(columns.input_counts[rows].sum()), int(columns.input_bytes[rows].sum()))
        self._events.reserve(self.events + len(rows))

    def sift(self, columns: Columns, messages: Any, first: int, *, may_grow: bool) -> int:
        """As `sifting.sift`."""
        self._rests.reserve(1, 0)
        stores = (self._rests.store, self._watched.store, self._known.store, self._reads.store)
        scratch = np.empty(sifting.MOST_BYTES, np.uint8)
        stop = sifting.sift(
            columns.buffer, columns.all, messages, first, columns.number, self._scope, stores, may_grow,
            self._events.all(), scratch, self._size,
        )  # fmt: skip
        self._stopped = scratch[: int(self._size[1])].tobytes()
        return stop

    def remember(self, state: str) -> None:
        """What sifting stopped at was taken: a message that says the same beside its inputs says nothing else new."""
        if not self._stopped:
            return
        if self._rests.nbytes > _MOST_RESTS:
            self._rests, self._rest_states = Texts(), []
        self._rests.add([self._stopped])
        if state not in self._states:
            self._states.append(state)
        if len(self._rests) > len(self._rest_states):
            self._rest_states.append(self._states.index(state))

    def number_events(self, first: int, before: int) -> None:
        """Events from `first` on stand behind so many of the unit."""
        events = self._events
        of_rests = np.array(self._rest_states, np.int64)
        events.rests[first : self.events] = of_rests[events.rests[first : self.events]]
        if not self._shifts or self._shifts[-1] != before + 1 - first:
            self._since.append(first)
            self._shifts.append(before + 1 - first)

    def events_of(self, first: int, last: int) -> Iterator[tuple[int, EventRef]]:
        """Events from `first` on, before `last`, which were taken in one after the other, as `event` gives them."""
        place = self.event(first)[0] if first < last else 0
        ids, times = self._events.ids[first:last].tobytes(), self._events.times[first:last].tolist()
        refs = (EventRef(ids[at : at + 16], time) for at, time in zip(range(0, len(ids), 16), times, strict=True))
        return enumerate(refs, place)

    def event(self, number: int) -> tuple[int, EventRef]:
        """Where an event stands in order of arrival, and the event."""
        shift = self._shifts[bisect.bisect_right(self._since, number) - 1]
        return number + shift, EventRef(self._events.ids[number].tobytes(), int(self._events.times[number]))

    def firsts(self, first: int, last: int) -> list[int]:
        """Where the new inputs of events from `first` on, before `last`, begin; and behind them."""
        behind = len(self._reads) if last == self.events else int(self._events.firsts[last])
        return [*self._events.firsts[first:last].tolist(), behind]

    def of_read(self, read: int) -> tuple[int, EventRef]:
        """What named an input first, as `event`."""
        return self.event(int(np.searchsorted(self._events.firsts[: self.events], read, "right")) - 1)

    def find(self, node: Node) -> int:
        """Which input this is; -1 for none."""
        return self._reads.number(identity_of(node)) if len(self._reads) else -1

    def packed(self, first: int, last: int) -> Packed:
        """Events from `first` on, before `last`, with their new inputs."""
        firsts = np.array(self.firsts(first, last), np.int64)
        ids, times = self._events.ids[first:last].reshape(-1), self._events.times[first:last]
        return Packed(*self._reads.packed, ids, times, firsts)

    def entries(self, first: int, last: int) -> list[bytes]:
        """Inputs from `first` on, before `last`, as bytes of a message."""
        return self._reads.between(first, last)

    def nodes(self, first: int = 0, last: int | None = None) -> Iterator[tuple[Node, Description]]:
        """The same as nodes with what is said of them."""
        last = len(self) if last is None else last
        for at in range(first, last, 4096):
            yield from map(node_of, self.entries(at, min(at + 4096, last)))

    def items(self) -> Iterator[tuple[Node, tuple[int, EventRef]]]:
        """All inputs, each with what named it first."""
        nodes = self.nodes()
        for event in range(self.events):
            by = self.event(event)
            first, last = self.firsts(event, event + 1)
            for _ in range(first, last):
                yield next(nodes)[0], by

    def named(self, namespace: str, name: str) -> list[Node]:
        """The inputs of that name, in all their versions."""
        wanted = name_of(Node(namespace, name, None))
        return [node_of(one)[0] for one in self._reads.beginning(wanted)]

    def kept(self, below: int) -> tuple[list[int], Packed, Any, list[str]]:
        """The events before an offset: their offsets, with their new inputs, which of the states each has."""
        last = int(np.searchsorted(self.places, below))
        return self.places[:last].tolist(), self.packed(0, last), self._events.rests[:last], self._states

    @property
    def places(self) -> Any:
        """int64[N]: the events' offsets, in their order."""
        return self._events.places[: self.events]

    @property
    def coordinates(self) -> Sequence[tuple[int, int]]:
        """Offset and digest of each event."""
        return list(zip(self.places.tolist(), self._events.digests[: self.events].tolist(), strict=True))
