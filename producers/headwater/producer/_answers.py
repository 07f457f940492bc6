"""Profiles of what a deployment answers and is asked, window after window, made beside the requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from headwater.errors import SettingsError
from headwater.producer._core import Core
from headwater.producer._profiler import Profiler
from headwater.producer._profiling import About
from headwater.producer.handles import Dataset

#: How often what was answered is taken into its profile, seconds.
_EVERY: Final = 1.0
#: Predictions that wait for that at most; what is beyond is counted, and the profile says that it is of a sample.
_MOST_WAITING: Final = 20_000
#: A window is over so long after its end, µs: threads that answer at once hand over in no order.
_GRACE_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Row(NamedTuple):
    event_time: int
    answered: Mapping[str, Any]
    asked: Mapping[str, Any]


class Answers:
    """Of each window of `seconds` (they begin at multiples of it since 1970 UTC) two profiles of the prediction
    stream: role output of what was answered, role serving of what was asked. Their event time is the window's
    beginning, their slice names it. Only names for which `leaves` is true are in them.

    `add` is called by the host's threads and costs an append; a daemon thread does the rest. Raises MissingExtra
    without numpy, SettingsError for a window below a second.
    """

    def __init__(self, core: Core, stream: Dataset, seconds: float, leaves: Callable[[str], bool]) -> None:
        if seconds < 1:
            raise SettingsError(f"profile_seconds: {seconds:g} is below 1")
        self._core = core
        self._stream = stream
        self._window_us = int(seconds * 1_000_000)
        self._leaves = leaves
        self._profiler("output", 0)  # raises here what would be raised in the thread
        self.reset()
        core.parts.add(self)

    def reset(self) -> None:
        """Begin anew: at first, and in the child of a fork, where what waits is the parent's."""
        self._rows: deque[_Row] = deque()
        self._missed = 0
        self._held: list[_Row] = []
        self._open: _Window | None = None
        #: End of the newest window that was told.
        self._told_until = -(2**63)
        self._thread: threading.Thread | None = None
        self._starting, self._taking = threading.Lock(), threading.Lock()
        self._ended = threading.Event()

    def add(self, event_time: int | None, asked: Mapping[str, Any] | None, answered: Mapping[str, Any] | None) -> None:
        """One prediction. `event_time`: µs since 1970 UTC, None: now."""
        if len(self._rows) >= _MOST_WAITING:
            self._missed += 1
            return
        time = self._core.clock() if event_time is None else event_time
        # copies: the host may use its own again
        self._rows.append(_Row(time, dict(answered or ()), dict(asked or ())))
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Send what there is; the last window ends here."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_EVERY)
        self._core.guard(self._take, last=True)

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None and not self._ended.is_set():
                thread = threading.Thread(target=self._run, name="headwater-profiles", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:  # the interpreter is ending: close takes what waits
            self._ended.set()
        finally:
            self._starting.release()

    def _run(self) -> None:
        while not self._ended.wait(_EVERY):
            self._core.guard(self._take)

    def _take(self, *, last: bool = False) -> None:
        with self._taking:  # the end of the process does not wait for ever for the thread
            self._take_in(last=last)

    def _take_in(self, *, last: bool) -> None:
        came = [self._rows.popleft() for _ in range(len(self._rows))]
        rows, self._held = sorted(self._held + came, key=lambda row: row.event_time), []
        # Who tells the past is still at it while rows come: only where none do does the clock end a window.
        now = self._core.clock()
        # one that is ahead would shut out all others
        known = [row for row in rows if row.event_time <= now + self._window_us]
        self._missed += len(rows) - len(known)
        newest = known[-1].event_time if came and known else now
        for row in known:
            begin = row.event_time - row.event_time % self._window_us
            if begin < (self._open.begin if self._open is not None else self._told_until):
                self._missed += 1
                continue
            if self._open is not None and begin > self._open.begin:
                if not last and not self._is_over(newest):
                    self._held.append(row)
                    continue
                self._send()
            if self._open is None:
                self._open = _Window(begin, [self._profiler(role, begin) for role in ("output", "serving")])
            self._open.add(row, self._leaves)
        if last or (not came and self._is_over(now)):
            self._send()

    def _is_over(self, newest: int) -> bool:
        return self._open is not None and newest >= self._open.begin + self._window_us + _GRACE_US

    def _send(self) -> None:
        window, self._open = self._open, None
        if window is not None:
            self._told_until = window.begin + self._window_us
            missed, self._missed = self._missed, 0
            window.send(missed)

    def _profiler(self, role: str, begin: int) -> Profiler:
        slices = (f"window={(_EPOCH + timedelta(microseconds=begin)).strftime('%Y-%m-%dT%H:%M:%SZ')}",)
        return Profiler(About(self._core, self._stream, role, slices, None, None))


class _Window:
    """The window that is being gathered."""

    def __init__(self, begin: int, profilers: Sequence[Profiler]) -> None:
        self.begin = begin
        self._profilers = profilers
        self._first, self._last = 2**62, -(2**62)

    def add(self, row: _Row, leaves: Callable[[str], bool]) -> None:
        self._first, self._last = min(self._first, row.event_time), max(self._last, row.event_time)
        for profiler, values in zip(self._profilers, (row.answered, row.asked), strict=True):
            told = {str(name): _plain(value) for name, value in values.items() if leaves(name) and _is_single(value)}
            if told:
                profiler.add_row(told)

    def send(self, missed: int) -> None:
        for profiler in self._profilers:
            if rows := profiler.rows:
                profiler.send(
                    window=(self._first, self._last),
                    sampled_of=rows + missed if missed else None,
                    event_time=self.begin,
                )


def _plain(value: Any) -> Any:
    """A number as Python has it, also where numpy made it."""
    return value.item() if hasattr(value, "item") else value


def _is_single(value: Any) -> bool:
    """Whether a column can hold it: no list, no array of several, no object of the host's."""
    return value is None or isinstance(value, str | int | float | datetime) or getattr(value, "shape", None) == ()
