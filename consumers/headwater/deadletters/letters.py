"""Dead letters as they stand on their topic, or in the history once the topic has forgotten them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import HeadwaterError
from headwater.schemas import plain, records
from headwater.schemas.framing import read_header
from headwater.schemas.topics import DEAD_LETTERS
from headwater.settings import Settings
from headwater.streams.clients import Reader

#: Bytes of a body or key that a dead letter keeps at most; what has so many may have had more.
KEPT_BYTES = 65_536
#: Rows of the history in one answer.
_PAGE = 200


@dataclass(frozen=True)
class Letter:
    """One dead letter. Times in µs since 1970 UTC; `topic` with its prefix, as the letter says."""

    id: bytes
    written: int
    event_time: int
    topic: str
    partition: int
    offset: int
    generation: str | None
    timestamp: int | None
    key: bytes | None
    worker: str
    reason: str
    detail: str
    length: int
    digest: bytes
    body: bytes

    @property
    def whole(self) -> bool:
        """Whether it keeps all of the message, key included; else only its place says where the rest is."""
        return len(self.body) == self.length and (self.key is None or len(self.key) < KEPT_BYTES)

    @property
    def message(self) -> tuple[str, bytes | None, bytes]:
        """What it is about: several workers may have written about one message."""
        return self.topic, self.key, self.digest


@dataclass(frozen=True)
class Wanted:
    """Which letters. Empty: all. `topics` with or without prefix; `ids`: hex, or how it begins; times in µs."""

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    def takes(self, letter: Letter, prefix: str) -> bool:
        """Whether it is one of them."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.topic in self.topics or letter.topic.removeprefix(prefix) in self.topics)
            and (not self.workers or letter.worker in self.workers)
            and (not self.ids or any(letter.id.hex().startswith(one.lower().replace("-", "")) for one in self.ids))
            and (self.since is None or letter.written >= self.since)
            and (self.until is None or letter.written < self.until)
        )


def from_topic(settings: Settings, wanted: Wanted | None = None) -> Iterator[Letter]:
    """The letters that the topic holds when this is called, each once, a partition after another.

    What is no dead letter is passed over. Raises Unavailable.
    """
    wanted = wanted or Wanted()
    reader = Reader(settings)
    seen: set[bytes] = set()
    try:
        for partition in reader.partitions(DEAD_LETTERS.name):
            for letter in _partition(reader, partition, wanted.since):
                if letter.id not in seen and wanted.takes(letter, settings.prefix):
                    seen.add(letter.id)
                    yield letter
    finally:
        reader.close()


def _partition(reader: Reader, partition: int, since: int | None) -> Iterator[Letter]:
    place = (DEAD_LETTERS.name, partition)
    start = 0
    if since is not None:
        found = reader.since(place, since // 1000)
        if found is None:
            return
        start = found
    reader.assign({place: start})
    while True:
        for chunk in reader.poll(500, 0.5):
            for value, timestamp in zip(chunk.values, chunk.timestamps, strict=True):
                letter = parse(value, timestamp * 1000)
                if letter is not None:
                    yield letter
        if place in reader.ended:
            return


def parse(value: bytes, written: int) -> Letter | None:
    """A message of the topic; None where it is none. `written`: its own time, µs, for letters that lack one."""
    known = {schema.fingerprint: schema for schema in records.released("dead_letter")}
    try:
        header = read_header(value)
        # Where a registry is used its id names no version; what we write is the current one.
        schema = known.get(header.fingerprint or 0, records.current("dead_letter"))
        row = plain.decode(schema, value[header.length :], records.current("dead_letter"))
    except HeadwaterError:
        return None
    return _letter(row, row["emit_time"] if written < 0 else written)


def _letter(row: Mapping[str, Any], written: int) -> Letter:
    return Letter(
        id=row["event_id"],
        written=written,
        event_time=row["event_time"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        generation=row["generation"],
        timestamp=row["timestamp"],
        key=row["key"],
        worker=row["worker"],
        reason=row["reason"],
        detail=row["detail"],
        length=row["length"],
        digest=row["digest"],
        body=row["body"],
    )


_SQL = """
SELECT
    hex(event_id) AS id, toUnixTimestamp64Micro(arrival) AS written, toUnixTimestamp64Micro(event_time) AS event_time,
    topic, partition, offset, generation, toUnixTimestamp64Micro(timestamp) AS timestamp,
    if(isNull(key), NULL, hex(key)) AS key, worker, reason, detail, length, digest, hex(body) AS body
FROM dead_letters
WHERE arrival >= fromUnixTimestamp64Micro({since:Int64}) AND arrival < fromUnixTimestamp64Micro({until:Int64})
    AND (hex(event_id) > {after:String})
    AND (empty({reasons:Array(String)}) OR reason IN {reasons:Array(String)})
    AND (empty({workers:Array(String)}) OR worker IN {workers:Array(String)})
ORDER BY id
LIMIT {page:UInt32}
"""
_FAR = 4_000_000_000_000_000


def from_history(client: Client, wanted: Wanted | None = None, prefix: str = "") -> Iterator[Letter]:
    """The letters that the history holds, by id. Raises StateError, Unavailable."""
    wanted = wanted or Wanted()
    after = ""
    while True:
        rows = select(
            client,
            _SQL,
            {
                "since": wanted.since or 0,
                "until": _FAR if wanted.until is None else wanted.until,
                "after": after,
                "reasons": sorted(wanted.reasons),
                "workers": sorted(wanted.workers),
                "page": _PAGE,
            },
        )
        for row in rows:
            key = row["key"]
            given = {name: row[name] for name in row if name not in ("id", "key", "digest", "body", "written")}
            letter = Letter(
                id=bytes.fromhex(row["id"]),
                written=row["written"],
                key=None if key is None else bytes.fromhex(key),
                digest=bytes.fromhex(row["digest"]),
                body=bytes.fromhex(row["body"]),
                **given,
            )
            if wanted.takes(letter, prefix):
                yield letter
        if len(rows) < _PAGE:
            return
        after = rows[-1]["id"]
