"""A partition's state from the records of the state topic, in their order: of a run, the latest record stands."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from headwater.stitching import parked, state_records
from headwater.stitching.hashing import identities
from headwater.stitching.kept import each
from headwater.stitching.rejoining import Rejoining
from headwater.stitching.runs import Runs
from headwater.streams import Output

_log = logging.getLogger("headwater.stitching")
_TOGETHER = 4096


class Restoring:
    """Fills empty state. `below`: the committed offset; what lies at or behind it comes again."""

    def __init__(self, runs: Runs, below: int) -> None:
        self._runs = runs
        self._below = below
        #: By identity, the packed run; None: it is gone.
        self._waiting: dict[bytes, bytes | None] = {}
        self._rejoining = Rejoining()
        #: Runs whose records may still be there, and do not count: finished ones, those in several records since.
        self._left: set[bytes] = set()
        self._mark: int | None = None

    def take(self, keys: Sequence[bytes | None], values: Sequence[bytes]) -> None:
        """Take records, an empty value for one that takes back. Raises StateError for another version, OSError."""
        for key, value in zip(keys, values, strict=True):
            if key is None:
                continue
            kind = key[:1]
            if kind == state_records.RUN:
                self._take_run(key, value)
            elif kind == state_records.BLOCK:
                self._flush()
                if value:
                    self._take_block(key[1:], value)
                else:
                    self._runs.finished.forget(key[1:])
            elif kind == state_records.MARK:
                self._mark = state_records.read_mark(value) if value else None
        self._flush()

    def _take_run(self, key: bytes, value: bytes) -> None:
        packed = parked.piece(value)[1] if value else None
        run = state_records.run_of(key)
        if run is None:
            return
        identity, part = run
        if part is not None:
            whole = self._rejoining.take(identity, part, value)
            if whole:
                self._waiting[identity] = whole
                self._left.add(identity)
            elif whole is not None:
                self._waiting[identity] = None
            return
        self._left.discard(identity)
        if packed is not None:
            self._rejoining.replaced(identity)
            self._waiting[identity] = packed
        elif not self._rejoining.stands(identity):
            self._waiting[identity] = None

    def _take_block(self, name: bytes, value: bytes) -> None:
        ids = self._runs.finished.restore(name, value, self._below)
        if len(ids) and len(self._runs.parked):
            there = self._runs.parked.marks(ids)[:, 0] >= 0
            self._left.update(one for one in each(ids[there]) if not self._rejoining.replaced(one))
            self._runs.parked.remove(ids)

    def _flush(self) -> None:
        if not self._waiting:
            return
        gone: list[bytes] = []
        there: list[bytes] = []
        values: list[bytes] = []
        touched: list[int] = []
        ended: list[bool] = []
        for identity, kept in self._waiting.items():
            packed = kept
            if packed is not None and parked.head(packed)[2] >= self._below:
                known = parked.unpack(packed).below(self._below)
                packed = known.pack() if known.messages else None
                if packed is None and not self._rejoining.replaced(identity):
                    # All of it comes again. Should it end before it is written again, nothing would take this back.
                    self._left.add(identity)
            if packed is None:
                gone.append(identity)
                continue
            when, is_ended, _ = parked.head(packed)
            there.append(identity)
            values.append(packed)
            touched.append(when)
            ended.append(is_ended)
        self._waiting.clear()
        if gone:
            self._runs.parked.remove(identities(gone))
        if there:
            ids = identities(there)
            self._runs.finished.remove(ids)
            self._runs.parked.put(ids, values, touched, ended)

    def end(self, high: int) -> int | None:
        """All records were taken; where to read lineage.runs again from, None where the topic does not say.

        `high`: the offset after the last message of lineage.runs. State from behind it is of another topic of that
        name, deleted since: it is taken back.
        """
        runs = self._runs
        runs.committed = self._below
        if self._mark is not None and self._mark > high:
            _log.warning(
                "the state of partition %d is of a topic that was longer: it is dropped, and read again", runs.partition
            )
            self._take_back()
            return None
        runs.outputs += self._left_gone()
        for identity, write, count in self._rejoining.standing():
            runs.on_topic.stands(identity, write, count)
        ids, marks = runs.parked.items()
        order = np.argsort(marks[:, 2], kind="stable")
        for by_age, which in zip(runs.by_age, (0, 1), strict=True):
            of_kind = order[marks[order, 2] & 1 == which]
            for at in range(0, len(of_kind), _TOGETHER):
                some = of_kind[at : at + _TOGETHER]
                by_age.append((int(marks[some[-1], 2]) >> 1, ids[some]))
        runs.mark = -1 if self._mark is None else self._mark
        return self._mark

    def _take_back(self) -> None:
        runs = self._runs
        for one in each(runs.parked.items()[0]):
            if not self._rejoining.replaced(one):
                self._left.add(one)
        runs.outputs += self._left_gone()
        for name in runs.finished.names():
            runs.outputs.append(state_records.block(runs.partition, name, b""))
            runs.finished.forget(name)
        runs.outputs.append(state_records.no_mark(runs.partition))
        runs.close()

    def _left_gone(self) -> list[Output]:
        partition = self._runs.partition
        return [
            *(state_records.gone(partition, one) for one in self._left),
            *(state_records.gone(partition, one, part) for one, part in self._rejoining.left()),
        ]
