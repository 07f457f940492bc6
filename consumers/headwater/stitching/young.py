"""Young ordinary runs: their messages as they came, in segments, found by the run's identity. No Python object a run.

Only runs whose key is 16 bytes long, as run ids are. What needs a run by itself takes it out, as `kept.Ordinary`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.framing import CONFLUENT_HEADER, SINGLE_OBJECT_HEADER
from headwater.stitching import young_columns
from headwater.stitching.hashing import IDENTITY, Bytes, Numbers, Table, Words, digests, identities
from headwater.stitching.kept import Ordinary

#: A segment's size, unless one chunk has more.
SEGMENT_BYTES = 16 * 1024 * 1024
#: What no longer counts may take so much, and half of what counts.
_SLACK = 2 * SEGMENT_BYTES
_PADDING = 16


class Young:
    """Of one partition."""

    def __init__(self) -> None:
        self._table = Table(1)
        self.runs: Numbers = np.empty((1024, young_columns.RUN_FIELDS), np.int64)
        self.messages: Numbers = np.empty((1024, young_columns.MESSAGE_FIELDS), np.int64)
        self._marks: Numbers = np.zeros(young_columns.MARKS, np.int64)
        self._marks[: young_columns.FREE_MESSAGE + 1] = -1
        self._segments: dict[int, Bytes] = {}
        #: Bytes that count, by the segment's number.
        self._live: Numbers = np.zeros(64, np.int64)
        self._current, self._filled = -1, 0
        self._scratch: Bytes = np.empty(0, np.uint8)

    def __len__(self) -> int:
        return self._table.count

    @property
    def nbytes(self) -> int:
        """What all of it takes in memory, about."""
        messages = int(self._marks[young_columns.MESSAGES])
        rows = 8 * (young_columns.RUN_FIELDS * len(self) + young_columns.MESSAGE_FIELDS * messages)
        return rows + int(self._live.sum()) + (self._table.nbytes if len(self) else 0)

    def find(self, ids: Words) -> Numbers:
        """int64[N]: the row of each run; -1 where it is not here."""
        return self._table.get(ids)[:, 0]

    def bytes_of(self, held: Numbers, before: Bytes) -> tuple[Bytes, Numbers]:
        """The bytes of kept messages behind others, padded, until the next call; where each ends."""
        ends = len(before) + np.cumsum(self.messages[held, young_columns.LENGTH])
        size = int(ends[-1]) + _PADDING
        out = self._scratch[:size] if size <= len(self._scratch) else np.empty(size, np.uint8)
        if len(self._scratch) < size <= SEGMENT_BYTES:
            self._scratch = out
        out[: len(before)] = before
        out[int(ends[-1]) :] = 0
        for number in np.unique(self.messages[held, young_columns.SEGMENT]).tolist():
            young_columns.copy_held(self._segments[number], number, held, self.messages, ends, out)
        return out, ends

    def room(self, runs: int, size: int, messages: int) -> tuple[Bytes, int, int]:
        """Room for so many new runs and messages of `size` bytes: a segment, its number, from where on it is free."""
        marks = self._marks
        self.runs = _grown(self.runs, int(marks[young_columns.USED_RUNS]) + runs)
        self.messages = _grown(self.messages, int(marks[young_columns.USED_MESSAGES]) + messages)
        self._segment(size)
        return self._segments[self._current], self._current, self._filled

    def _segment(self, size: int) -> None:
        current = self._segments.get(self._current)
        if current is not None and self._filled + size + _PADDING <= len(current):
            return
        number = next(n for n in range(len(self._live) + 1) if n not in self._segments)
        if number == len(self._live):
            self._live = np.concatenate((self._live, np.zeros_like(self._live)))
        self._segments[number] = np.zeros(max(SEGMENT_BYTES, size + _PADDING), np.uint8)
        self._live[number] = 0
        before, self._current, self._filled = self._current, number, 0
        if before >= 0 and not self._live[before]:
            del self._segments[before]

    def put(self, ids: Words, slots: Numbers, filled: int) -> None:
        """Note new runs, and up to where the segment is filled now."""
        self._live[self._current] += filled - self._filled
        self._filled = filled
        if len(ids):
            self._table.put(ids, slots[:, None])

    @property
    def marks(self) -> Numbers:
        """Counts and free rows, as `young_columns` has them."""
        return self._marks

    def offsets_of(self, slots: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Of these runs: how many messages each has, the messages, their offsets."""
        counts = self.runs[slots, young_columns.COUNT]
        found = np.empty(int(counts.sum()), np.int64)
        young_columns.messages_of(slots, self.runs, self.messages, found)
        return counts, found, self.messages[found, young_columns.OFFSET]

    def digests_of(self, messages: Numbers, heads: Bytes) -> Words:
        """uint64[M]: a digest of each message's body. `heads`: 1 where what a sender repeats differs at its start."""
        found = np.empty(len(messages), np.uint64)
        rows = self.messages[messages]
        segments = rows[:, young_columns.SEGMENT]
        for number in np.unique(segments).tolist():
            buffer = self._segments[number].view()
            buffer.flags.writeable = False
            for head in (0, 1):
                some = np.flatnonzero((segments == number) & (heads == head))
                if not len(some):
                    continue
                begins = rows[some, young_columns.BEGIN]
                bodies = begins + np.where(buffer[begins] == 0, CONFLUENT_HEADER, SINGLE_OBJECT_HEADER)
                of_some = np.empty(len(some), np.uint64)
                digests(buffer, bodies, begins + rows[some, young_columns.LENGTH], bool(head), of_some)
                found[some] = of_some
        return found

    def remove(self, ids: Words, slots: Numbers) -> None:
        """Forget these runs, different from one another."""
        young_columns.release(slots, self.runs, self.messages, self._marks, self._live)
        self._table.remove(ids)
        for number in [n for n in self._segments if n != self._current and not self._live[n]]:
            del self._segments[number]
        for _ in range(len(self._segments)):
            if sum(map(len, self._segments.values())) <= self._live.sum() * 3 // 2 + _SLACK or not self._move_out():
                break

    def _move_out(self) -> bool:
        """Copy what still counts of the segment with the least of it; whether there was one."""
        old = min((n for n in self._segments if n != self._current), key=lambda n: int(self._live[n]), default=None)
        if old is None:
            return False
        used = self.messages[: self._marks[young_columns.USED_MESSAGES]]
        held = np.flatnonzero(used[:, young_columns.SEGMENT] == old)
        lengths = used[held, young_columns.LENGTH]
        # As many as the current segment has room for, the others into a new one: none is left half empty.
        behind = np.cumsum(lengths)
        free = len(self._segments[self._current]) - _PADDING - self._filled
        fitting = int(np.searchsorted(behind, free, "right"))
        for some in (slice(0, fitting), slice(fitting, len(held))):
            self._copy(old, held[some], lengths[some])
        self._live[old] = 0
        del self._segments[old]
        return True

    def _copy(self, old: int, held: Numbers, lengths: Numbers) -> None:
        if not len(held):
            return
        size = int(lengths.sum())
        self._segment(size)
        ends = self._filled + np.cumsum(lengths)
        young_columns.copy_held(self._segments[old], old, held, self.messages, ends, self._segments[self._current])
        self.messages[held, young_columns.SEGMENT] = self._current
        self.messages[held, young_columns.BEGIN] = ends - lengths
        self._filled += size
        self._live[self._current] += size

    def take(self, keys: Sequence[bytes]) -> list[tuple[bytes, Ordinary]]:
        """Take out those of the runs with these keys that are here."""
        keys = [key for key in dict.fromkeys(keys) if len(key) == IDENTITY] if len(self) else []
        if not keys:
            return []
        ids = identities(keys)
        slots = self.find(ids)
        there = np.flatnonzero(slots >= 0)
        taken = [(keys[at], self.ordinary(int(slots[at]))) for at in there.tolist()]
        if taken:
            self.remove(ids[there], slots[there])
        return taken

    def ordinary(self, slot: int) -> Ordinary:
        """A run by itself."""
        serial, standing, schema, count, message = self.runs[slot, : young_columns.LAST].tolist()
        offsets: list[int] = []
        messages: list[bytes] = []
        for _ in range(count):
            offset, segment, begin, length, behind = self.messages[message].tolist()
            offsets.append(offset)
            messages.append(self._segments[segment][begin : begin + length].tobytes())
            message = behind
        return (serial, standing, schema, *offsets, *messages)

    def items(self) -> list[tuple[bytes, Ordinary]]:
        """All runs, in no order."""
        ids, slots = self._table.items()
        return [(one.tobytes(), self.ordinary(int(slot))) for one, slot in zip(ids, slots[:, 0], strict=True)]


def _grown(rows: NDArray[Any], needed: int) -> NDArray[Any]:
    """The rows, with room for so many."""
    if needed <= len(rows):
        return rows
    more = np.empty((max(needed, len(rows) * 3 // 2), rows.shape[1]), rows.dtype)
    more[: len(rows)] = rows
    return more
