"""A run in memory: its messages as they came, or folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from headwater.schemas.framing import CONFLUENT_HEADER, SINGLE_OBJECT_HEADER
from headwater.stitching.folding import Folded
from headwater.stitching.hashing import IDENTITY, Numbers, Words, digests
from headwater.streams.slices import Slices

#: An ordinary run: the serial number of the chunk that touched it last; twice the offset before which its messages are
#: on the state topic, plus 1 where it ended; its writer schema's number; then the offsets of its messages, then the
#: messages, in order of arrival. A flat tuple, which the garbage collector leaves alone.
Ordinary = tuple[int | bytes, ...]
HEAD = 3

#: What an ordinary run and each of its messages take in memory beside the bytes themselves, about.
RUN_BYTES = 250
MESSAGE_BYTES = 100


def told(run: Ordinary | Folded) -> tuple[int, bool, int, int]:
    """Serial number, whether it ended, its newest message's offset (-1: none), how many messages are kept."""
    if isinstance(run, Folded):
        return run.serial, run.ended, run.newest, run.news
    numbers = cast("tuple[int, ...]", run)
    count = (len(run) - HEAD) // 2
    return numbers[0], has_ended(run), max(numbers[HEAD : HEAD + count], default=-1), count


def has_ended(run: Ordinary | Folded) -> bool:
    """Whether it ended."""
    return run.ended if isinstance(run, Folded) else bool(cast("int", run[1]) & 1)


def is_uncovered(run: Ordinary | Folded, end: int) -> bool:
    """Whether a message before an offset is not on the state topic."""
    if isinstance(run, Folded):
        return run.has_between(run.covered, end)
    numbers = cast("tuple[int, ...]", run)
    return any(numbers[1] >> 1 <= offset < end for offset in numbers[HEAD : HEAD + (len(run) - HEAD) // 2])


def size_of(run: Ordinary | Folded) -> int:
    """What a run takes in memory, about."""
    if isinstance(run, Folded):
        return run.size
    count = (len(run) - HEAD) // 2
    return RUN_BYTES + MESSAGE_BYTES * count + sum(map(len, cast("tuple[bytes, ...]", run[HEAD + count :])))


def digests_of(messages: Sequence[bytes], head: bool, rows: Numbers | None = None) -> Words:
    """uint64[N]: a digest of each message's body, without what differs in what a sender repeats; of some `rows`."""
    slices = Slices.of(messages)
    starts, ends = (slices.starts, slices.ends) if rows is None else (slices.starts[rows], slices.ends[rows])
    found = np.empty(len(starts), np.uint64)
    bodies = starts + np.where(slices.buffer[starts] == 0, CONFLUENT_HEADER, SINGLE_OBJECT_HEADER)
    digests(slices.buffer, bodies, ends, head, found)
    return found


def each(ids: Words) -> Iterator[bytes]:
    """Identities one by one."""
    raw = ids.tobytes()
    return (raw[at : at + IDENTITY] for at in range(0, len(raw), IDENTITY))
