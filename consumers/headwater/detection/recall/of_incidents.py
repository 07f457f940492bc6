"""What incidents are judged by, from the history: decisions, alerts, uses, edges, predictions, profiles, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.predictions import HOUR_US
from headwater.detection.recall import used
from headwater.detection.recall.past import (
    ALERTS,
    DECISIONS,
    EDGES,
    EVER,
    PREDICTIONS,
    PROFILES,
    RUNS,
    VERDICTS,
    Past,
    Table,
    Where,
)
from headwater.schemas import topics
from headwater.settings import Settings
from headwater.streams.step import Piece, Wanted

#: Parts of profiles that are asked for, the newest: those of 2,000 profiles are kept, to tell skew by.
_MOST_PROFILES = 10_000
#: Incidents that are not over, whatever their age, and those of which something was said since.
_STANDING = """incident_id IN (
    SELECT incident_id FROM alert_events GROUP BY incident_id
    HAVING argMax(state, (number, toUnixTimestamp64Micro(arrival))) != 'resolved'
        OR max(toUnixTimestamp64Micro(arrival)) >= {recent:Int64}
)"""
_COUNTS_SQL = """
SELECT stream_namespace, stream_name, run_id, model_namespace, model_name, model_version,
    intDiv(toUnixTimestamp64Micro(event_time), {hour_us}) AS hour,
    uniqExact(event_id) AS count
FROM prediction_events WHERE {where}
GROUP BY stream_namespace, stream_name, run_id, model_namespace, model_name, model_version, hour
"""


class Counted(NamedTuple):
    """So many predictions of a stream by one run and model version, in the hour that begins at `since` (µs since 1970
    UTC).
    """

    stream: tuple[str, str]
    run_id: bytes | None
    since: int
    number: int
    model: Node


class Takes(Protocol):
    """What takes records in: the topic that they are of, and the records."""

    def __call__(self, topic: str, told: list[dict[str, Any]]) -> None: ...


def pieces(
    settings: Settings,
    wanted: Wanted,
    lookback_us: int,
    take: Takes,
    count: Callable[[list[Counted]], None],
    silent: Callable[[int], None],
) -> Iterator[Piece]:
    """All of it: decisions whole, messages of incidents that are not over whatever their age, the others as far back as
    the step looks, from their newest on. What was told comes before the verdicts that it was told of.

    `silent` is told when the newest use or verdict arrived, where offsets restart with the broker: nobody listened
    since.
    """
    past = Past(settings, wanted)
    since = {table: at - lookback_us for table in _TABLES if (at := past.newest(table)) is not None}
    try:
        yield from _of(past, DECISIONS, EVER, 0, take)
        recent = min((since[table] for table in (ALERTS, VERDICTS) if table in since), default=0)
        standing = past.gone(ALERTS) & Where(_STANDING, {"recent": recent})
        yield from _of(past, ALERTS, standing, 0, take)
        if RUNS in since:
            for where in past.slices(RUNS, used.unused(wanted), since[RUNS]):
                rows = past.rows(RUNS, where)
                uses = [use for row in rows for _, use in used.uses_of(row, wanted)]
                yield Piece(len(rows), partial(take, topics.USES.name, uses))
        if EDGES in since:
            yield from _of(past, EDGES, past.gone(EDGES), since[EDGES], take)
        if PREDICTIONS in since:
            counts = _counts(past, since[PREDICTIONS])
            yield Piece(len(counts), partial(count, counts))
        if PROFILES in since:
            yield from _of(past, PROFILES, past.gone(PROFILES), since[PROFILES], take, _MOST_PROFILES)
        if VERDICTS in since:
            yield from _of(past, VERDICTS, past.gone(VERDICTS), since[VERDICTS], take)
        newest = max((since[table] + lookback_us for table in (RUNS, VERDICTS) if table in since), default=None)
        if wanted.generation and newest is not None:
            yield Piece(0, partial(silent, newest))
    finally:
        past.close()


_TABLES = (ALERTS, RUNS, EDGES, PREDICTIONS, PROFILES, VERDICTS)


def _of(past: Past, table: Table, where: Where, since: int, take: Takes, most: int | None = None) -> Iterator[Piece]:
    for part in past.slices(table, where, since, most):
        told = [row.record for row in past.rows(table, part)]
        yield Piece(len(told), partial(take, table.topic.name, told))


def _counts(past: Past, since: int) -> list[Counted]:
    where = past.gone(PREDICTIONS) & Where("toUnixTimestamp64Micro(arrival) >= {since:Int64}", {"since": since})
    return [
        Counted(
            (str(row["stream_namespace"]), str(row["stream_name"])),
            row["run_id"].bytes if row["run_id"] is not None else None,
            int(row["hour"]) * HOUR_US,
            int(row["count"]),
            Node(str(row["model_namespace"]), str(row["model_name"]), row["model_version"] or None),
        )
        for row in past.select(_COUNTS_SQL.format(hour_us=HOUR_US, where=where.sql), where.values)
    ]
