"""How the columns of a series scored under each check, packed: times that all share, and nine bytes a profile, but for
those that all were zero, such as of columns without nulls: these are shared too.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Final

_NEVER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Past:
    """How one column did under one check in the profiles before some time, the oldest first."""

    times: array[int]
    #: The score against the rolling baseline and against the season's, NaN where there was none.
    scores: array[float]
    season_scores: array[float]
    #: Gates 1 to 4 let it through: 0 or 1.
    found: bytes

    def __len__(self) -> int:
        return len(self.times)

    def found_times(self, last: int) -> list[int]:
        """The times of those that were found among the last so many."""
        begin = max(0, len(self.times) - last) if last > 0 else len(self.times)
        if self.found.find(1, begin) < 0:
            return []
        return [time for time, found in zip(self.times[begin:], self.found[begin:], strict=True) if found]


class Shared:
    """What a series' signals share. Times: all columns have the same ones but those that are not in every profile.
    Scores where all are zero, and that nothing was found.

    An array never changes; who does the same to the same times gets the same ones.
    """

    __slots__ = ("_done", "_unfound", "_what", "_zeros", "none")

    def __init__(self) -> None:
        self.none = array("q")
        #: As many as were asked for last.
        self._zeros = array("f")
        self._unfound = b""
        #: What was done last, and the arrays before and after it.
        self._what: tuple[int, ...] = ()
        self._done: list[tuple[array[int], array[int]]] = []

    def added(self, times: array[int], event_time: int, keep: int) -> array[int]:
        """The times with one more, the newest `keep` of them."""
        known = self._known(times, (event_time, keep))
        if known is not None:
            return known
        index = bisect_right(times, event_time)
        return self._as(times, (times[:index] + array("q", (event_time,)) + times[index:])[-keep:])

    def cut(self, times: array[int], since: int, until: int) -> array[int]:
        """The times without those from `since` on that lie before `until`."""
        begin, end = bisect_left(times, since), bisect_left(times, until)
        if begin >= end:
            return times
        known = self._known(times, (since, until, 0))
        return known if known is not None else self._as(times, times[:begin] + times[end:])

    def scores(self, scores: array[float]) -> array[float]:
        """The same scores, held once where all are zero."""
        if len(self._zeros) != len(scores):
            self._zeros = array("f", bytes(scores.itemsize * len(scores)))
        return self._zeros if scores.tobytes() == self._zeros.tobytes() else scores

    def found(self, found: bytes) -> bytes:
        """The same, held once where nothing was found."""
        if len(self._unfound) != len(found):
            self._unfound = bytes(len(found))
        return self._unfound if found == self._unfound else found

    def _known(self, times: array[int], what: tuple[int, ...]) -> array[int] | None:
        if what != self._what:
            self._what = what
            self._done.clear()
        return next((after for before, after in self._done if before is times), None)

    def _as(self, times: array[int], after: array[int]) -> array[int]:
        self._done.append((times, after))
        return after


@dataclass(slots=True)
class Signal:
    """One column's history under one check."""

    shared: Shared = field(default_factory=Shared)
    times: array[int] = field(default_factory=lambda: array("q"))
    scores: array[float] = field(default_factory=lambda: array("f"))
    season_scores: array[float] = field(default_factory=lambda: array("f"))
    found: bytes = b""

    def add(self, event_time: int, score: float, season_score: float | None, *, found: bool, keep: int) -> None:
        """Remember one more; of one time in the order of their scores, so that it does not matter which came first."""
        index = bisect_left(self.times, event_time)
        mine = (array("f", [score])[0], found)
        while index < len(self.times) and self.times[index] == event_time and self._at(index) < mine:
            index += 1
        self.times = self.shared.added(self.times, event_time, keep)
        # Made anew: what grows in place takes up to an eighth more than it holds.
        self.scores = self.shared.scores(_with(self.scores, index, score)[-keep:])
        season = math.nan if season_score is None else season_score
        self.season_scores = self.shared.scores(_with(self.season_scores, index, season)[-keep:])
        known = self.found[:index] + (b"\1" if found else b"\0") + self.found[index:]
        self.found = self.shared.found(known[-keep:])

    def _at(self, index: int) -> tuple[float, bool]:
        return self.scores[index], bool(self.found[index])

    def before(self, event_time: int, most: int) -> Past:
        """What lies before, the last so many."""
        end = bisect_left(self.times, event_time)
        kept = slice(max(0, end - most), end)
        times = self.times if end == len(self.times) <= most else self.times[kept]
        return Past(times, self.scores[kept], self.season_scores[kept], self.found[kept])

    def cut(self, since: int, until: int = _NEVER) -> None:
        """Forget what lies at `since` or behind it, before `until`."""
        begin, end = bisect_left(self.times, since), bisect_left(self.times, until)
        if begin >= end:
            return
        self.times = self.shared.cut(self.times, since, until)
        self.scores = self.scores[:begin] + self.scores[end:]
        self.season_scores = self.season_scores[:begin] + self.season_scores[end:]
        self.found = self.found[:begin] + self.found[end:]


def _with(scores: array[float], index: int, score: float) -> array[float]:
    return scores[:index] + array("f", (score,)) + scores[index:]
