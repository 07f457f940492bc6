"""A partition's state from the records of the state topic, in their order: of a run, the latest record stands."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from headwater.stitching import parked, state_records
from headwater.stitching.hashing import IDENTITY, identities
from headwater.stitching.runs import Runs

_log = logging.getLogger("headwater.stitching")
_TOGETHER = 4096


class Restoring:
    """Fills empty state. `below`: the committed offset; what lies at or behind it comes again."""

    def __init__(self, runs: Runs, below: int) -> None:
        self._runs = runs
        self._below = below
        #: By identity, the packed run; None: it is gone.
        self._waiting: dict[bytes, bytes | None] = {}
        self._parts: dict[bytes, dict[int, bytes]] = {}
        #: Runs that are finished, whose records are still there.
        self._left: set[bytes] = set()
        self._mark: int | None = None

    def take(self, keys: Sequence[bytes | None], values: Sequence[bytes]) -> None:
        """Take records, an empty value for one that takes back. Raises StateError for another version, OSError."""
        waiting = self._waiting
        for key, value in zip(keys, values, strict=True):
            if key is None:
                continue
            kind = key[:1]
            if kind == state_records.RUN:
                whole = parked.single(value) if value else None
                if len(key) == 1 + IDENTITY and (not value or whole is not None):
                    waiting[key[1:]] = whole
                    self._parts.pop(key[1:], None)
                else:
                    self._take_part(key, value)
            elif kind == state_records.BLOCK:
                self._flush()
                if value:
                    self._take_block(key[1:], value)
                else:
                    self._runs.finished.forget(key[1:])
            elif kind == state_records.MARK:
                self._mark = state_records.read_mark(value) if value else None
        self._flush()

    def _take_part(self, key: bytes, value: bytes) -> None:
        identity, number = state_records.part_of(key)
        parts = self._parts.setdefault(identity, {})
        if value:
            parts[number] = value
        else:
            parts.pop(number, None)
            if number == 0:
                self._waiting[identity] = None
        whole = parked.joined(parts)
        if whole is not None:
            self._waiting[identity] = whole

    def _take_block(self, name: bytes, value: bytes) -> None:
        ids = self._runs.finished.restore(name, value, self._below)
        if len(ids) and len(self._runs.parked):
            there = self._runs.parked.marks(ids)[:, 0] >= 0
            self._left.update(one.tobytes() for one in ids[there])
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
            if packed is None:
                gone.append(identity)
                continue
            when, is_ended, _ = parked.head(packed)
            there.append(identity)
            values.append(packed)
            touched.append(when)
            ended.append(is_ended)
        self._left.difference_update(self._waiting)
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
        runs.outputs += [state_records.gone(runs.partition, one) for one in self._left]
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
        ids, marks = runs.parked.items()
        for one, length in zip(ids, marks[:, 1].tolist(), strict=True):
            count = parked.part_count(length)
            runs.outputs += [state_records.gone(runs.partition, one.tobytes(), number) for number in range(count)]
        for name in runs.finished.names():
            runs.outputs.append(state_records.block(runs.partition, name, b""))
            runs.finished.forget(name)
        runs.outputs += [state_records.gone(runs.partition, one) for one in self._left]
        runs.outputs.append(state_records.no_mark(runs.partition))
        runs.close()
