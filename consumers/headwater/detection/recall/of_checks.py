"""What the checks of some partitions remember, from the history: decisions, profiles, uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple, Protocol

from headwater.detection.recall import used
from headwater.detection.recall.past import DECISIONS, PROFILES, RUNS, Past, Table, Where
from headwater.schemas import topics
from headwater.settings import Settings
from headwater.streams.partitioning import partition_of
from headwater.streams.step import Piece, Wanted

#: Rows that one question for profiles asks for, about.
_ROWS = 2_000
_DATASETS_SQL = """
SELECT namespace, name, count() AS rows FROM profile_events WHERE {where} GROUP BY namespace, name
ORDER BY namespace, name
"""

#: The verdict on the whole of what was judged comes last, with how much was known: where it is there, all are.
_SAID_SQL = """
SELECT DISTINCT lower(hex(event_id)) AS id,
    if(isNull(column) AND check IN ('drift', 'volume'), concat(evidence['judged'], evidence['known']), '') AS whole
FROM verdict_events WHERE toUnixTimestamp64Micro(arrival) >= {since:Int64}
"""
#: What came so shortly before a broker's end may be in the history and not judged, µs.
_LAST_US = 600_000_000
_NEVER = 2**63 - 1

Record = Mapping[str, Any]


class Told(NamedTuple):
    """A record, and the partition that its dataset's state belongs to. `last`: it came in the last minutes of a life of
    the broker, and may not have been judged before its end.
    """

    partition: int
    record: Record
    last: bool = False


class Takes(Protocol):
    """What takes them in."""

    def remember(self, topic: str, told: list[Told]) -> None:
        """Records of a topic."""
        ...

    def resume(self, since: int, said: Collection[str]) -> None:
        """All was told of a broker whose life ended at `since`, or after it (µs since 1970 UTC): nobody listened since.
        `said`: of the last verdicts that are kept the ids, in hex, and of whole ones what was judged and known.
        """
        ...


def pieces(settings: Settings, wanted: Wanted, lookback_us: int, takes: Takes) -> Iterator[Piece]:
    """All of it, decisions whole, the others as far back as the step looks, from their newest on."""
    past = Past(settings, wanted)
    numbers = {number for _, number in wanted.places}
    count = wanted.partitions[topics.PROFILES.name]
    take = takes.remember

    @cache
    def of(namespace: str, name: str) -> int | None:
        number = partition_of(topics.dataset_key(namespace, name), count)
        return number if number in numbers else None

    newest = {table: at for table in (PROFILES, RUNS) if (at := past.newest(table)) is not None}
    # Offsets that last lead a worker back to what it did not commit; those that restart do not.
    late = max(newest.values(), default=0) - _LAST_US if wanted.generation else _NEVER

    def told(table: Table, where: Where) -> list[Told]:
        rows = past.rows(table, where)
        numbered = ((of(row.record["namespace"], row.record["name"]), row) for row in rows)
        return [Told(number, row.record, row.arrival >= late) for number, row in numbered if number is not None]

    try:
        for where in past.slices(DECISIONS, Where("kind = 'accept'"), 0):
            found = told(DECISIONS, where)
            yield Piece(len(found), partial(take, topics.DECISIONS.name, found))
        if PROFILES in newest:
            for where in _profiles(past, newest[PROFILES] - lookback_us, of):
                found = told(PROFILES, where)
                yield Piece(len(found), partial(take, topics.PROFILES.name, found))
        if RUNS in newest:
            for where in past.slices(RUNS, used.unused(wanted), newest[RUNS] - lookback_us):
                rows = past.rows(RUNS, where)
                found = [
                    Told(number, use, row.arrival >= late)
                    for row in rows
                    for number, use in used.uses_of(row, wanted)
                    if number in numbers
                ]
                yield Piece(len(rows), partial(take, topics.USES.name, found))
        if wanted.generation and newest:
            told_of = past.select(_SAID_SQL, {"since": late})
            said = {str(text) for row in told_of for text in (row["id"], row["whole"]) if text}
            yield Piece(len(said), partial(takes.resume, late + _LAST_US, said))
    finally:
        past.close()


def _profiles(past: Past, since: int, of: Callable[[str, str], int | None]) -> Iterator[Where]:
    """Questions for the profiles of our datasets, each for a few datasets or a part of one that has many."""
    where = past.gone(PROFILES)
    recent = where & Where("arrival >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')", {"since": since})
    few: list[tuple[str, str]] = []
    gathered = 0
    for row in past.select(_DATASETS_SQL.format(where=recent.sql), recent.values):
        dataset, rows = (str(row["namespace"]), str(row["name"])), int(row["rows"])
        if of(*dataset) is None:
            continue
        if rows > _ROWS:
            yield from past.slices(PROFILES, where & _named([dataset]), since)
            continue
        if gathered + rows > _ROWS:
            yield recent & _named(few)
            few, gathered = [], 0
        few.append(dataset)
        gathered += rows
    if few:
        yield recent & _named(few)


def _named(datasets: list[tuple[str, str]]) -> Where:
    return Where(
        "(namespace, name) IN arrayZip({namespaces:Array(String)}, {names:Array(String)})",
        {"namespaces": [namespace for namespace, _ in datasets], "names": [name for _, name in datasets]},
    )
