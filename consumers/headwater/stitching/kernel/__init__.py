"""The compiled path: edge sets of ordinary runs, made by copying byte slices. The same rules as `unit`.

In an ordinary run everything that is known follows from when each thing was first said (which event, in order of
arrival), so no state but the bodies is needed. What is not ordinary (shapes.ODD) is left to `unit`.
"""

from __future__ import annotations

from headwater.stitching.kernel.deriving import derive, find_sources
from headwater.stitching.kernel.gathering import gather
from headwater.stitching.kernel.shapes import (
    END,
    MAX_BYTES,
    MESSAGE,
    N_EVENTS,
    N_OLD,
    NEVER,
    NOTHING,
    ODD,
    ZERO,
    pack,
    room,
)
from headwater.stitching.kernel.together import Bytes, Numbers, together
from headwater.stitching.kernel.writing import number, write

__all__ = ["MESSAGE", "NOTHING", "ODD", "pack", "room", "stitch"]

#: Bytes of `head` at most, and what the digest overwrites behind a message.
_AROUND = 128


@together
def stitch(
    buffer: Bytes,
    body_ends: Numbers,
    order: Numbers,
    runs: Numbers,
    old: Numbers,
    said: Numbers,
    room: Numbers,
    head: Bytes,
    outcome: Numbers,
    doubled: Bytes,
    ended: Bytes,
    out: Bytes,
    starts: Numbers,
    ends: Numbers,
    first: int,
) -> tuple[int, int]:
    """Stitch runs from `first` on; where it stopped for want of room in `out` (their count: done), and what it wrote.

    Bodies of run r: order[runs[r]] to order[runs[r + 1]], in order of arrival; the first old[r] were stitched before.
    `head`: what each message begins with, from the header to the sequence. Results: `outcome` and `ended` of each run,
    `doubled` of each place in `order` (1: the body says nothing that earlier ones did not), `starts`, `ends` of each
    message in `out`.
    """
    at = ZERO
    for run in range(first, len(runs) - 1):
        begin = runs[run]
        ordinary = gather(buffer, body_ends, order, said, room, begin, runs[run + 1], old[run], doubled)
        ended[run] = 1 if room[END] < NEVER else 0
        outcome[run] = ODD
        if not ordinary:
            continue
        if room[N_EVENTS] == room[N_OLD]:
            outcome[run] = NOTHING
            continue
        if not find_sources(buffer, said, room):
            continue
        outcome[run] = NOTHING
        if not derive(room):
            continue
        need = number(said, room, order[begin]) + _AROUND
        if need > MAX_BYTES:
            outcome[run] = ODD
            continue
        if at + need > len(out):
            return run, at
        starts[run] = at
        at = write(buffer, said, room, order[begin], head, out, at)
        ends[run] = at
        outcome[run] = MESSAGE
    return len(runs) - 1, at
