"""What is remembered of a dataset: its last profiles in the order of event time, and how each column scored.

Everything is asked "as of" an event time: a profile is judged by what lies before it, so the tested profile
is never in its own baseline and a profile that comes late is judged as if it had come in order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from headwater.detection.packed import Columns
from headwater.detection.policy import Policy
from headwater.detection.recent import Ids
from headwater.detection.signals import Shared, Signal
from headwater.detection.summaries import Kind, Summary
from headwater.schemas import times

_HOUR_US = 3_600_000_000
#: Runs more often than that make the season the hour of the day, else it is the weekday.
_OFTEN_US = 12 * _HOUR_US
#: Seasons from here on are hours of the day.
FREQUENT = 100
_EVER, _NEVER = -(2**63), 2**63 - 1
#: Mostly nothing is found; an empty set takes 216 bytes.
_NONE = frozenset[str]()
#: Profiles of which it is known that they were judged.
_MOST_SEEN = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile in the series, and the columns in which something was found: no baseline for these."""

    event_time: int
    event_id: bytes
    season: int
    columns: Columns
    found: frozenset[str]


@dataclass(slots=True)
class Judged:
    """One of the last profiles."""

    summary: Summary
    #: How often it was judged; once, whatever came late, where all that was being fed again.
    times: int = 0


@dataclass(slots=True)
class Series:
    """The profiles of one dataset in one role and kind of slice."""

    entries: list[Entry] = field(default_factory=list[Entry])
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict[tuple[str, str], Signal])
    #: By column (empty: all): baselines begin at this event time, since somebody accepted what came then.
    accepted: dict[str, int] = field(default_factory=dict[str, int])
    #: The newest profiles, in the order of event time: those that one that comes late makes judged again.
    recent: list[Judged] = field(default_factory=list[Judged])
    _seen: Ids = field(default_factory=lambda: Ids(_MOST_SEEN))
    _shared: Shared = field(default_factory=Shared)

    def knows(self, event_id: bytes) -> bool:
        """Whether this profile was judged already."""
        return event_id in self._seen

    def signal(self, check: str, column: str) -> Signal:
        """The history of one column under one check."""
        known = self.signals.get((check, column))
        if known is None:
            known = self.signals[check, column] = Signal(self._shared, self._shared.none)
        return known

    def add(self, summary: Summary, found: frozenset[str], policy: Policy) -> None:
        """Remember a judged profile and forget what no baseline will need."""
        columns = summary.columns
        if not isinstance(columns, Columns):
            columns = Columns(columns, self.entries[-1].columns if self.entries else None)
        season = self.season(summary.event_time, policy)
        entry = Entry(summary.event_time, summary.event_id, season, columns, found or _NONE)
        insort(self.entries, entry, key=_entry_key)
        if summary.event_id not in self._seen:  # it is not new where it is judged again
            self._seen.add(summary.event_id)
        self._forget(policy)

    def remember(self, judged: Judged, policy: Policy) -> None:
        """Keep a profile that was just added for judging it again, while it is one of the newest."""
        if judged.times > policy.again:
            return
        at = bisect_left(self.entries, _judged_key(judged), key=_entry_key)
        if at < len(self.entries) and self.entries[at].event_id == judged.summary.event_id:
            # its columns are remembered once, packed
            summary = replace(judged.summary, columns=self.entries[at].columns)
            insort(self.recent, replace(judged, summary=summary), key=_judged_key)
            del self.recent[: -policy.again]

    def rewind(self, event_time: int) -> list[Judged]:
        """Forget the profiles behind a time, to judge them again; they come back, the oldest first. It ends before one
        that is not judged again: such as one dated years ahead, behind which all others come late.
        """
        begin = bisect_right(self.entries, event_time, key=_entry_time)
        known = {judged.summary.event_id: judged for judged in self.recent} if begin < len(self.entries) else {}
        stays = next((e.event_time for e in self.entries[begin:] if e.event_id not in known), _NEVER)
        end = bisect_left(self.entries, stays, key=_entry_time)
        again = [known[entry.event_id] for entry in self.entries[begin:end]]
        if again:
            del self.entries[begin:end]
            self.recent = [judged for judged in self.recent if not event_time < judged.summary.event_time < stays]
            for signal in self.signals.values():
                signal.cut(event_time + 1, stays)
        return again

    def season(self, event_time: int, policy: Policy) -> int:
        """The weekday, 0 to 6, or for frequent runs the hour of a working day or of the weekend, 100 to 147."""
        weekday, hour = divmod(times.hour_of_week(event_time), 24)
        if not self.is_frequent(event_time, policy):
            return weekday
        return FREQUENT + hour + 24 * (weekday > 4)

    def is_frequent(self, event_time: int, policy: Policy) -> bool:
        """Whether it ran several times a day before."""
        end = bisect_left(self.entries, event_time, key=_entry_time)
        begin = max(0, end - _reach(policy))
        if end - begin < 3:
            return False
        # the middle half alone: one profile dated years ahead or back says nothing of how often it runs
        quarter = (end - begin) // 4
        first, last = begin + quarter, end - 1 - quarter
        return (self.entries[last].event_time - self.entries[first].event_time) / (last - first) < _OFTEN_US

    def _before(self, event_time: int, policy: Policy) -> range:
        """The places of the entries that a profile may be compared with, the oldest first."""
        end = bisect_left(self.entries, event_time, key=_entry_time)
        reach = max(_reach(policy), policy.reach_frequent * self.is_frequent(event_time, policy))
        return range(max(0, end - reach), end)

    def rolling(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The last profiles before `event_time` that hold the column and were not found for it."""
        return self._last(column, event_time, policy.rolling, None, policy)

    def seasonal(self, column: str, event_time: int, policy: Policy) -> list[Entry]:
        """The same of the same season; empty until there are enough."""
        found = self._last(column, event_time, policy.season, self.season(event_time, policy), policy)
        return found if len(found) >= policy.least_season else []

    def times_before(self, event_time: int, most: int) -> list[int]:
        """The event times of the last so many profiles before one."""
        end = bisect_left(self.entries, event_time, key=_entry_time)
        return [entry.event_time for entry in self.entries[max(0, end - most) : end]]

    def until(self, event_time: int, most: int) -> list[Entry]:
        """The last so many profiles up to a time, it included."""
        end = bisect_right(self.entries, event_time, key=_entry_time)
        return self.entries[max(0, end - most) : end]

    def kinds(self, column: str, event_time: int, policy: Policy) -> Iterator[Kind]:
        """What the column held in the profiles before `event_time` that had values of it, the newest first."""
        for index in reversed(self._before(event_time, policy)):
            columns = self.entries[index].columns
            slot = columns.slots.get(column)
            if slot is None or slot.kind == "none":
                continue
            rows, nulls = columns.rows(column)
            if rows > nulls:
                yield slot.kind

    def accept(self, column: str | None, since: int | None) -> None:
        """What came since is the new normal: baselines begin there, and its alarms no longer count.

        Without a time it is since the alarm that lasts; with no such alarm nothing changes.
        """
        since = self._alarmed_since(column) if since is None else since
        if since is None:
            return
        self.accepted[column or ""] = since
        self.recent.clear()  # what was said before a decision stands
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

    def _last(self, column: str, event_time: int, most: int, season: int | None, policy: Policy) -> list[Entry]:
        """At most so many, the newest first; of one season where one is asked for. So a shift that stays for all of
        those that are looked at, 60 profiles, becomes normal.
        """
        since = max(self.accepted.get("", _EVER), self.accepted.get(column, _EVER)) if self.accepted else _EVER
        taken: list[Entry] = []
        for index in reversed(self._before(event_time, policy)):
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
        """Keep what rolling and season need, also of those that may be judged again."""
        keep = policy.reach_frequent if self.entries[-1].season >= FREQUENT else 0
        del self.entries[: -max(_reach(policy), keep) - policy.again]


def _reach(policy: Policy) -> int:
    """How many profiles before it a profile is compared with, at most, where it does not run several times a day."""
    return policy.rolling + 4 * policy.season


def _accepted(entry: Entry, column: str | None) -> Entry:
    left = frozenset[str]() if column is None else entry.found - {column}
    return replace(entry, found=left)


def _entry_time(entry: Entry) -> int:
    return entry.event_time


def _entry_key(entry: Entry) -> tuple[int, bytes]:
    return entry.event_time, entry.event_id


def _judged_key(judged: Judged) -> tuple[int, bytes]:
    return judged.summary.event_time, judged.summary.event_id
