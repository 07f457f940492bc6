"""Ids of runs and events: UUIDv7 (RFC 9562), so that ids made later sort later, within a process without exception.

After the 48 bits of milliseconds come 12 random bits of the process and 62 bits of a counter that begins anywhere in
its lower half (the RFC's method 1): two ids of a process are never the same, and those of two processes only where
they have the same 12 bits and begin at the same place of 2^61. A clock that is set back a little holds the time still
until it has caught up; one that is set back far is believed.
"""

from __future__ import annotations

import itertools
import os
import random
import struct
from typing import Final

#: Milliseconds for which a clock that goes backwards is not believed.
_STILL: Final = 10_000
_VERSION: Final = 7 << 12
_pack: Final = struct.Struct(">Qq").pack

# Not a secret: unguessability is not asked of these, uniqueness is.
_source: Final = random.Random(os.urandom(32))


def _counter() -> itertools.count[int]:
    # As a signed number, the variant's bits 10 are those of the lowest quarter; `next` is one step for all threads.
    return itertools.count(-(1 << 63) + (int.from_bytes(os.urandom(8), "big") >> 3))


_next: itertools.count[int] = _counter()
_process = _VERSION | _source.getrandbits(12)
#: The latest millisecond, and the first half of its ids.
_latest: tuple[int, int] = (0, 0)


def _after_fork() -> None:
    """Parent and child would else count on from the same number."""
    global _next  # noqa: PLW0603 — one counter a process
    _source.seed(os.urandom(32))
    _next = _counter()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def uuid7(time_us: int) -> bytes:
    """A UUIDv7 of that time (µs since 1970, now), 16 bytes; later than all that this process made before."""
    global _latest  # noqa: PLW0603 — one clock a process
    now = time_us // 1000
    latest, half = _latest
    if now != latest and not now < latest <= now + _STILL:
        half = now << 16 | _process
        _latest = (now, half)
    return _pack(half, next(_next))


def random_bytes(count: int) -> bytes:
    """Random bytes, unique but not secret."""
    return _source.randbytes(count)
