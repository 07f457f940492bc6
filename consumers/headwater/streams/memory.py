"""How the process keeps memory: what a chunk needed is kept for the next one, not given back to the system between."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any, Final

#: glibc's numbers of what is set (`malloc.h`).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
#: So much that is free at the end of the heap stays with the process, bytes. A chunk of 2 MB, its columns and its edge
#: sets are made and left again dozens of times a second; with glibc's defaults a third of all page faults were theirs.
KEPT_BYTES: Final = 128 * 1024 * 1024
#: What is larger is had from the system by itself and given back when it is free: segments of state (16 MB) are.
ALONE_BYTES: Final = 12 * 1024 * 1024


def keep() -> bool:
    """Set it for this process: the allocator, where it is glibc's (whether it took it), and the garbage collector."""
    # State is many small objects that live long: looking through all of them again and again finds nothing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        mallopt: Callable[[int, int], int] = _mallopt()
    except (AttributeError, OSError):
        return False  # macOS, musl: their allocators have no such settings
    return mallopt(_TRIM_THRESHOLD, KEPT_BYTES) == 1 and mallopt(_MMAP_THRESHOLD, ALONE_BYTES) == 1


def _mallopt() -> Any:
    return ctypes.CDLL(None).mallopt
