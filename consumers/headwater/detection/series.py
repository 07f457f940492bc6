"""What is remembered of a dataset: its last profiles in the order of event time, and how each column scored.

Everything is asked "as of" an event time: a profile is judged by what lies before it, so the tested profile
is never in its own baseline and a profile that comes late is judged as if it had come in order.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from headwater.detection.packed import Columns
from headwater.detection.policy import Policy
from headwater.detection.summaries import Kind, Summary

_HOUR_US = 3_600_000_000
#: Runs at least so often make the season the hour of the week, else it is the weekday.
_OFTEN_US = 12 * _HOUR_US
_EVER = -(2**63)


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


class Times:
    """Times of a series' signals, shared: all columns have the same ones but those that are not in every profile.

    An array never changes; who adds the same time to the same array gets the same one.
    """

    __slots__ = ("_added", "_time", "none")

    def __init__(self) -> None:
        self.none = array("q")
        self._time = 0
        self._added: list[tuple[array[int], array[int]]] = []

    def added(self, times: array[int], event_time: int, keep: int) -> array[int]:
        """The times with one more, the newest `keep` of them."""
        if event_time != self._time:
            self._time = event_time
            self._added.clear()
        for before, after in self._added:
            if before is times:
                return after
        index = bisect_right(times, event_time)
        after = times[:index] + array("q", (event_time,)) + times[index:]
        self._added.append((times, after[-keep:]))
        return self._added[-1][1]


@dataclass(slots=True)
class Signal:
    """One column's history under one check: 9 bytes a profile, beside the times."""

    shared: Times = field(default_factory=Times)
    times: array[int] = field(default_factory=lambda: array("q"))
    scores: array[float] = field(default_factory=lambda: array("f"))
    season_scores: array[float] = field(default_factory=lambda: array("f"))
    found: bytearray = field(default_factory=bytearray)

    def add(self, event_time: int, score: float | None, season_score: float | None, *, found: bool, keep: int) -> None:
        """Remember one more."""
        index = bisect_right(self.times, event_time)
        self.times = self.shared.added(self.times, event_time, keep)
        self.scores.insert(index, math.nan if score is None else score)
        self.season_scores.insert(index, math.nan if season_score is None else season_score)
        self.found.insert(index, found)
        del self.scores[:-keep], self.season_scores[:-keep], self.found[:-keep]

    def before(self, event_time: int) -> Past:
        """All that lies before."""
        end = bisect_left(self.times, event_time)
        times = self.times if end == len(self.times) else self.times[:end]
        return Past(times, self.scores[:end], self.season_scores[:end], bytes(self.found[:end]))

    def cut(self, event_time: int) -> None:
        """Forget what lies at or behind a time."""
        end = bisect_left(self.times, event_time)
        self.times = self.times[:end]
        del self.scores[end:], self.season_scores[end:], self.found[end:]


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile in the series, and the columns in which something was found: no baseline for these."""

    event_time: int
    event_id: bytes
    season: int
    columns: Columns
    found: frozenset[str]


@dataclass(slots=True)
class Series:
    """The profiles of one dataset in one role and kind of slice."""

    entries: list[Entry] = field(default_factory=list[Entry])
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict[tuple[str, str], Signal])
    #: By column (empty: all): baselines begin at this event time, since somebody accepted what came then.
    accepted: dict[str, int] = field(default_factory=dict[str, int])
    _seen: dict[bytes, None] = field(default_factory=dict[bytes, None])
    _times: Times = field(default_factory=Times)

    def knows(self, event_id: bytes) -> bool:
        """Whether this profile was judged already."""
        return event_id in self._seen

    def signal(self, check: str, column: str) -> Signal:
        """The history of one column under one check."""
        known = self.signals.get((check, column))
        if known is None:
            known = self.signals[check, column] = Signal(self._times, self._times.none)
        return known

    def add(self, summary: Summary, found: frozenset[str], policy: Policy) -> None:
        """Remember a judged profile and forget what no baseline will need."""
        columns = Columns(summary.columns, self.entries[-1].columns if self.entries else None)
        entry = Entry(summary.event_time, summary.event_id, self.season(summary.event_time), columns, found)
        insort(self.entries, entry, key=_entry_time)
        self._seen[summary.event_id] = None
        while len(self._seen) > 1000:
            del self._seen[next(iter(self._seen))]
        self._forget(policy)

    def season(self, event_time: int) -> int:
        """The weekday, 0 to 6, or for frequent runs the hour of the week."""
        moment = datetime.fromtimestamp(event_time / 1e6, UTC)
        # the middle half alone: one profile dated years ahead or back says nothing of how often it runs
        first, last = len(self.entries) // 4, len(self.entries) - 1 - len(self.entries) // 4
        if len(self.entries) > 2:
            between = (self.entries[last].event_time - self.entries[first].event_time) / (last - first)
            if between < _OFTEN_US:
                return 100 + moment.weekday() * 24 + moment.hour
        return moment.weekday()

    def rolling(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The last profiles before `event_time` that hold the column and were not found for it."""
        return self._last(column, event_time, policy.rolling, None)

    def seasonal(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The same of the same season; empty until there are enough."""
        found = self._last(column, event_time, policy.season, self.season(event_time))
        return found if len(found) >= policy.least_season else []

    def kinds(self, column: str, event_time: int) -> Iterator[Kind]:
        """What the column held in the profiles before `event_time` that had values of it, the newest first."""
        for index in range(bisect_left(self.entries, event_time, key=_entry_time) - 1, -1, -1):
            known = self.entries[index].columns.get(column)
            if known is not None and known.kind != "none" and known.valued > 0:
                yield known.kind

    def accept(self, column: str | None, since: int | None) -> None:
        """What came since is the new normal: baselines begin there, and its alarms no longer count.

        Without a time it is since the alarm that lasts; with no such alarm nothing changes.
        """
        since = self._alarmed_since(column) if since is None else since
        if since is None:
            return
        self.accepted[column or ""] = since
        self.entries = [_accepted(entry, column) if entry.event_time >= since else entry for entry in self.entries]
        for (_, name), signal in self.signals.items():
            if column in (None, name):
                signal.cut(since)

    def _alarmed_since(self, column: str | None) -> int | None:
        """The first profile of the alarm that reaches to the newest ones."""
        since: int | None = None
        well = 0
        for entry in reversed(self.entries):
            if entry.found if column is None else column in entry.found:
                since, well = entry.event_time, 0
            elif (well := well + 1) > 2:
                break
        return since

    def _last(self, column: str, event_time: int, most: int, season: int | None) -> list[Entry]:
        """At most so many, the newest first; of one season where one is asked for."""
        since = max(self.accepted.get("", _EVER), self.accepted.get(column, _EVER)) if self.accepted else _EVER
        taken: list[Entry] = []
        for index in range(bisect_left(self.entries, event_time, key=_entry_time) - 1, -1, -1):
            entry = self.entries[index]
            if entry.event_time < since:
                break
            if (season is None or entry.season == season) and column in entry.columns.slots:
                if column in entry.found:
                    continue
                taken.append(entry)
                if len(taken) == most:
                    break
        return taken

    def _forget(self, policy: Policy) -> None:
        """Keep what rolling and season need. So a shift that stays for all of it, 60 profiles, becomes normal."""
        keep = policy.rolling + 4 * policy.season
        del self.entries[:-keep]


def _accepted(entry: Entry, column: str | None) -> Entry:
    left = frozenset[str]() if column is None else entry.found - {column}
    return replace(entry, found=left)


def _entry_time(entry: Entry) -> int:
    return entry.event_time
