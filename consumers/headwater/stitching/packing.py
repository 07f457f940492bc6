"""Runs on their way out of memory: open ones to be parked, ended ones as where their messages stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from headwater.stitching import retelling
from headwater.stitching.finished import Ended
from headwater.stitching.folding import Folded
from headwater.stitching.hashing import identities
from headwater.stitching.kept import HEAD, Ordinary, digests_of, has_ended
from headwater.stitching.parked import Parked, pack_folded

_Places = tuple[list[int], list[int], Any, list[int]]


def parked(key: bytes, run: Ordinary | Folded, touched: int, committed: int) -> bytes:
    """The messages of a run before the committed offset, packed."""
    if isinstance(run, Folded):
        told = retelling.messages(run, committed)
        return pack_folded(key, touched, told.offsets, told.lengths, told.said, ended=run.ended)
    count = (len(run) - HEAD) // 2
    offsets = cast("tuple[int, ...]", run[HEAD : HEAD + count])
    known = sum(1 for offset in offsets if offset < committed)
    messages = cast("tuple[bytes, ...]", run[HEAD + count : HEAD + count + known])
    return Parked(key, touched, has_ended(run), False, offsets[:known], messages).pack()


def ended(runs: Mapping[bytes, Ordinary | Folded], heads: Sequence[bool]) -> Iterator[tuple[Ended, list[int]]]:
    """Runs that ended, those of a writer schema together, and which of them the state topic has.

    `heads`: as `Writers.heads`.
    """
    numbers = [-1 if isinstance(run, Folded) else cast("int", run[2]) for run in runs.values()]
    for number in dict.fromkeys(numbers):
        keys = [key for key, one in zip(runs, numbers, strict=True) if one == number]
        of_kind = [runs[key] for key in keys]
        counts, offsets, digests, covered = (
            _of_folded(cast("list[Folded]", of_kind)) if number < 0 else _of_ordinary(of_kind, heads[number])
        )
        ids = identities(keys)
        yield Ended(ids, np.array(counts, np.int64), np.array(offsets, np.int64), digests), covered


def _of_folded(runs: list[Folded]) -> _Places:
    """How many messages each has, their offsets and digests, and which runs the state topic has."""
    places = [place for run in runs for place in run.coordinates()]
    digests = np.array([digest for _, digest in places], np.uint64)
    covered = [at for at, run in enumerate(runs) if run.covered]
    return [run.news for run in runs], [offset for offset, _ in places], digests, covered


def _of_ordinary(runs: list[Any], head: bool) -> _Places:
    """The same of ordinary runs."""
    counts: list[int] = []
    offsets: list[int] = []
    messages: list[bytes] = []
    for run in runs:
        half = (len(run) + HEAD) >> 1
        counts.append(half - HEAD)
        offsets += run[HEAD:half]
        messages += run[half:]
    return counts, offsets, digests_of(messages, head), [at for at, run in enumerate(runs) if run[1] > 1]
