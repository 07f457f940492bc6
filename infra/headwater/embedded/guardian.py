"""Ends a stack's processes when the stack itself died without a farewell.

The stack starts `python -m headwater.embedded.guardian` with a pipe and tells it every process that it
starts and ends. When the pipe closes or the parent is gone, what is left is asked to stop, then killed.
(The kernel's death signal on Linux follows the thread that started a process, not the process.)
Standard library only, and little of it: it starts in 20 ms.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

#: From the request to stop until the kill, in seconds.
GRACE_SECONDS = 10.0


def watch() -> None:
    """Read `+pid` and `-pid` lines until the pipe closes or the parent is gone, then end what is left."""
    parent = os.getppid()
    alive: set[int] = set()
    rest = b""
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], 0.5)
        if not ready:
            continue
        read = os.read(0, 4096)
        if not read:
            break
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            (alive.add if line[:1] == b"+" else alive.discard)(int(line[1:]))
    _end(alive)


def _end(alive: set[int]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in list(alive):
            # Each leads a session of its own, so its process group dies with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while number == signal.SIGTERM and alive and time.monotonic() < deadline:
            alive = {pid for pid in alive if _runs(pid)}
            time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch()
    sys.exit(0)
