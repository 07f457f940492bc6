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

from headwater.detection.policy import Policy
from headwater.detection.summaries import Column, Summary

_HOUR_US = 3_600_000_000
#: Runs at least so often make the season the hour of the week, else it is the weekday.
_OFTEN_US = 12 * _HOUR_US


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
        return [time for time, found in zip(self.times[begin:], self.found[begin:], strict=True) if found]


@dataclass(slots=True)
class Signal:
    """One column's history under one check: 17 bytes a profile."""

    times: array[int] = field(default_factory=lambda: array("q"))
    scores: array[float] = field(default_factory=lambda: array("f"))
    season_scores: array[float] = field(default_factory=lambda: array("f"))
    found: bytearray = field(default_factory=bytearray)

    def add(self, event_time: int, score: float | None, season_score: float | None, *, found: bool, keep: int) -> None:
        """Remember one more."""
        index = bisect_right(self.times, event_time)
        self.times.insert(index, event_time)
        self.scores.insert(index, math.nan if score is None else score)
        self.season_scores.insert(index, math.nan if season_score is None else season_score)
        self.found.insert(index, found)
        if len(self.times) > keep:
            del self.times[:-keep], self.scores[:-keep], self.season_scores[:-keep], self.found[:-keep]

    def before(self, event_time: int) -> Past:
        """All that lies before."""
        end = bisect_left(self.times, event_time)
        return Past(self.times[:end], self.scores[:end], self.season_scores[:end], bytes(self.found[:end]))

    def cut(self, event_time: int) -> None:
        """Forget what lies at or behind a time."""
        end = bisect_left(self.times, event_time)
        del self.times[end:], self.scores[end:], self.season_scores[end:], self.found[end:]


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile in the series, and the columns in which something was found: no baseline for these."""

    event_time: int
    event_id: bytes
    season: int
    columns: dict[str, Column]
    found: frozenset[str]


@dataclass(slots=True)
class Series:
    """The profiles of one dataset in one role and kind of slice."""

    entries: list[Entry] = field(default_factory=list[Entry])
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict[tuple[str, str], Signal])
    #: By column (empty: all): baselines begin at this event time, since somebody accepted what came then.
    accepted: dict[str, int] = field(default_factory=dict[str, int])
    _seen: dict[bytes, None] = field(default_factory=dict[bytes, None])

    def knows(self, event_id: bytes) -> bool:
        """Whether this profile was judged already."""
        return event_id in self._seen

    def signal(self, check: str, column: str) -> Signal:
        """The history of one column under one check."""
        return self.signals.setdefault((check, column), Signal())

    def add(self, summary: Summary, found: frozenset[str], policy: Policy) -> None:
        """Remember a judged profile and forget what no baseline will need."""
        entry = Entry(
            summary.event_time, summary.event_id, self.season(summary.event_time), dict(summary.columns), found
        )
        insort(self.entries, entry, key=_entry_time)
        self._seen[summary.event_id] = None
        while len(self._seen) > 1000:
            del self._seen[next(iter(self._seen))]
        self._forget(policy)

    def season(self, event_time: int) -> int:
        """The weekday, 0 to 6, or for frequent runs the hour of the week."""
        moment = datetime.fromtimestamp(event_time / 1e6, UTC)
        if len(self.entries) > 2:
            between = (self.entries[-1].event_time - self.entries[0].event_time) / (len(self.entries) - 1)
            if between < _OFTEN_US:
                return 100 + moment.weekday() * 24 + moment.hour
        return moment.weekday()

    def rolling(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The last profiles before `event_time` that hold the column and were not found for it."""
        return _take(self._usable(column, event_time), policy.rolling)

    def seasonal(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The same of the same season; empty until there are enough."""
        season = self.season(event_time)
        found = _take((e for e in self._usable(column, event_time) if e.season == season), policy.season)
        return found if len(found) >= policy.least_season else []

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

    def _usable(self, column: str, event_time: int) -> Iterator[Entry]:
        """The newest first."""
        since = max(self.accepted.get("", -(2**63)), self.accepted.get(column, -(2**63)))
        for index in range(bisect_left(self.entries, event_time, key=_entry_time) - 1, -1, -1):
            entry = self.entries[index]
            if entry.event_time < since:
                return
            if column in entry.columns and column not in entry.found:
                yield entry

    def _forget(self, policy: Policy) -> None:
        """Keep what rolling and season need. So a shift that stays for all of it, 60 profiles, becomes normal."""
        keep = policy.rolling + 4 * policy.season
        del self.entries[:-keep]


def _accepted(entry: Entry, column: str | None) -> Entry:
    left = frozenset[str]() if column is None else entry.found - {column}
    return replace(entry, found=left)


def _take(entries: Iterator[Entry], most: int) -> list[Entry]:
    taken: list[Entry] = []
    for entry in entries:
        taken.append(entry)
        if len(taken) == most:
            break
    return taken


def _entry_time(entry: Entry) -> int:
    return entry.event_time
