"""Each check of each thing through time: when it was last alarmed, and since when it is well again."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

#: Checks of a profile's columns; a verdict of theirs without a column speaks for the whole profile.
OF_COLUMNS = frozenset({"drift", "nulls", "values"})
#: Checks of a job.
OF_JOBS = frozenset({"run", "stuck"})
#: Checks of what a version is as a whole, which everything made from it inherits.
OF_VERSIONS = frozenset({"volume", "freshness", "duplication"})


class Key(NamedTuple):
    """One check of one thing: a column of a dataset, a dataset, or a job."""

    check: str
    namespace: str
    name: str
    column: str | None
    #: Tells checks of one kind on one thing apart: a profile's role, a metric's name, a failing job.
    detail: str = ""


_WORSE = ("insufficient", "ok", "warn", "alarm")


class Point(NamedTuple):
    """What the check said of one event time."""

    event_time: int
    outcome: str
    event_id: bytes


class Timelines:
    """The outcomes of all checks, each in the order of event time, each verdict once."""

    def __init__(self, keep: int = 40) -> None:
        self._keep = keep
        self._points: dict[Key, list[Point]] = {}

    def add(self, key: Key, point: Point) -> None:
        """Remember an outcome; of several of one event time the worst stands."""
        points = self._points.setdefault(key, [])
        index = bisect_left(points, point.event_time, key=_time)
        if index < len(points) and points[index].event_time == point.event_time:
            points[index] = max(points[index], point, key=lambda known: _WORSE.index(known.outcome))
            return
        points.insert(index, point)
        del points[: -self._keep]

    def remove(self, key: Key, event_time: int) -> None:
        """Forget what was said of an event time."""
        points = self._points.get(key, [])
        index = bisect_left(points, event_time, key=_time)
        if index < len(points) and points[index].event_time == event_time:
            del points[index]

    def last_alarm(self, key: Key, since: int, until: int) -> int | None:
        """When it was alarmed last between two event times, both included."""
        points = self._points.get(key, [])
        return max(
            (p.event_time for p in points if since <= p.event_time <= until and p.outcome == "alarm"), default=None
        )

    def recovered(self, key: Key, after: int, times: int) -> int | None:
        """When the check had been well so many times in a row, after `after`; None where it was not yet."""
        points = self._points.get(key, [])
        streak = 0
        for point in points[bisect_right(points, after, key=_time) :]:
            streak = streak + 1 if point.outcome == "ok" else streak if point.outcome == "insufficient" else 0
            if streak >= times:
                return point.event_time
        return None

    def newest(self, key: Key) -> int | None:
        """The last event time that it said anything of."""
        points = self._points.get(key)
        return points[-1].event_time if points else None


def points_of(verdict: Mapping[str, Any]) -> Iterator[tuple[Key, Point]]:
    """What a verdict says of which checks: a dataset's verdict on a profile speaks for each of its columns."""
    namespace, name, time, event_id = verdict["namespace"], verdict["name"], verdict["event_time"], verdict["event_id"]
    key = key_of(verdict)
    if key is not None:
        yield key, Point(time, verdict["outcome"], event_id)
        return
    role = json.loads(verdict["evidence"].get("role", '""'))
    for column, checks in json.loads(verdict["evidence"].get("columns", "{}")).items():
        for check, (_, _, outcome) in checks.items():
            yield Key(check, namespace, name, column, role), Point(time, outcome, event_id)


def key_of(verdict: Mapping[str, Any]) -> Key | None:
    """The check that a verdict belongs to; None for a dataset's verdict on a whole profile."""
    check, evidence = verdict["check"], verdict["evidence"]
    if check in OF_COLUMNS:
        if verdict["column"] is None:
            return None
        detail = json.loads(evidence.get("role", '""'))
    elif check == "metric":
        metric = json.loads(evidence.get("metric", "{}"))
        detail = f"{metric.get('name')}/{metric.get('split') or ''}"
    elif check in {"duplication", "upstream"}:
        detail = json.loads(evidence.get("kind", '""'))
    elif check in OF_JOBS:
        detail = f"{verdict['job_namespace']}\n{verdict['job_name']}"
    else:
        detail = verdict["rule"] or ""
    return Key(check, verdict["namespace"], verdict["name"], verdict["column"], detail)


def _time(point: Point) -> int:
    return point.event_time
