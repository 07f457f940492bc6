"""Progress for a person: bars that grow in place on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 24


class Progress:
    """One line of work at a time. Writes to stderr, so that --json keeps stdout for itself."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._started = time.monotonic()
        self._label = ""
        self._total = 0

    def begin(self, label: str, total: int = 0) -> None:
        """A new line; `total` is how much there is to do, 0 where that is not known."""
        self._label, self._total = label, total
        if self._live:
            self._draw(0, "")

    def update(self, done: int, note: str = "") -> None:
        """So much is done. Shown on a terminal only."""
        if self._live:
            self._draw(done, note)

    def end(self, note: str = "") -> None:
        """The line is complete and stays."""
        seconds = time.monotonic() - self._started
        line = f"{seconds:5.1f} s  {self._label:<38} {note}".rstrip()
        self._stream.write(f"\r\x1b[K{line}\n" if self._live else f"{line}\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """A line by itself."""
        self._stream.write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")
        self._stream.flush()

    def _draw(self, done: int, note: str) -> None:
        seconds = time.monotonic() - self._started
        bar = ""
        if self._total:
            full = min(WIDTH, WIDTH * done // self._total)
            bar = f"[{'#' * full}{'.' * (WIDTH - full)}] {done}/{self._total} "
        self._stream.write(f"\r\x1b[K{seconds:5.1f} s  {self._label:<38} {bar}{note}")
        self._stream.flush()
