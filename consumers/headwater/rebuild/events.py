"""The archived events, put in the order in which a rebuild reads them, and read in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.audit.rows import select
from headwater.errors import StateError
from headwater.rebuild.work_tables import EVENTS, Work
from headwater.schemas import records
from headwater.schemas.framing import single_object_header
from headwater.schemas.records import Schema

#: Events in memory at once, at most, and the bytes of their bodies (or one event).
PAGE, PAGE_BYTES = 20_000, 64 * 1024 * 1024
#: Limits of the one statement that sorts all events: it goes over the disk beyond them.
_SORTING = (
    "SETTINGS max_bytes_before_external_sort = 500000000, max_bytes_ratio_before_external_sort = 0, "
    "max_insert_threads = 1, max_threads = 2"
)


@dataclass(frozen=True)
class Event:
    """One archived event. `arrival` in µs; `message` framed; `lane`: partition and key, what shares state."""

    lane: tuple[int, int, str]
    offset: int
    arrival: int
    schema: Schema
    message: bytes

    @property
    def key(self) -> bytes | None:
        """The message's key."""
        return bytes.fromhex(self.lane[2]) or None


def stage(work: Work, generation: str | None, until: Mapping[int, int] | None) -> int:
    """Copy the events into the work table; how many there are.

    `until`: by partition, the first offset (of this life of the broker) that is left to the stream.
    Of what came twice the row with the earliest arrival stands, and in a tie the smallest offset.
    """
    lives = select(
        work.client,
        f"SELECT kafka_generation AS life FROM {work.name('run_events')} GROUP BY life ORDER BY min(arrival), life",
    )
    names = [str(row["life"]) for row in lives]
    cut = "1"
    parameters: dict[str, object] = {"lives": names, "ranks": list(range(1, len(names) + 1))}
    if until is not None:
        cut = (
            "(kafka_generation != {life:String} OR kafka_offset < "
            "transform(toInt64(kafka_partition), {partitions:Array(Int64)}, {ends:Array(Int64)}, toInt64(0)))"
        )
        parameters |= {"life": generation or "", "partitions": list(until), "ends": list(until.values())}
    work.client.command(
        f"INSERT INTO {work.name(EVENTS)} SELECT sipHash64(kafka_partition, ifNull(kafka_key, '')), kafka_partition, "
        "hex(ifNull(kafka_key, '')), transform(kafka_generation, {lives:Array(String)}, {ranks:Array(UInt32)}, "
        "toUInt32(0)), kafka_offset, toUnixTimestamp64Micro(arrival), event_id, schema_fingerprint, hex(raw_body) "
        f"FROM {work.name('run_events')} FINAL WHERE {cut} {_SORTING}",
        parameters=parameters,
    )
    return int(select(work.client, f"SELECT count() AS n FROM {work.name(EVENTS)}")[0]["n"])


def pages(work: Work, size: int = PAGE) -> Iterator[list[Event]]:
    """All events, lane after lane, each in order of arrival; a page is at most so many."""
    schemas = _schemas(work)
    headers = {number: single_object_header(schema) for number, schema in schemas.items()}
    after: tuple[object, ...] = (0, -1, "", 0, -1)
    while True:
        sizes = _ahead(work, "length(body) AS size", after, size)
        if not sizes:
            return
        total = count = 0
        for row in sizes:
            total += row["size"] // 2
            if count and total > PAGE_BYTES:
                break
            count += 1
        rows = _ahead(work, "arrival, fingerprint, body", after, count)
        unknown = {row["fingerprint"] for row in rows} - schemas.keys()
        if unknown:
            raise StateError(f"the history lacks the schemas of {sorted(unknown)}, so their events cannot be read")
        yield [
            Event(
                (row["lane"], row["partition"], row["key"]),
                row["offset"],
                row["arrival"],
                schemas[row["fingerprint"]],
                headers[row["fingerprint"]] + bytes.fromhex(row["body"]),
            )
            for row in rows
        ]
        after = tuple(rows[-1][name] for name in _ORDER)


_ORDER = ("lane", "partition", "key", "life", "offset")
_TYPES = ("UInt64", "Int32", "String", "UInt32", "Int64")


def _ahead(work: Work, columns: str, after: tuple[object, ...], count: int) -> list[dict[str, Any]]:
    """The next rows in order. The first condition lets the engine skip, the second is exact."""
    places = ", ".join(f"{{{name}:{kind}}}" for name, kind in zip(_ORDER, _TYPES, strict=True))
    order = ", ".join(_ORDER)
    return select(
        work.client,
        f"SELECT {order}, {columns} FROM {work.name(EVENTS)} WHERE lane >= {{lane:UInt64}} AND ({order}) > ({places}) "
        f"ORDER BY {order} LIMIT {{count:UInt32}}",
        {**dict(zip(_ORDER, after, strict=True)), "count": count},
    )


def _schemas(work: Work) -> dict[int, Schema]:
    kept = [str(row["text"]) for row in select(work.client, f"SELECT text FROM {work.name('schemas')} FINAL")]
    found = [*map(records.parse, kept), *records.released("run_event")]
    return {schema.fingerprint: schema for schema in found}
