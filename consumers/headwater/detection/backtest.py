"""The history through the detector again: what it would have raised, with other rules or thresholds."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.pinned import profiles
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.rules.model import Rules
from headwater.detection.uses import uses
from headwater.detection.verdicts import Verdict
from headwater.schemas import plain, records, times

Kind = Literal["run_event", "profile", "edge_set", "decision"]
#: Of what happened at one time, decisions and edges are known before profiles, as the workers have them.
_TABLES: tuple[tuple[Kind, str], ...] = (
    ("decision", "decision_events"),
    ("run_event", "run_events"),
    ("edge_set", "edge_set_events"),
    ("profile", "profile_events"),
)
#: Rows of one question to the store.
_PAGE = 2_000
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_WINDOW = """event_time >= fromUnixTimestamp64Micro({{since:Int64}}, 'UTC')
        AND event_time < fromUnixTimestamp64Micro({{until:Int64}}, 'UTC')"""
_HOURS_SQL = f"""
SELECT intDiv(toUnixTimestamp64Micro(event_time), {_HOUR}) AS hour, count() AS rows
FROM {{table}} WHERE {_WINDOW} GROUP BY hour ORDER BY hour
"""
_PAGE_SQL = f"""
SELECT at, id, number, digest, schema_fingerprint, hex(any(raw_body)) AS body
FROM (
    SELECT toUnixTimestamp64Micro(event_time) AS at, toString(event_id) AS id, toInt32({{part}}) AS number,
        hex(content_digest) AS digest, schema_fingerprint, raw_body
    FROM {{table}}
    WHERE {_WINDOW}
)
WHERE (at, id, number, digest) > ({{{{at:Int64}}}}, {{{{id:String}}}}, {{{{number:Int32}}}}, {{{{digest:String}}}})
GROUP BY at, id, number, digest, schema_fingerprint
ORDER BY at, id, number, digest LIMIT {{{{most:UInt32}}}}
"""


@dataclass
class Raised:
    """What a replay raised, by incident: its newest message; and how much went through."""

    incidents: dict[bytes, dict[str, Any]] = field(default_factory=dict[bytes, dict[str, Any]])
    pages: int = 0
    read: dict[str, int] = field(default_factory=dict[str, int])
    verdicts: int = 0
    #: Messages of schemas that this version does not know.
    unreadable: int = 0


@dataclass
class Replay:
    """The detector with a clock of its own, fed with records of the history in the order of event time."""

    policy: Policy
    rules: Rules
    #: What is told of event times before it only warms the baselines up.
    since: int
    raised: Raised = field(default_factory=Raised)

    def __post_init__(self) -> None:
        self._checker = Checker(self.policy, self.rules)
        self._book = Book(self.policy, "headwater", self.rules)
        self._now = 0
        self._told: dict[bytes, dict[str, Any]] = {}

    def pin(self, parts: Iterable[Mapping[str, Any]]) -> None:
        """Profiles of the versions that the rules pin, whenever these were written."""
        for part in parts:
            self._checker.pin(part)

    def feed(self, records_in_order: Iterable[tuple[int, Kind, Mapping[str, Any]]]) -> Raised:
        """All of them, and then time until everything has settled."""
        for at, kind, record in records_in_order:
            if at > self._now:
                self._settle(at)
            self.raised.read[kind] = self.raised.read.get(kind, 0) + 1
            self._take(kind, record)
        self._settle(self._now + 60 * _SECOND)
        for key, message in self._told.items():
            # one that began before and lasts says nothing new, and is seen all the same
            incident = self._book.incidents.get(key)
            seen = message["last_seen"] if incident is None else incident.last_seen
            if seen >= self.since:
                self.raised.incidents[key] = {**message, "last_seen": seen}
        return self.raised

    def _take(self, kind: Kind, record: Mapping[str, Any]) -> None:
        if kind == "profile":
            self._judged(self._checker.profile(record))
            self._book.profile(record, self._now)
        elif kind == "edge_set":
            self._book.edges(record)
        elif kind == "decision":
            self._checker.decision(record)
            self._book.decision(record)
        else:
            for use in uses(record):
                told = {**use, "emit_time": use["event_time"]}
                self._book.use(told, self._now)
                self._judged(self._checker.use(told))

    def _settle(self, until: int) -> None:
        """Let time pass: at once where much lies between two events, as nothing happens there but what is overdue."""
        if not self._now:
            self._now = until
        if until - self._now < _SECOND:
            return
        for after in (3, 12, 25):
            if (at := self._now + after * _SECOND) < until:
                self._tell(at)
        self._judged(self._checker.overdue(until))
        self._now = until
        self._tell(until)

    def _tell(self, at: int) -> None:
        self._judged(self._book.judged(at))
        for message in self._book.tick(at):
            self._told[message["incident_id"]] = message
            self.raised.pages += message["page"] and message["last_seen"] >= self.since

    def _judged(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self.raised.verdicts += 1
            self._book.verdict(verdict.fields(), self._now)


def backtest(client: Client, since: datetime, until: datetime, rules: Rules, policy: Policy | None = None) -> Raised:
    """What the detector would have told of `since` to `until`, both UTC; 90 days before warm its baselines up.

    Raises Unavailable where the store does not answer.
    """
    policy = policy or Policy()
    first = times.micros(since) - max(90 * DAY_US, rules.looks_back_us)
    replay = Replay(policy, rules, times.micros(since))
    replay.pin(profiles(client, rules))
    streams = [read(client, kind, table, first, times.micros(until), replay.raised) for kind, table in _TABLES]
    return replay.feed(heapq.merge(*streams, key=lambda item: item[0]))


def read(
    client: Client, kind: Kind, table: str, since: int, until: int, raised: Raised
) -> Iterator[tuple[int, Kind, Mapping[str, Any]]]:
    """The messages of one kind from `since` to before `until` (µs since 1970 UTC) by event time, each once."""
    sql = _PAGE_SQL.format(part="part" if kind in {"run_event", "profile"} else "0", table=table)
    schemas = {schema.fingerprint: schema for schema in records.released(kind)}
    for begin, end in _slices(client, table, since, until):
        place: dict[str, Any] = {"at": begin, "id": "", "number": 0, "digest": ""}
        rows: list[dict[str, Any]] | None = None
        while rows is None or len(rows) == _PAGE:
            # the next page begins at the time of the last one's end
            rows = select(client, sql, {"since": place["at"], "until": end, "most": _PAGE, **place})
            for row in rows:
                schema = schemas.get(int(row["schema_fingerprint"]))
                if schema is None:
                    raised.unreadable += 1
                    continue
                yield int(row["at"]), kind, plain.decode(schema, bytes.fromhex(row["body"]), records.current(kind))
            place = {name: rows[-1][name] for name in place} if rows else place


def _slices(client: Client, table: str, since: int, until: int) -> Iterator[tuple[int, int]]:
    """From `since` to `until` in pieces of about a page: a page is put in order without all that lies behind it."""
    begin, gathered = since, 0
    hours = select(client, _HOURS_SQL.format(table=table), {"since": since, "until": until})
    for row in hours:
        gathered += int(row["rows"])
        end = (int(row["hour"]) + 1) * _HOUR
        if gathered >= _PAGE and begin < end < until:
            yield begin, end
            begin, gathered = end, 0
    if hours:
        yield begin, until


def told(raised: Raised) -> list[str]:
    """Lines for a terminal: each incident, then the sum."""
    lines: list[str] = []
    for message in sorted(raised.incidents.values(), key=lambda one: (one["onset"], one["incident_id"])):
        since, last = times.nearest(message["onset"]), times.nearest(message["last_seen"])
        ended = "" if message["state"] == "resolved" else ", not over"
        lines.append(f"{since:%Y-%m-%d} to {last:%Y-%m-%d}{ended}  {message['severity']:.2f}  {message['title']}")
        lines.append(f"    {message['explanation']}")
    read = ", ".join(f"{count:,} {kind.replace('_', ' ')}s" for kind, count in raised.read.items())
    lines.append(f"{len(raised.incidents)} incidents, {raised.pages} pages, of {read or 'nothing'}")
    if raised.unreadable:
        lines.append(f"{raised.unreadable} messages have schemas that this version does not know and were left out")
    return lines


def as_json(raised: Raised) -> str:
    """The same for programs."""
    incidents = [
        {
            "incident_id": message["incident_id"].hex(),
            **{key: message[key] for key in ("title", "explanation", "severity", "state", "check", "rule")},
            "onset": times.nearest(message["onset"]).isoformat(),
            "last_seen": times.nearest(message["last_seen"]).isoformat(),
        }
        for message in raised.incidents.values()
    ]
    return json.dumps({"incidents": incidents, "pages": raised.pages, "read": raised.read}, indent=2)
