"""An alert as your code gets it. Times are UTC, ids are UUIDs."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from headwater.schemas import times


@dataclass(frozen=True, slots=True)
class Owner:
    """Who to tell, and in which role they own it."""

    name: str
    type: str | None


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """A dataset version."""

    namespace: str
    name: str
    version: str | None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" + (f"@{self.version}" if self.version else "")


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of the check and what it was held against."""

    name: str
    value: float
    threshold: float | None
    passed: bool | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """A candidate for the root of an incident; `path` leads from it to what was alarmed."""

    kind: str
    dataset: DatasetRef
    column: str | None
    job_namespace: str
    job_name: str
    run_id: uuid.UUID | None
    score: float
    explanation: str
    path: tuple[DatasetRef, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """Something downstream of the root. `predictions`: made since the onset, where it is a stream."""

    dataset: DatasetRef
    kind: str
    hops: int
    predictions: int | None
    owners: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One state of an incident."""

    event_id: uuid.UUID
    event_time: datetime
    incident_id: uuid.UUID
    #: opened, updated, acknowledged or resolved.
    state: str
    #: Which state of the incident this is, from 1.
    number: int
    #: Whether somebody should be woken.
    page: bool
    #: 0 to 1: the largest effect in it.
    severity: float
    title: str
    explanation: str
    check: str
    #: What was alarmed first at the root; both names are empty where it is about a job.
    dataset: DatasetRef
    column: str | None
    job_namespace: str
    job_name: str
    rule: str | None
    run_id: uuid.UUID | None
    onset: datetime | None
    last_seen: datetime | None
    root: Cause | None
    causes: tuple[Cause, ...]
    verdicts: tuple[uuid.UUID, ...]
    suppressed: tuple[uuid.UUID, ...]
    suppressed_by: uuid.UUID | None
    reaches: tuple[Reached, ...]
    truncated: bool
    truncated_because: str | None
    owners: tuple[Owner, ...]
    measures: tuple[Measure, ...]
    #: Samples of both sides and whatever else explains it, JSON by name.
    evidence: Mapping[str, str]
    #: What to type next.
    command: str | None
    sql: str | None

    @property
    def predictions(self) -> int:
        """Predictions of all reached streams together."""
        return sum(item.predictions or 0 for item in self.reaches)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values: times ISO 8601 with Z, UUIDs as text, evidence unpacked."""
        plain = cast("dict[str, Any]", _plain(self))
        plain["evidence"] = {name: _unpacked(text) for name, text in self.evidence.items()}
        return plain


def alert_of(record: Mapping[str, Any]) -> Alert:
    """An alert from a decoded message of `lineage.alerts`."""
    return Alert(
        event_id=uuid.UUID(bytes=record["event_id"]),
        event_time=times.nearest(record["event_time"]),
        incident_id=uuid.UUID(bytes=record["incident_id"]),
        state=record["state"],
        number=record["number"],
        page=record["page"],
        severity=record["severity"],
        title=record["title"],
        explanation=record["explanation"],
        check=record["check"],
        dataset=_ref(record),
        column=record["column"],
        job_namespace=record["job_namespace"],
        job_name=record["job_name"],
        rule=record["rule"],
        run_id=_id(record["run_id"]),
        onset=_moment_or_none(record["onset"]),
        last_seen=_moment_or_none(record["last_seen"]),
        root=_cause(record["root"]) if record["root"] is not None else None,
        causes=tuple(_cause(cause) for cause in record["causes"]),
        verdicts=tuple(uuid.UUID(bytes=item) for item in record["verdicts"]),
        suppressed=tuple(uuid.UUID(bytes=item) for item in record["suppressed"]),
        suppressed_by=_id(record["suppressed_by"]),
        reaches=tuple(
            Reached(_ref(item), item["kind"], item["hops"], item["predictions"], _owners(item["owners"]))
            for item in record["reaches"]
        ),
        truncated=record["truncated"],
        truncated_because=record["truncated_because"],
        owners=_owners(record["owners"]),
        measures=tuple(
            Measure(item["name"], item["value"], item["threshold"], item["passed"], item["comment"])
            for item in record["measures"]
        ),
        evidence=dict(record["evidence"]),
        command=record["command"],
        sql=record["sql"],
    )


def alert_from(plain: Mapping[str, Any]) -> Alert:
    """An alert from what `as_dict` made of it. Raises KeyError, TypeError or ValueError where it is none."""
    record: dict[str, Any] = {
        **plain,
        **{name: uuid.UUID(plain[name]).bytes for name in ("event_id", "incident_id")},
        **{name: _bytes(plain[name]) for name in ("run_id", "suppressed_by")},
        **{name: [uuid.UUID(item).bytes for item in plain[name]] for name in ("verdicts", "suppressed")},
        **{name: _microseconds(plain[name]) for name in ("event_time", "onset", "last_seen")},
        **plain["dataset"],
        "root": _cause_from(plain["root"]) if plain["root"] is not None else None,
        "causes": [_cause_from(cause) for cause in plain["causes"]],
        "reaches": [{**item, **item["dataset"]} for item in plain["reaches"]],
        "measures": [{**item, "value": float(item["value"])} for item in plain["measures"]],
        "evidence": {name: json.dumps(value) for name, value in plain["evidence"].items()},
    }
    return alert_of(record)


def _cause_from(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {**plain, **plain["dataset"], "run_id": _bytes(plain["run_id"]), "score": float(plain["score"])}


def _bytes(text: str | None) -> bytes | None:
    return uuid.UUID(text).bytes if text is not None else None


def _microseconds(text: str | None) -> int | None:
    return None if text is None else times.micros(datetime.fromisoformat(text))


def _cause(record: Mapping[str, Any]) -> Cause:
    return Cause(
        kind=record["kind"],
        dataset=_ref(record),
        column=record["column"],
        job_namespace=record["job_namespace"],
        job_name=record["job_name"],
        run_id=_id(record["run_id"]),
        score=record["score"],
        explanation=record["explanation"],
        path=tuple(_ref(item) for item in record["path"]),
    )


def _ref(record: Mapping[str, Any]) -> DatasetRef:
    return DatasetRef(record["namespace"], record["name"], record["version"])


def _owners(records: list[Mapping[str, Any]]) -> tuple[Owner, ...]:
    return tuple(Owner(item["name"], item["type"]) for item in records)


def _id(raw: bytes | None) -> uuid.UUID | None:
    return uuid.UUID(bytes=raw) if raw is not None else None


def _moment_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else times.nearest(microseconds)


def _plain(value: object) -> object:
    if isinstance(value, Alert | Cause | DatasetRef | Measure | Owner | Reached):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _unpacked(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
