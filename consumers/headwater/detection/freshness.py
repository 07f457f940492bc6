"""Whether a dataset is written when it usually is. Absence sends nothing, so a timer asks."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field

from headwater.detection import waits
from headwater.detection.gates import Gate
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.statistics.robust import median_mad
from headwater.detection.texts import dataset, day, number
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict
from headwater.schemas import times

HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Arrivals:
    """When a dataset was written, by event time, ascending."""

    times: list[tuple[int, str | None]] = field(default_factory=list[tuple[int, str | None]])
    #: It is written as it happens: what is brought in from the past has no next time to be late for.
    live: bool = False
    #: Overdue from this event time on; None where that cannot be said.
    deadline: int | None = None
    #: The last write of which it was told that no other followed.
    told: int | None = None
    #: Fixed by a rule instead of learned, µs.
    most: int | None = None

    def add(self, event_time: int, version: str | None, told_at: int, policy: Policy) -> bool:
        """One write, told at `told_at` (arrival); whether it is the one that was overdue."""
        if event_time > told_at + DAY_US:
            return False  # a clock that runs ahead must not hide that nothing comes
        # one for each minute, its newest, so that a night of a thousand slices does not push the nights before out
        bucket = event_time // policy.burst_us
        index = bisect_left(self.times, bucket * policy.burst_us, key=lambda item: item[0])
        entry = (event_time, version)
        if index < len(self.times) and self.times[index][0] // policy.burst_us == bucket:
            if (self.times[index][0], self.times[index][1] or "") >= (event_time, version or ""):
                return False
            self.times[index] = entry
        else:
            self.times.insert(index, entry)
        del self.times[: -policy.history]
        newest = self.times[-1][0]
        if event_time == newest:
            self.live = abs(told_at - event_time) <= DAY_US
        overdue, self.told = self.told is not None and newest > self.told, None if newest != self.told else self.told
        wait = self.most if self.most is not None else _limit(self._steps(policy), newest, policy)
        self.deadline = newest + max(int(wait), policy.least_wait_us) if wait is not None else None
        return overdue

    def overdue(self, now: int) -> bool:
        """Whether its next write is overdue and nobody was told."""
        return self.live and self.deadline is not None and now > self.deadline and self.told != self.times[-1][0]

    def excuse(self, since: int, until: int) -> None:
        """Nobody listened from `since` to `until`: a write that was due by then is not missed, and the next one tells
        that it is written as it happens.
        """
        if self.deadline is not None and since < self.deadline <= until:
            self.live = False

    def waits(self, policy: Policy) -> list[int]:
        """From each write to the next one, bursts taken as one write, µs."""
        return [wait for _, wait in self._steps(policy)]

    def _steps(self, policy: Policy) -> list[tuple[int, int]]:
        steps: list[tuple[int, int]] = []
        last: int | None = None
        for time, _ in self.times:
            if last is not None and time - last < policy.burst_us:
                continue
            if last is not None:
                steps.append((last, time - last))
            last = time
        return steps


def overdue(namespace: str, name: str, arrivals: Arrivals, policy: Policy) -> Verdict:
    """The verdict that the next write is overdue. It says nothing of when it was asked, so that asking again, after a
    restart, gives the same one.
    """
    last, version = arrivals.times[-1]
    assert arrivals.deadline is not None  # noqa: S101  # asked only where `overdue` says so
    arrivals.told = last
    known = arrivals.waits(policy)
    usual = median_mad(known)[0] if known else None
    allowed = arrivals.deadline - last
    often = f", usually every {number(usual / HOUR_US)} h" if usual is not None else ""
    return Verdict(
        check="freshness",
        outcome="alarm",
        subject=Subject(arrivals.deadline, namespace, name, version),
        explanation=f"{dataset(namespace, name)} was last written {day(last)}{often}: "
        f"overdue since {day(arrivals.deadline)}",
        severity=0.5,
        onset=arrivals.deadline,
        score=allowed / HOUR_US,
        usual=None if usual is None else usual / HOUR_US,
        gates=[
            Gate("waits", len(known), policy.least_waits, passed=True),
            Gate("age_hours", allowed / HOUR_US, allowed / HOUR_US, passed=True, comment="the age from which it is"),
        ],
        baseline=BaselineFacts("rolling", len(known), None, arrivals.times[0][0], last),
        evidence={
            "unusual": "2.0",
            "hours": json.dumps({"allowed": allowed / HOUR_US, "before": [w / HOUR_US for w in known[-28:]]}),
        },
    )


def written_again(subject: Subject, based_on: bytes) -> Verdict:
    """The verdict that an overdue dataset was written."""
    text = f"{dataset(subject.namespace, subject.name)} was written again {day(subject.event_time)}"
    return Verdict("freshness", "ok", subject, text, based_on=[based_on])


def _limit(steps: list[tuple[int, int]], last: int, policy: Policy) -> float | None:
    """By the hour of the week of the last write once 8 waits from that hour are known, else by all of them."""
    hour = times.hour_of_week(last)
    same = waits.limit([wait for begin, wait in steps if times.hour_of_week(begin) == hour], policy)
    return same if same is not None else waits.limit([wait for _, wait in steps], policy)
