"""What a long run has named, packed: of each input and output its bytes, of each event that named new ones its
coordinates.

A run of a hundred thousand events that each name another dataset keeps about two hundred bytes for each, and goes
through compiled code while its events say nothing but inputs, or nothing but outputs (`kernel/sifting.py`). Its unit
keeps all else, and is asked for the first of each kind of message, and for datasets that mean more: inputs that it
wrote or that are named as a source, outputs that it read or that say what they were made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from headwater.stitching.columns import Columns
from headwater.stitching.facts import Node, Scope, run_version
from headwater.stitching.kernel import sifting
from headwater.stitching.packed_nodes import Events, Packed, Side, identity_of, name_of, optional
from headwater.stitching.texts import Texts

#: Bytes of rests beyond which they are forgotten: each is then looked at by itself once more.
_MOST_RESTS = 4 * sifting.MOST_BYTES


class Grown:
    """Datasets and the events that named them, in order of arrival; each event has new inputs or new outputs."""

    def __init__(self, scope: Scope, reads: Iterable[Node], writes: Iterable[Node], sources: Iterable[Node]) -> None:
        run_id = scope.run_id or b""
        self._scope = np.frombuffer(run_id + name_of(Node(scope.namespace, scope.name, None)), np.uint8)
        # What stands for the version, and its origin, of an output that names none.
        version = optional(run_version(run_id)) if run_id else b""
        self._own = np.frombuffer(version + optional("run"), np.uint8), len(version)
        self._rests, self._sources, self._known_reads, self._known_writes = Texts(), Texts(), Texts(), Texts()
        self.told = Events()
        self.reads, self.writes = Side(self.told, "reads"), Side(self.told, "writes")
        self._size = np.zeros(2, np.int64)
        self._stopped = b""
        #: Of each rest, and once an event is taken of each event (instead of the rest's number), which of `states`.
        self._rest_states: list[int] = []
        self._states: list[str] = []
        self.note(reads, writes, sources)

    @property
    def events(self) -> int:
        """How many events named new datasets."""
        return self.told.count

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(one.nbytes for one in self._stores) + self.told.nbytes

    @property
    def _stores(self) -> tuple[Texts, ...]:
        known = self._rests, self._sources, self._known_reads, self._known_writes
        return *known, self.reads.texts, self.writes.texts

    def note(self, reads: Iterable[Node], writes: Iterable[Node], sources: Iterable[Node]) -> None:
        """Inputs and outputs that the unit keeps, and datasets that are named as a source."""
        self._known_reads.add(map(identity_of, reads))
        self._known_writes.add(map(identity_of, writes))
        self._sources.add(map(name_of, sources))

    def reserve(self, columns: Columns, rows: Any) -> None:
        """Make room for all that rows may say."""
        inputs, outputs = columns.input_counts[rows], columns.output_counts[rows]
        self.reads.texts.reserve(int(inputs.sum()), int(columns.input_bytes[rows].sum()))
        own = len(self._own[0]) * int(outputs.sum())
        self.writes.texts.reserve(int(outputs.sum()), int(columns.output_bytes[rows].sum()) + own)
        self.told.reserve(len(rows))

    def sift(self, columns: Columns, messages: Any, first: int, *, may_read: bool, may_write: bool) -> int:
        """As `sifting.sift`."""
        self._rests.reserve(1, 0)
        scratch, entry = np.empty(sifting.MOST_BYTES, np.uint8), np.empty(sifting.MOST_BYTES, np.uint8)
        self._size[0] = self.told.count
        stop = sifting.sift(
            columns.buffer, columns.all, messages, first, columns.number, self._scope, *self._own,
            tuple(one.store for one in self._stores), (may_read, may_write), self.told.all(), scratch, entry,
            self._size,
        )  # fmt: skip
        self.told.count = int(self._size[0])
        self._stopped = scratch[: int(self._size[1])].tobytes()
        return stop

    def remember(self, state: str) -> None:
        """What sifting stopped at was taken: a message that says the same beside its datasets says nothing else new."""
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
        of_rests = np.array(self._rest_states, np.int64)
        self.told.rests[first : self.events] = of_rests[self.told.rests[first : self.events]]
        self.told.number(first, before)

    def stretches(self, first: int) -> Iterator[tuple[int, int, bool]]:
        """Events from `first` on, in stretches of those that named inputs (true) and those that named outputs."""
        is_read = np.diff(self.reads.firsts(first, self.events)) > 0
        starts = [0, *(np.flatnonzero(np.diff(is_read)) + 1).tolist()]
        for begin, end in zip(starts, [*starts[1:], len(is_read)], strict=True):
            yield first + begin, first + end, bool(is_read[begin])

    def kept(self, below: int) -> tuple[Any, Packed, Packed, Any, list[str]]:
        """The events before an offset: their offsets, with their new inputs, with their new outputs, which of the
        states each has.
        """
        last = int(np.searchsorted(self.places, below))
        of_states = self.told.rests[:last]
        named = self.reads.packed(0, last), self.writes.packed(0, last)
        return self.places[:last], *named, of_states, self._states

    @property
    def places(self) -> Any:
        """int64[N]: the events' offsets, in their order."""
        return self.told.places[: self.events]

    @property
    def coordinates(self) -> Sequence[tuple[int, int]]:
        """Offset and digest of each event."""
        return list(zip(self.places.tolist(), self.told.digests[: self.events].tolist(), strict=True))
