"""Getting back into memory what new events belong to: parked runs, and finished ones where something new is said."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import cast

import numpy as np

from headwater.stitching import parked
from headwater.stitching.apart import Rest, Rows
from headwater.stitching.columns import of_messages
from headwater.stitching.folding import Folded
from headwater.stitching.hashing import Numbers, Words, identities
from headwater.stitching.kept import HEAD, Ordinary, digests_of, size_of
from headwater.stitching.kernel.shapes import MOST_EVENTS
from headwater.stitching.long_runs import fold_all, is_long
from headwater.stitching.messages import Long, Plain, Stands
from headwater.stitching.runs import Runs
from headwater.stitching.writers import Writers
from headwater.streams import Past

_log = logging.getLogger("headwater.stitching")
_SAY_AGAIN_MS = 60_000


class Recall:
    """For one chunk. Its methods may raise Retry; what they did until then is no harm, and done once."""

    def __init__(self, runs: Runs, writers: Writers, past: Past | None, topic: str, arrival: int) -> None:
        """`arrival`: of the chunk's newest message, ms."""
        self._runs = runs
        # A worker that has just begun knows no time but the chunk's: what it recalls is as old as that, not as old as
        # time, else the jobs of a key that the chunk does not name would be forgotten at once.
        self._now = max(runs.now, arrival)
        self._writers = writers
        self._past = past
        self._place = (topic, runs.partition)

    def keys(self, number: int, rows_of: dict[bytes, Rows], values: Sequence[bytes]) -> None:
        """Have the runs of these keys in memory. Rows that repeat what a finished run said are taken out."""
        known = self._unpark([key for key in rows_of if key])
        for key, (offsets, digests) in known.items():
            rows = rows_of[key]
            rows = [rows] if isinstance(rows, int) else rows
            told = digests_of([values[row] for row in rows], self._writers.heads[number])
            new = [row for row, is_old in zip(rows, np.isin(told, digests).tolist(), strict=True) if not is_old]
            if new:
                rows_of[key] = new
                self._revive(key, offsets)
            else:
                del rows_of[key]

    def plain(self, rest: Rest, values: Sequence[bytes]) -> None:
        """As `keys`, for messages on the plain path, which are known by what they say."""
        for key, (offsets, digests) in self._unpark(list(rest)).items():
            new = [
                one
                for one in rest[key]
                if not np.isin(digests_of([values[one.row]], self._writers.heads[one.number]), digests)[0]
            ]
            if new:
                rest[key] = new
                self._revive(key, offsets)
            else:
                del rest[key]

    def _unpark(self, keys: list[bytes]) -> dict[bytes, tuple[Numbers, Words]]:
        """Read parked runs back; of finished ones, the coordinates."""
        runs = self._runs
        if not len(runs.parked) and not len(runs.finished):
            return {}
        keys = [key for key in keys if key not in runs.kept]
        ids = identities(keys)
        marks = runs.parked.marks(ids)
        there = np.flatnonzero(marks[:, 0] >= 0)
        back = 0
        try:
            for at in there.tolist():
                packed = parked.unpack(runs.parked.read(int(marks[at, 0]), int(marks[at, 1])))
                covered = max(packed.offsets) + 1
                self._keep(keys[at], packed.offsets, packed.messages, packed.folded, covered, packed.ended)
                back += 1
        finally:
            # Also where a schema is not known yet: what is in memory again must not stand here, growing old.
            runs.parked.remove(ids[there[:back]])
        found = runs.finished.find(ids)
        return {
            keys[at]: runs.finished.coordinates(int(found[at]))
            for at in np.flatnonzero((found >= 0) & (marks[:, 0] < 0)).tolist()
        }

    def _revive(self, key: bytes, offsets: Numbers) -> None:
        """Read a finished run's messages again. What is not there any more is not known any more."""
        found: Mapping[int, bytes] = self._past.messages(self._place, offsets.tolist()) if self._past else {}
        told = [(offset, found[offset]) for offset in offsets.tolist() if offset in found]
        if len(told) < len(offsets):
            self._runs.lost += len(offsets) - len(told)
            if self._runs.now - self._runs.lost_said > _SAY_AGAIN_MS:
                self._runs.lost_said = self._runs.now
                _log.warning("%d messages of finished runs are not on %s any more", self._runs.lost, self._place[0])
        if told:
            self._keep(key, [offset for offset, _ in told], [message for _, message in told], False, 0, True)
        self._runs.finished.remove(identities([key]))

    def _keep(
        self,
        key: bytes,
        offsets: Sequence[int],
        messages: Sequence[bytes],
        folded: bool,
        covered: int,
        ended: bool,
    ) -> None:
        runs, writers = self._runs, self._writers
        numbers = [writers.of(message) for message in messages]
        run: Ordinary | Folded
        if folded or len(set(numbers)) > 1 or writers.programs[numbers[0]] is None or len(messages) > MOST_EVENTS:
            run = _folded(zip(offsets, numbers, messages, strict=True), writers, self._now)
            run.covered = covered
            runs.folded += 1
            runs.open += not run.ended
        else:
            run = (-1, 2 * covered + ended, numbers[0], *offsets, *messages)
            runs.open += not ended
        runs.kept[key] = run
        runs.size += size_of(run)


def _folded(messages: Iterable[tuple[int, int, bytes]], writers: Writers, now: int) -> Folded:
    """A run folded from messages that were stitched before: what they make known was said."""
    run = Folded()
    for number, of_number in groupby(messages, lambda one: one[1]):
        told = list(of_number)
        values = [message for _, _, message in told]
        code = writers.columns[number]
        some: Sequence[Plain]
        if code is None or not is_long(run, len(told)):
            some = [Plain(-1, number, writers.schemas[number], value) for value in values]
        else:
            columns = of_messages(number, code, values)
            some = Long(range(len(values)), number, writers.schemas[number], values, columns)
        offsets = np.array([at for at, _, _ in told], np.int64)
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        fold_all(run, some, Stands(offsets, digests_of(values, writers.heads[number]), lengths), now)
    run.forget_news()
    return run


def as_folded(runs: Runs, key: bytes, writers: Writers) -> tuple[Folded, int]:
    """The run of a key as one that is folded, and what it took in memory before it is changed."""
    run = runs.kept.get(key)
    if isinstance(run, Folded):
        return run, run.size
    runs.folded += 1
    if run is None:
        return Folded(), 0
    count = (len(run) - HEAD) // 2
    offsets = cast("tuple[int, ...]", run[HEAD : HEAD + count])
    messages = cast("tuple[bytes, ...]", run[HEAD + count :])
    number = cast("int", run[2])
    folded = _folded(((at, number, m) for at, m in zip(offsets, messages, strict=True)), writers, runs.now)
    folded.covered = cast("int", run[1]) >> 1
    return folded, size_of(run)
