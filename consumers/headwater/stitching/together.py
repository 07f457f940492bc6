"""The runs of a chunk that are stitched together, without a Python object a run; what is left goes run by run.

Left are runs of several writer schemas or of one that the kernel does not know, runs with other keys than run ids, and
those that are kept elsewhere: folded, parked, finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec import Program
from headwater.stitching import kernel, ordinary, young_columns
from headwater.stitching.hashing import IDENTITY, Numbers, Words
from headwater.stitching.kept import each
from headwater.stitching.ordinary import Stitched, Told
from headwater.stitching.runs import Runs
from headwater.streams import Batch
from headwater.streams.slices import Keys, Slices

NDBool = NDArray[np.bool_]


class Together:
    """U runs of a chunk that have run ids as keys, by their numbers; `left`: the rows of each group that go by
    themselves.
    """

    def __init__(self, batch: Batch, numbers: Sequence[int], programs: Sequence[Program | None], runs: Runs) -> None:
        self._runs = runs
        keys = Keys.of(batch.keys).slices
        count = len(keys)
        which = np.full(count, -1, np.int64)
        for number, group in enumerate(batch.groups):
            which[group.rows] = number
        self._place = np.zeros(count, np.int64)
        for group in batch.groups:
            self._place[group.rows] = np.arange(len(group.rows))
        is_id = (which >= 0) & (keys.starts >= 0) & (keys.ends - keys.starts == IDENTITY)
        of_ids = np.where(is_id, which, -1)
        row_ids: Words = np.empty((count, 2), np.uint64)
        young_columns.read_ids(keys.buffer, keys.starts, of_ids, row_ids)
        scratch = np.zeros(1 << (2 * count).bit_length(), np.int64)
        self._run_of = np.empty(count, np.int64)
        first, self._count = np.empty(count, np.int64), np.empty(count, np.int64)
        mixed = np.empty(count, np.uint8)
        many = young_columns.group_rows(row_ids, of_ids, scratch, self._run_of, first, self._count, mixed)
        self.ids = row_ids[first[:many]]
        self._group = which[first[:many]]
        self._slots = runs.young.find(self.ids)
        self._fast = self._choose(mixed[:many] == 0, numbers, programs)
        fast_rows = np.zeros(count, np.bool_)
        there = self._run_of >= 0
        fast_rows[there] = self._fast[self._run_of[there]]
        self.left = [group.rows[~fast_rows[group.rows]] for group in batch.groups]

    def _choose(self, fast: NDBool, numbers: Sequence[int], programs: Sequence[Program | None]) -> NDBool:
        runs = self._runs
        fast &= np.array([program is not None for program in programs])[self._group]
        there = self._slots >= 0
        schemas = runs.young.runs[self._slots[there], young_columns.SCHEMA]
        fast[there] &= schemas == np.array(numbers, np.int64)[self._group[there]]
        elsewhere = np.flatnonzero(~there)
        ids = self.ids[elsewhere]
        if len(runs.parked):
            fast[elsewhere[runs.parked.marks(ids)[:, 0] >= 0]] = False
        if len(runs.finished):
            fast[elsewhere[runs.finished.find(ids) >= 0]] = False
        if runs.kept:
            known = runs.kept.keys() & set(each(ids))
            if known:
                fast[elsewhere[[one in known for one in each(ids)]]] = False
        return fast

    def leave(self, keys: Sequence[bytes]) -> dict[int, dict[bytes, list[int]]]:
        """Leave the runs of these keys to go by themselves; their rows by group and key."""
        some = [key for key in keys if len(key) == IDENTITY]
        if not some or not self._fast.any():
            return {}
        known = set(some)
        runs = [at for at, one in enumerate(each(self.ids)) if self._fast[at] and one in known]
        rows: dict[int, dict[bytes, list[int]]] = {}
        for run in runs:
            self._fast[run] = False
            of_group = rows.setdefault(int(self._group[run]), {})
            of_group[self.ids[run].tobytes()] = np.flatnonzero(self._run_of == run).tolist()
        return rows

    def stitch(
        self, place: int, batch: Batch, program: Program, number: int, producer_id: bytes, now_us: int
    ) -> Part | None:
        """Stitch the runs of a group; nothing is changed by it. None where there is none."""
        picked = np.flatnonzero(self._fast & (self._group == place))
        if not len(picked):
            return None
        young = self._runs.young
        slots = self._slots[picked]
        many = int(young.runs[slots[slots >= 0], young_columns.COUNT].sum())
        group = batch.groups[place]
        told = Told.of(program, group)
        position = np.full(len(self._slots), -1, np.int64)
        position[picked] = np.arange(len(picked))
        total = many + int(self._count[picked].sum())
        order, row_at = np.empty(total, np.int64), np.empty(total, np.int64)
        starts, old = np.empty(len(picked) + 1, np.int64), np.empty(len(picked), np.int64)
        held = np.empty(many, np.int64)
        young_columns.lay_out(
            picked, position, self._run_of, self._count, self._slots, self._place, len(group.rows), young.runs,
            young.messages, order, starts, old, held, row_at, np.empty_like(old),
        )  # fmt: skip
        kept = young.bytes_of(held, told.decoded.buffer) if many else None
        lengths = young.messages[held, young_columns.LENGTH]
        stitched = ordinary.stitch_laid(program, told, kept, lengths, order, starts, old, producer_id, now_us)
        return Part(picked, starts, old, row_at, stitched, number)

    def odd(self, part: Part) -> list[bytes]:
        """Keys of the runs that turned out not to be ordinary."""
        return list(each(self.ids[part.picked[part.stitched.outcome == kernel.ODD]]))

    def keep(self, part: Part, batch: Batch, values: Slices) -> Words:
        """Keep what the runs were told, but for odd ones; the ids of those that were kept."""
        runs, young = self._runs, self._runs.young
        slots = self._slots
        new = part.picked[(slots[part.picked] < 0) & (part.stitched.outcome != kernel.ODD)]
        rows = part.row_at[part.row_at >= 0]
        size = int((values.ends[rows] - values.starts[rows]).sum())
        segment, number, filled = young.room(len(new), size, len(rows))
        filled, opened = young_columns.keep(
            part.picked, slots, part.starts, part.old, part.row_at, part.stitched.outcome, part.stitched.doubled,
            part.stitched.ended, batch.offsets, values.starts, values.ends, values.buffer, segment, number, filled,
            runs.serial, part.number, young.runs, young.messages, young.marks,
        )  # fmt: skip
        young.put(self.ids[new], slots[new], filled)
        runs.open += opened
        ids: Words = self.ids[part.picked[part.stitched.outcome != kernel.ODD]]
        return ids

    def keys_of_messages(self, part: Part) -> list[bytes]:
        """The keys of the edge sets that were made, in their order."""
        return list(each(self.ids[part.picked[part.stitched.outcome == kernel.MESSAGE]]))


@dataclass(frozen=True)
class Part:
    """The runs of one group: see `young_columns.lay_out`, and what came of them. `number`: of the writer schema."""

    picked: Numbers
    starts: Numbers
    old: Numbers
    row_at: Numbers
    stitched: Stitched
    number: int
