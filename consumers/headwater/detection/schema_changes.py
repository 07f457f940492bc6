"""How a dataset's columns changed from one write to the next: breaking, risky or compatible."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

from headwater.detection.gates import Gate, Outcome
from headwater.detection.ids import digest
from headwater.detection.ordered import Judged, Ordered, Point, by_place, earlier
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict

Level = Literal["compatible", "risky", "breaking"]
_LEVELS: tuple[Level, ...] = ("compatible", "risky", "breaking")
_OUTCOMES: Mapping[Level, Outcome] = {"breaking": "alarm", "risky": "warn", "compatible": "ok"}
#: Families whose members hold ever more, so that a later one can hold what an earlier one held.
_FAMILIES = (
    ("tinyint", "int8", "smallint", "int16", "integer", "int", "int32", "bigint", "long", "int64"),
    ("uint8", "uint16", "uint32", "uint64"),
    ("float16", "half", "float32", "float", "real", "double", "float64"),
    ("char", "varchar", "string", "text", "utf8", "large_utf8"),
    ("date", "date32", "datetime", "timestamp"),
)


class ColumnSchema(NamedTuple):
    """A column as its writer declares it."""

    type: str | None
    nullable: bool | None


class Change(NamedTuple):
    """What happened to one column."""

    column: str
    what: str
    level: Level


Columns = dict[str, ColumnSchema]
#: Writes of a dataset whose columns are kept, to judge them again.
_KEPT = 32


@dataclass(slots=True)
class Schemas:
    """The declared columns of a dataset's last writes, by event time: each is compared with the one before it, so that
    a write dated years ahead does not hide what comes after it.
    """

    writes: Ordered[Columns] = field(default_factory=Ordered[Columns])


def columns_of(declared: Sequence[Mapping[str, Any]]) -> dict[str, ColumnSchema]:
    """The columns of a use."""
    return {column["name"]: ColumnSchema(column["type"], column["nullable"]) for column in declared}


def take(subject: Subject, declared: Columns, known: Schemas, based_on: bytes) -> None:
    """Remember a write that declares its columns; each message is taken once."""
    if not declared:
        return
    points = known.writes.points
    index = bisect_left(points, (subject.event_time, based_on), key=by_place)
    for near in points[max(0, index - 1) : index + 1]:
        if near.what == declared:
            declared = near.what  # held once, however many writes keep to it
    known.writes.take(Point(subject.event_time, based_on, declared, subject), _KEPT)


def due(known: Schemas, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
    """What is said of writes that are new, and of the one behind one that came late: nothing where nothing changed."""
    return known.writes.due(
        _judge,
        lambda point: digest("schema", point.event_id),
        again=_KEPT,
        keep=1,
        aloud=aloud,
        replaying=replaying,
        known=_known,
    )


def _before(writes: Sequence[Point[Columns]], index: int) -> Point[Columns] | None:
    """The last write from before."""
    end = earlier(writes, index)
    return writes[end - 1] if end else None


def _known(writes: Sequence[Point[Columns]], index: int) -> str:
    """It is held against one write alone: the later that is, the more is known."""
    before = _before(writes, index)
    return f"{before.event_time + 2**63:016x}{before.event_id.hex()}" if before is not None else ""


def _judge(writes: Sequence[Point[Columns]], index: int) -> Judged:
    """A write's columns against those of the last write from before."""
    point = writes[index]
    before = _before(writes, index)
    if before is None or before.what == point.what:
        return Judged("ok", partial(_verdict, point, [], "compatible"))
    changes = compare(before.what, point.what)
    said = {change.level for change in changes}
    level: Level = "compatible"
    for worse in _LEVELS:
        level = worse if worse in said else level
    return Judged(_OUTCOMES[level], partial(_verdict, point, changes, level), told=True)


def _verdict(point: Point[Columns], changes: Sequence[Change], level: Level) -> Verdict:
    subject, outcome = point.told_of, _OUTCOMES[level]
    what = "; ".join(f"{change.column} {change.what}" for change in changes) or "no column changed"
    return Verdict(
        check="schema",
        outcome=outcome,
        subject=subject,
        explanation=f"{dataset(subject.namespace, subject.name)} of {day(subject.event_time)}: {what} ({level})",
        severity={"breaking": 0.9, "risky": 0.4, "compatible": 0.0}[level],
        onset=subject.event_time if outcome == "alarm" else None,
        score=float(_LEVELS.index(level)),
        gates=[Gate("changes", len(changes), 1, passed=True, comment=level)],
        based_on=[point.event_id],
        evidence={"changes": json.dumps([change._asdict() for change in changes])},
    )


def compare(before: Mapping[str, ColumnSchema], now: Mapping[str, ColumnSchema]) -> list[Change]:
    """Each column's change, in the order of the columns before, then the added ones.

    One column removed and one added of the same type look like a rename: risky by itself, told as both.
    """
    removed = [name for name in before if name not in now]
    added = [name for name in now if name not in before]
    changes: list[Change] = []
    for name, old in before.items():
        if name in now:
            changes.extend(_changed(name, old, now[name]))
        else:
            twin = [other for other in added if now[other].type == old.type]
            renamed = f", perhaps renamed to {twin[0]}" if len(removed) == len(added) == 1 and twin else ""
            changes.append(Change(name, f"was removed{renamed}", "breaking"))
    for name in added:
        level: Level = "risky" if now[name].nullable is False else "compatible"
        changes.append(Change(name, "was added" + (" and must not be null" if level == "risky" else ""), level))
    return changes


def _changed(name: str, old: ColumnSchema, new: ColumnSchema) -> list[Change]:
    changes: list[Change] = []
    if old.type != new.type and old.type is not None and new.type is not None:
        wider = _is_wider(old.type, new.type)
        level: Level = "risky" if wider else "breaking"
        word = "widened" if wider else "changed"
        changes.append(Change(name, f"{word} from {old.type} to {new.type}", level))
    if old.nullable is False and new.nullable is True:
        changes.append(Change(name, "may be null now", "breaking"))
    elif old.nullable is True and new.nullable is False:
        changes.append(Change(name, "must not be null now", "compatible"))
    return changes


def _is_wider(old: str, new: str) -> bool:
    first, second = (re.sub(r"\(.*\)$", "", text.strip().lower()) for text in (old, new))
    return any(
        first in family and second in family and family.index(first) <= family.index(second) for family in _FAMILIES
    )
