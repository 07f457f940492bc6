"""Ids of runs and events: UUIDv7 (RFC 9562), so that ids made later sort later."""

from __future__ import annotations

import os
import random

# Not a secret: unguessability is not asked of these ids, uniqueness is. Seeded by the system, and again after a
# fork, for parent and child would else draw the same numbers.
_source = random.Random(os.urandom(32))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _source.seed(os.urandom(32)))

_VERSION_AND_VARIANT = 7 << 76 | 2 << 62
# 74 random bits around the version and the variant: 12 above, 62 below.
_LOW = (1 << 62) - 1


def uuid7(time_us: int) -> bytes:
    """A UUIDv7 of that time (µs since 1970), 16 bytes."""
    bits = _source.getrandbits(74)
    return ((time_us // 1000 & 0xFFFFFFFFFFFF) << 80 | bits >> 62 << 64 | _VERSION_AND_VARIANT | bits & _LOW).to_bytes(
        16, "big"
    )


def random_bytes(count: int) -> bytes:
    """Random bytes, unique but not secret."""
    return _source.randbytes(count)
