"""How many rows a dataset version holds against the same weekday of the last eight weeks."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.policy import Policy
from headwater.detection.recent import Ids
from headwater.detection.statistics.robust import median_mad
from headwater.detection.texts import dataset, day, number, percent
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict, known_from
from headwater.schemas import times

_NEVER: Final = 2**63 - 1
#: Before and behind each message, by event time and id.
_FORGOTTEN: Final = (-(2**63), b"")
_UNTOLD: Final = (_NEVER, b"\xff" * 17)
#: Versions of which it is known that they were counted.
_MOST_VERSIONS = 1000


#: Version and slices; of what has no version, the message instead: each profile of such a dataset is one by itself.
Key = tuple[str | bytes, tuple[str, ...]]


@dataclass(slots=True)
class Count:
    """The rows of a version as one message tells them."""

    event_time: int
    #: The message.
    based_on: bytes
    rows: int
    key: Key
    #: What is told of it; None where it is not judged again any more.
    subject: Subject | None
    #: Whether it is the earliest message about its version; the others only tell that more is known.
    stands: bool = True
    alarmed: bool = False
    #: How often it was judged; once, whatever came late, where all that was being fed again.
    times: int = 0


@dataclass(slots=True)
class Counts:
    """The rows of a dataset's versions in the order of event time, and what is due to be said of them.

    Several messages may tell the rows of one version: the event of its write, its profile, both again. The earliest by
    event time stands, whichever comes first, so that what is said of a version does not hang on that.
    """

    counts: list[Count] = field(default_factory=list[Count])
    #: By version and slices the message that stands.
    _told: dict[Key, Count] = field(default_factory=dict[Key, Count])
    #: Digests of versions and slices whose message stands and is kept no more.
    _gone: Ids = field(default_factory=lambda: Ids(_MOST_VERSIONS))
    #: Those behind this event time are to be judged again.
    _late: int = _NEVER
    #: The first that was not judged so far.
    _new: int = _NEVER

    def take(self, subject: Subject, rows: int, based_on: bytes, policy: Policy) -> None:
        """Remember what a message tells; each is taken once."""
        key, place = (subject.version or based_on, subject.partitions), (subject.event_time, based_on)
        index = bisect_left(self.counts, place, key=_place)
        if index < len(self.counts) and _place(self.counts[index]) == place:
            return
        before = self._stands(key)
        if before == place:
            return
        count = Count(subject.event_time, based_on, rows, key, subject, stands=place < before)
        self.counts.insert(index, count)
        if len(self.counts) - bisect_right(self.counts, count.event_time, key=_time) <= policy.again_counts:
            self._late = min(self._late, count.event_time)
        if count.stands:
            self._new = min(self._new, count.event_time)
            self._told[key] = count
            if len(self._told) > _MOST_VERSIONS:
                del self._told[next(iter(self._told))]
            other = bisect_left(self.counts, before, key=_place)
            if other < len(self.counts) and _place(self.counts[other]) == before:
                self.counts[other].stands = False

    def due(self, policy: Policy, *, replaying: bool = False) -> list[Verdict]:
        """What is said of those that are new, and of those that lie behind one that came late, the oldest first.
        `replaying`: they are fed again, which counts as judged once.
        """
        found: list[Verdict] = []
        again = True
        for index in range(bisect_left(self.counts, min(self._new, self._late), key=_time), len(self.counts)):
            count = self.counts[index]
            if not count.stands:
                continue
            if count.times:
                if count.event_time <= self._late:
                    continue
                # Not beyond one that is not judged again: such as one dated years ahead, behind which all come late.
                again = again and count.subject is not None and count.times <= policy.again_counts
                if not again:
                    continue
            found.append(judge(self.counts, index, policy))
            count.times = 1 if replaying else count.times + 1
        self._late = self._new = _NEVER
        for count in self.counts[: -policy.again_counts]:
            count.subject = None
        self._forget(policy)
        return found

    def _stands(self, key: Key) -> tuple[int, bytes]:
        """The place of the message that stands for a version."""
        count = self._told.get(key)
        if count is not None:
            return _place(count)
        return _FORGOTTEN if _named(key) in self._gone else _UNTOLD

    def _forget(self, policy: Policy) -> None:
        """Keep what is compared with, also by those that may be judged again. Of the messages that only tell that more
        is known the last are enough: of a dataset that has but one version, ever more of them come.
        """
        stand = [index for index, count in enumerate(self.counts) if count.stands]
        keep = max(_reach(policy), policy.again_counts) + policy.again_counts
        first = stand[-keep] if len(stand) > keep else 0
        last = max(first, len(self.counts) - 2 * policy.again_counts)
        for count in self.counts[:first]:
            if count.stands and self._told.pop(count.key, None) is not None:
                self._gone.add(_named(count.key))
        self.counts[:last] = [count for count in self.counts[first:last] if count.stands]

    def accept(self, since: int | None) -> None:
        """What came since is the new normal; without a time, since the first alarm of the last ones."""
        if since is None:
            alarmed = [count.event_time for count in self.counts[-14:] if count.alarmed]
            if not alarmed:
                return
            since = alarmed[0]
        self.counts = [count for count in self.counts if count.event_time >= since]
        for count in self.counts:
            count.alarmed, count.subject = False, None  # what was said before a decision stands


def judge(counts: Sequence[Count], index: int, policy: Policy) -> Verdict:
    """The verdict on the rows of one of them, by those before it; alarmed ones are never compared with."""
    count = counts[index]
    event_time, rows, subject = count.event_time, count.rows, count.subject
    assert subject is not None  # noqa: S101  # the caller leaves those out
    end = bisect_left(counts, event_time, key=_time)
    stand = [known for known in counts[:end] if known.stands]
    before = [known for known in stand[-_reach(policy) :] if not known.alarmed]
    near = counts[max(0, end - policy.again_counts) : end]
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
    count.alarmed = outcome == "alarm"
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
        based_on=[count.based_on],
        judged=digest("volume", subject.namespace, subject.name, count.key[0], *count.key[1]),
        known=known_from(event_time, count.based_on, [known.event_time for known in near]),
        evidence={"rows": json.dumps({"now": rows, "before": [c.rows for c in compared]})},
    )


def _reach(policy: Policy) -> int:
    """How many versions before it one is compared with, at most."""
    return policy.rolling + 7 * policy.season


def _time(count: Count) -> int:
    return count.event_time


def _named(key: Key) -> bytes:
    version, slices = key
    return digest(version, *slices)


def _place(count: Count) -> tuple[int, bytes]:
    return count.event_time, count.based_on
