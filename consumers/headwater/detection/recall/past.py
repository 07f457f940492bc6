"""The history's rows that stand on no topic any more, in slices that a store answers in a moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from headwater.audit import connect
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import HeadwaterError, StateError, Unavailable
from headwater.schemas import plain, records, topics
from headwater.schemas.records import Schema
from headwater.schemas.topics import Topic
from headwater.settings import Settings
from headwater.streams.step import Wanted

_log = logging.getLogger("headwater.detection")
T = TypeVar("T")

#: Rows of one answer, about: profiles of many columns take 50 KB each.
_ROWS = 2_000
#: How long one statement may take, seconds.
_SECONDS = 20
_HOUR = 3_600_000_000
#: A message's time on the broker is its sender's, whose clock may be ahead of the archive's by so much, µs.
CLOCKS_US = 60_000_000
_NEVER = 2**63 - 1


class Table(NamedTuple):
    """Where the messages of a topic are kept."""

    record: str
    topic: Topic
    name: str
    part: str = "toInt32(0)"


RUNS = Table("run_event", topics.RUNS, "run_events", "part")
PROFILES = Table("profile", topics.PROFILES, "profile_events", "part")
EDGES = Table("edge_set", topics.EDGES, "edge_set_events")
VERDICTS = Table("verdict", topics.VERDICTS, "verdict_events")
ALERTS = Table("alert", topics.ALERTS, "alert_events")
DECISIONS = Table("decision", topics.DECISIONS, "decision_events")
PREDICTIONS = Table("prediction", topics.PREDICTIONS, "prediction_events")


class Row(NamedTuple):
    """One message: when it arrived first (µs since 1970 UTC), in which life of a broker, and what it says."""

    arrival: int
    generation: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Where:
    """A condition on rows, with its parameters."""

    sql: str = "1"
    values: Mapping[str, object] = field(default_factory=dict[str, object])

    def __and__(self, other: Where) -> Where:
        return Where(f"{self.sql} AND {other.sql}", {**self.values, **other.values})


EVER = Where()
_ARRIVED = "toUnixTimestamp64Micro(arrival)"
_HOURS_SQL = """
SELECT intDiv({arrived}, {hour}) AS hour, count() AS rows FROM {table} WHERE {where} GROUP BY hour ORDER BY hour
"""
_ROWS_SQL = """
SELECT min({arrived}) AS at, argMin(kafka_generation, arrival) AS life, schema_fingerprint,
    hex(argMin(raw_body, arrival)) AS body
FROM {table} WHERE {where}
GROUP BY event_id, {part}, content_digest, schema_fingerprint
ORDER BY at, event_id, {part}
"""


class Past:
    """Questions to the history, of partitions that a step wants. For one thread."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        """Raises SettingsError where no history is configured, MissingExtra, Unavailable, StateError."""
        self.wanted = wanted
        self._settings = settings
        self._schemas: dict[int, Schema] = {}
        self._unknown = 0
        self._client: Client = wanted.ask(lambda: connect(settings, seconds=_SECONDS))

    def close(self) -> None:
        """Give the connection back, and tell of what could not be read."""
        self._client.close()
        if self._unknown:
            _log.warning("%d rows of the history have schemas that nobody knows and were left out", self._unknown)

    def gone(self, table: Table) -> Where:
        """Rows whose messages the topic holds no longer: of another life of the broker, from before where their
        partition begins, or from before its first message although their offsets are larger: the topic was made anew.
        """
        begins = {p: at for (topic, p), at in self.wanted.places.items() if topic == table.topic.name}
        if not begins:
            return EVER
        values = {
            "generation": self.wanted.generation,
            "begun": list(begins),
            "offsets": [at.offset for at in begins.values()],
            "times": [at.time - CLOCKS_US for at in begins.values()],
        }
        offset, time = (
            f"transform(kafka_partition, {{begun:Array(Int32)}}, {{{name}:Array(Int64)}}, toInt64({_NEVER}))"
            for name in ("offsets", "times")
        )
        there = f"kafka_generation = {{generation:String}} AND kafka_offset >= {offset} AND {_ARRIVED} >= {time}"
        return Where(f"NOT ({there})", values)

    def newest(self, table: Table) -> int | None:
        """When the newest row arrived, µs; None where there is none."""
        [row] = self.select(f"SELECT count() AS rows, max({_ARRIVED}) AS at FROM {table.name}")
        return int(row["at"]) if row["rows"] else None

    def slices(self, table: Table, where: Where, since: int, most: int | None = None) -> Iterator[Where]:
        """What arrived from `since` on, cut by arrival so that a slice has few rows; where there are more than `most`
        rows, about so many of the newest.
        """
        where &= _from(since)
        sql = _HOURS_SQL.format(arrived=_ARRIVED, hour=_HOUR, table=table.name, where=where.sql)
        counted = [(int(row["hour"]), int(row["rows"])) for row in self.select(sql, where.values)]
        if most is not None:
            while len(counted) > 1 and sum(rows for _, rows in counted[1:]) >= most:
                del counted[0]
        begin, gathered = None, 0
        for hour, rows in counted:
            if begin is not None and gathered + rows > _ROWS:
                yield where & _between(begin, hour * _HOUR)
                begin, gathered = None, 0
            if rows > _ROWS:
                pieces = -(-rows // _ROWS)
                cuts = [hour * _HOUR + _HOUR * n // pieces for n in range(pieces + 1)]
                for cut in range(pieces):
                    yield where & _between(cuts[cut], cuts[cut + 1])
                continue
            begin = hour * _HOUR if begin is None else begin
            gathered += rows
        if begin is not None:
            yield where & _between(begin, (counted[-1][0] + 1) * _HOUR)

    def rows(self, table: Table, where: Where) -> list[Row]:
        """The messages that meet a condition, each once, in the order of their arrival."""
        sql = _ROWS_SQL.format(arrived=_ARRIVED, table=table.name, where=where.sql, part=table.part)
        reader = records.current(table.record)
        found: list[Row] = []
        for row in self.select(sql, where.values):
            schema = self._schema(int(row["schema_fingerprint"]))
            if schema is None:
                self._unknown += 1
                continue
            record = plain.decode(schema, bytes.fromhex(row["body"]), None if schema == reader else reader)
            found.append(Row(int(row["at"]), str(row["life"]), record))
        return found

    def select(self, sql: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows of a statement; asked again while the store does not answer. Raises Unavailable, StateError."""
        return self.wanted.ask(lambda: answered(lambda: select(self._client, sql, dict(values or {}))))

    def _schema(self, fingerprint: int) -> Schema | None:
        if not self._schemas:
            for row in self.select("SELECT fingerprint, any(text) AS text FROM schemas GROUP BY fingerprint"):
                self._schemas[int(row["fingerprint"])] = records.parse(row["text"])
        return self._schemas.get(fingerprint)


def answered(question: Callable[[], list[T]]) -> list[T]:
    """The answer. Raises StateError where this user may not read it, Unavailable for whatever else the store says."""
    try:
        return question()
    except HeadwaterError:
        raise
    except Exception as error:
        from clickhouse_connect.driver import exceptions  # noqa: PLC0415 — so that the package imports without the extra

        if not isinstance(error, exceptions.Error):
            raise
        said = str(error).splitlines()[0][:300]
        raise (StateError if "Code: 497." in said else Unavailable)(f"the store does not answer: {said}") from error


def _from(since: int) -> Where:
    return Where("arrival >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')", {"since": since})


def _between(since: int, until: int) -> Where:
    return Where(
        "arrival >= fromUnixTimestamp64Micro({begin:Int64}, 'UTC') "
        "AND arrival < fromUnixTimestamp64Micro({end:Int64}, 'UTC')",
        {"begin": since, "end": until},
    )
