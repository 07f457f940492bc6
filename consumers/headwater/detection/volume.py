"""How many rows a dataset version holds against the same weekday of the last eight weeks."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field, replace

from headwater.detection.gates import Gate, Outcome
from headwater.detection.policy import Policy
from headwater.detection.statistics.robust import median_mad
from headwater.detection.texts import dataset, day, number, percent
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict
from headwater.schemas import times


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """The rows of one version."""

    event_time: int
    rows: int
    alarmed: bool
    #: The event that told it.
    based_on: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """One of the last versions that were counted, and the digest of what was said of it."""

    subject: Subject
    rows: int
    based_on: bytes
    said: bytes | None = None
    #: How often it was judged.
    times: int = 0


@dataclass(slots=True)
class Counts:
    """The rows of a dataset's versions in the order of event time."""

    counts: list[Count] = field(default_factory=list[Count])
    #: The newest of them, which one that comes late makes judged again.
    recent: list[Counted] = field(default_factory=list[Counted])
    _seen: dict[tuple[str | None, tuple[str, ...]], None] = field(
        default_factory=dict[tuple[str | None, tuple[str, ...]], None]
    )

    def is_new(self, version: str | None, partitions: tuple[str, ...]) -> bool:
        """Whether this version was not counted so far; it is from now on."""
        key = (version, partitions)
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > 1000:
            del self._seen[next(iter(self._seen))]
        return True

    def remember(self, counted: Counted, policy: Policy) -> None:
        """Keep what was said of one that was just judged, while it is one of the newest."""
        if counted.times <= policy.again:
            insort(self.recent, counted, key=lambda known: known.subject.event_time)
            del self.recent[: -policy.again]

    def rewind(self, event_time: int) -> list[Counted]:
        """Forget those behind a time, to judge them again; they come back. Ends before one that is not judged again."""
        begin = bisect_right(self.counts, event_time, key=_count_time)
        known = {counted.based_on for counted in self.recent}
        stays = next((c.event_time for c in self.counts[begin:] if c.based_on not in known), 2**63 - 1)
        del self.counts[begin : bisect_left(self.counts, stays, key=_count_time)]
        again = [counted for counted in self.recent if event_time < counted.subject.event_time < stays]
        self.recent = [counted for counted in self.recent if counted not in again]
        return again

    def accept(self, since: int | None) -> None:
        """What came since is the new normal; without a time, since the first alarm of the last ones."""
        if since is None:
            alarmed = [count.event_time for count in self.counts[-14:] if count.alarmed]
            if not alarmed:
                return
            since = alarmed[0]
        self.recent.clear()  # what was said before a decision stands
        self.counts = [replace(count, alarmed=False) for count in self.counts if count.event_time >= since]


def judge(subject: Subject, rows: int, counts: Counts, policy: Policy, based_on: bytes) -> Verdict:
    """The verdict on a version's rows, which are remembered; alarmed ones are never compared with."""
    event_time = subject.event_time
    end = bisect_left(counts.counts, event_time, key=_count_time)
    reach = policy.rolling + 7 * policy.season
    before = [count for count in counts.counts[max(0, end - reach) : end] if not count.alarmed]
    weekday = times.weekday(event_time)
    compared = [c for c in before if times.weekday(c.event_time) == weekday][-policy.season :]
    kind = "season"
    if len(compared) < policy.least_season:
        compared, kind = before[-policy.rolling :], "rolling"
    outcome: Outcome = "insufficient"
    gates = [Gate("points", len(compared), policy.least_season, passed=True)]
    text = f"{dataset(subject.namespace, subject.name)} of {day(event_time)} holds {rows:,} rows"
    usual: float | None = None
    change = 0.0
    if kind == "season" or len(compared) >= policy.least_volume_history:
        usual, mad = median_mad([float(c.rows) for c in compared])
        change = (rows - usual) / usual if usual else float(rows > 0)
        apart = abs(rows - usual) / mad if mad else (0.0 if rows == usual else 1e6)
        far = apart > policy.volume_mads
        # without the weekday's own history a weekend looks like a loss
        least = policy.alarm_volume if kind == "season" else 2 * policy.alarm_volume
        gates += [
            Gate("mads", apart, policy.volume_mads, far),
            Gate("change", abs(change), policy.least_volume, abs(change) >= policy.least_volume),
            Gate("alarming_change", abs(change), least, abs(change) >= least),
        ]
        outcome = "ok"
        if far and abs(change) >= least:
            outcome = "alarm"
        elif far and abs(change) >= policy.least_volume:
            outcome = "warn"
        days = "the same weekdays" if kind == "season" else "the last ones"
        text += f", {percent(abs(change))} {'more' if change > 0 else 'less'} than the {number(usual)} of {days}"
    else:
        gates[0] = Gate("points", len(compared), policy.least_volume_history, passed=False)
        text += ", too few came before to judge"
    insort(counts.counts, Count(event_time, rows, outcome == "alarm", based_on))
    del counts.counts[: -reach - policy.again]
    return Verdict(
        check="volume",
        outcome=outcome,
        subject=subject,
        explanation=text,
        severity=min(1.0, abs(change)) if outcome in {"warn", "alarm"} else 0.0,
        onset=event_time if outcome == "alarm" else None,
        score=abs(change),
        usual=usual,
        gates=gates,
        baseline=BaselineFacts(
            kind,
            len(compared),
            sum(c.rows for c in compared),
            min((c.event_time for c in compared), default=None),
            max((c.event_time for c in compared), default=None),
        ),
        based_on=[based_on],
        evidence={"rows": json.dumps({"now": rows, "before": [c.rows for c in compared]})},
    )


def _count_time(count: Count) -> int:
    return count.event_time
