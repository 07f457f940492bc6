"""The full check: each row's bytes against the ledger, each ledger entry against its chain.

The store computes the SHA-256 of every body that it holds; they are compared here, with offsets and digests of the
ledger in memory (25 bytes a message, PASS messages at a time).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headwater.audit.store import Client
from headwater.ledger.chain import DIGEST_BYTES, GENESIS, Entry, Lane
from headwater.ledger.reading import Rows, Size, entries, lanes, rows
from headwater.ledger.report import Finding, Report
from headwater.ledger.twins import Missing, describe, without_twin

#: Messages whose digests are held at once.
PASS: Final = 40_000_000

Progress = Callable[[int, int], None]


def verify(client: Client, progress: Progress = lambda _done, _all: None, *, most: int = PASS) -> Report:
    """Check the whole history. `progress`: called with messages checked and messages in all.

    Raises as `headwater.audit.rows.select`.
    """
    began = time.monotonic()
    report = Report()
    every = lanes(client)
    total = sum(size.messages for size in every)
    for topic, grouped in groupby(every, key=lambda size: size.lane.topic):
        sizes = list(grouped)
        generations = sorted({size.lane.generation for size in sizes})
        for number, some in enumerate(_passes(sizes, most)):
            found = _pass(client, topic, generations, some, report)
            # Rows of partitions that have no entry at all are met in every pass.
            report.newer += found if number == 0 else 0
            progress(report.messages, total)
    report.findings[:] = describe(client, report.findings)
    report.seconds = time.monotonic() - began
    return report


def _passes(sizes: Sequence[Size], most: int) -> Iterator[list[Lane]]:
    some: list[Lane] = []
    room = most
    for size in sizes:
        if some and size.messages > room:
            yield some
            some, room = [], most
        some.append(size.lane)
        room -= size.messages
    if some:
        yield some


@dataclass
class _Expected:
    """A lane as its ledger has it. `digests`: 2 numbers of 8 bytes a message."""

    lane: Lane
    offsets: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint64]
    seen: npt.NDArray[np.bool_]

    def compare(self, found: Rows, report: Report) -> None:
        """Compare rows of this lane."""
        offsets: npt.NDArray[np.int64] = found["offset"].astype(np.int64)
        digests = np.ascontiguousarray(found["digest"]).view(np.uint64).reshape(-1, 2)
        newer = offsets > (self.offsets[-1] if len(self.offsets) else -1)
        report.newer += int(newer.sum())
        if newer.any():
            offsets, digests = offsets[~newer], digests[~newer]
        places = self._places(offsets)
        known = self.offsets[places] == offsets
        if not known.all():
            for offset in offsets[~known].tolist():
                report.add(Finding("added", self.lane, offset, "no such message was ever archived"))
            places, offsets, digests = places[known], offsets[known], digests[known]
        self.seen[places] = True
        mine = self.digests[places]
        altered = (mine[:, 0] != digests[:, 0]) | (mine[:, 1] != digests[:, 1])
        for offset in offsets[altered].tolist():
            report.add(Finding("altered", self.lane, offset, "its bytes are not those that were archived"))

    def _places(self, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where offsets at most as large as the last stand, or would stand; at once where none is left out."""
        if not len(offsets):
            return offsets
        first = self.offsets[0]
        if self.offsets[-1] - first + 1 == len(self.offsets):
            dense: npt.NDArray[np.int64] = np.maximum(offsets - first, 0)
            return dense
        places: npt.NDArray[np.int64] = np.searchsorted(self.offsets, offsets)
        return places


def _pass(client: Client, topic: str, generations: Sequence[str], some: Sequence[Lane], report: Report) -> int:
    """Check some lanes of a topic; returns the rows of partitions whose generation has no entry."""
    expected = {lane: _expect(lane, entries(client, lane), report) for lane in some}
    known = {(generations.index(lane.generation), lane.partition): one for lane, one in expected.items()}
    elsewhere = 0
    for chunk in rows(client, topic, generations):
        for (generation, partition), found in _by_lane(chunk):
            one = known.get((generation, partition))
            if one is not None:
                report.rows += len(found)
                one.compare(found, report)
            elif generation == len(generations):
                elsewhere += len(found)
    for lane, one in expected.items():
        gone = one.offsets[~one.seen]
        report.messages += len(one.offsets)
        if len(gone):
            alone = without_twin(client, Missing(lane, gone))
            report.merged += len(gone) - len(alone)
            for offset in alone:
                report.add(Finding("missing", lane, offset, "archived, and neither it nor a twin is there"))
    return elsewhere


def _by_lane(chunk: Rows) -> Iterator[tuple[tuple[int, int], Rows]]:
    codes: npt.NDArray[np.int64] = chunk["generation"].astype(np.int64) << 32 | chunk["partition"].astype(np.int64)
    order = np.argsort(codes, kind="stable")
    numbers, starts = np.unique(codes[order], return_index=True)
    for number, places in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        yield (number >> 32, number & 0xFFFFFFFF), chunk[places]


def _expect(lane: Lane, chain: Iterator[Entry], report: Report) -> _Expected:
    """The lane's messages, its entries checked one by one."""
    ends: dict[bytes, int] = {GENESIS: -1}
    offsets: list[npt.NDArray[np.int64]] = []
    digests: list[bytes] = []
    last = -1
    for one in chain:
        report.entries += 1
        fault = one.fault() or _unchained(one, ends)
        if fault:
            report.add(Finding("ledger", lane, one.first if len(one.offsets) else -1, fault))
            continue
        ends[one.chain] = one.last
        # Two workers that each took the partition for theirs wrote the same messages twice: one of them counts.
        skip = int(np.searchsorted(one.offsets, last, "right")) if one.first <= last else 0
        offsets.append(one.offsets[skip:])
        digests.append(one.digests[skip * DIGEST_BYTES :])
        last = max(last, one.last)
    every = np.concatenate(offsets) if offsets else np.empty(0, np.int64)
    flat: Any = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)
    return _Expected(lane, every, flat, np.zeros(len(every), np.bool_))


def _unchained(one: Entry, ends: dict[bytes, int]) -> str:
    end = ends.get(one.previous)
    if end is None:
        return "the entry before it is gone or was altered"
    return "" if end < one.first else "it begins before the entry that it is chained to ends"
