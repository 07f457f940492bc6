"""What a check judges, in the order of event time: one that comes late makes those behind it judged again.

So what stands is a function of the events, not of their order, as long as no more than are judged again lie behind one
that is late. A check that is silent while all is well says that it is for a while after an alarm, and wherever it said
something else of the same thing before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, NamedTuple, TypeVar

from headwater.detection.gates import Outcome
from headwater.detection.verdicts import Subject, Verdict, known_from

What = TypeVar("What")
Place = tuple[int, bytes]
_NEVER: Final[Place] = (2**63 - 1, b"\xff" * 17)


class Judged(NamedTuple):
    """What a check says of one thing."""

    outcome: Outcome
    #: Makes the verdict: most are not told.
    verdict: Callable[[], Verdict]
    #: Whether it is told in any case, whatever the outcome.
    told: bool = False
    #: Something that those behind it must know.
    found: bool = False


@dataclass(slots=True)
class Point(Generic[What]):
    """One thing that is judged, as one message tells it."""

    event_time: int
    event_id: bytes
    what: What
    #: What is told of it; None where it is not judged again any more.
    subject: Subject | None
    #: None: not judged so far.
    outcome: Outcome | None = None
    found: bool = False
    #: How many `ok` behind it are still told.
    left: int = 0
    #: A digest of what was said of it; None where that was nothing.
    said: bytes | None = None
    #: How often it was judged; once, whatever came late, where all that was being fed again.
    times: int = 0
    #: Whether it is the message that tells of the thing; the others only tell that more is known.
    stands: bool = True

    @property
    def place(self) -> Place:
        """Those of one time in the order of their ids."""
        return self.event_time, self.event_id

    @property
    def told_of(self) -> Subject:
        """What is told of one that is judged."""
        assert self.subject is not None  # noqa: S101  # the others are not judged
        return self.subject


@dataclass(slots=True)
class Ordered(Generic[What]):
    """The things, and which of them are to be judged. Each message is taken once."""

    points: list[Point[What]] = field(default_factory=list[Point[What]])
    #: The first that was not judged so far, and the first that makes those behind it judged again.
    _new: Place = _NEVER
    _late: Place = _NEVER

    def take(self, point: Point[What], again: int) -> bool:
        """Remember one; whether it was not known. `again`: so many behind it at most are judged again."""
        index = bisect_left(self.points, point.place, key=by_place)
        if index < len(self.points) and self.points[index].place == point.place:
            return False
        self.points.insert(index, point)
        self._new = min(self._new, point.place)
        if len(self.points) - index - 1 <= again:
            self._late = min(self._late, point.place)
        return True

    def ask_again(self, point: Point[What]) -> None:
        """Judge one anew, where that is still done: more is known about it by itself."""
        if point.subject is not None:
            point.outcome = None
            self._new, self._late = min(self._new, point.place), min(self._late, point.place)

    def due(
        self,
        judge: Callable[[Sequence[Point[What]], int], Judged],
        about: Callable[[Point[What]], bytes],
        *,
        again: int,
        keep: int,
        oks: int = 0,
        aloud: bool = False,
        replaying: bool = False,
        known: Callable[[Sequence[Point[What]], int], str] | None = None,
        gone: Callable[[Sequence[Point[What]]], None] | None = None,
    ) -> list[Verdict]:
        """What is said of those that are new, and of those behind one that came late, the oldest first.

        `judge` is given all of them and the place of one: it looks at those before it. `about` names the thing.
        `keep`: so many before one, at most, are looked at. `oks`: so many `ok` are told after an alarm. `aloud`: all is
        said, also what is silent else. `replaying`: it is fed again, which counts as judged once. `known`: how much is
        known of one, where that is not what lies before it. `gone` is given those that are forgotten.
        """
        found: list[Verdict] = []
        if self._new == _NEVER:
            return found
        goes_on = True
        for index in range(bisect_left(self.points, min(self._new, self._late), key=by_place), len(self.points)):
            point = self.points[index]
            before = self.points[index - 1].left if index else 0
            if not point.stands:
                point.left = before
                continue
            if point.outcome is not None:
                if point.place <= self._late:
                    continue
                # Not beyond one that is not judged again: such as one dated years ahead, behind which all come late.
                goes_on = goes_on and point.subject is not None and point.times <= again
                if not goes_on:
                    continue
            judged = judge(self.points, index)
            point.outcome, point.found = judged.outcome, judged.found
            # chunks of what is fed again are cut anyhow: how often it is judged there says nothing of how it came
            point.times = 1 if replaying else point.times + 1
            point.left = _left(before, judged.outcome, oks)
            told = judged.told or judged.outcome in {"alarm", "warn"} or (judged.outcome == "ok" and point.left > 0)
            if not (told or aloud or point.said is not None):
                continue
            verdict = judged.verdict()
            content = verdict.content
            if aloud or content != point.said:
                much = self._known(index, again) if known is None else known(self.points, index)
                found.append(replace(verdict, judged=about(point), known=much))
            point.said = content if told else None
        self._new = self._late = _NEVER
        for point in self.points[:-again]:
            point.subject = None
        if gone is not None and len(self.points) > keep + again:
            gone(self.points[: -keep - again])
        del self.points[: -keep - again]
        return found

    def _known(self, index: int, again: int) -> str:
        """What lies before one, as far as something that comes late there makes it judged again."""
        before = [one.event_time for one in self.points[max(0, index - again) : index]]
        return known_from(*self.points[index].place, before)


def _left(before: int, outcome: Outcome, oks: int) -> int:
    """How many `ok` are told from one on, itself included."""
    if outcome == "alarm":
        return oks + 1
    return max(0, before - 1) if outcome == "ok" else before


def by_place(point: Point[What]) -> Place:
    """For bisecting."""
    return point.place


def earlier(points: Sequence[Point[What]], index: int) -> int:
    """How many are of an earlier time than one."""
    return bisect_left(points, points[index].event_time, key=_time)


def _time(point: Point[What]) -> int:
    return point.event_time
