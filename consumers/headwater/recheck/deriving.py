"""Archives every body of a history again, into another one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from headwater.archive.inserting import freeze, insert
from headwater.archive.landing import ARCHIVED, Landing, landings
from headwater.archive.packing import Row, kept_time
from headwater.audit.store import Client, Stream
from headwater.audit.writers import writer_schemas
from headwater.errors import ContractError, Unavailable
from headwater.ledger.reading import TABLES
from headwater.schemas import plain
from headwater.schemas.records import Schema
from headwater.streams.batch import Batch

#: Rows and bytes that are inserted at once at most.
_ROWS, _BYTES = 20_000, 64 << 20
_PIECE: Final = 1 << 20
_HEAD: Final = struct.Struct("<iqqQ")
#: precedence is 2^63 - 1 less the µs from event time to arrival: the arrival as it came, also where the column shows it
#: cut to 2299. The event time is taken from the body, for the column may have been altered.
_SQL: Final = (
    "SELECT kafka_partition, kafka_offset, toInt64(9223372036854775807 - precedence), schema_fingerprint, "
    "kafka_generation, isNull(kafka_key), ifNull(kafka_key, ''), raw_body FROM {table}"
)

Progress = Callable[[int], None]


class _Kept(NamedTuple):
    """A message as the history has it. `after`: µs from its event time to its arrival."""

    partition: int
    offset: int
    after: int
    fingerprint: int
    generation: str
    key: bytes | None
    body: bytes


@dataclass
class Derived:
    """How many were archived again; `unreadable`: bodies that are not what any schema says, which the check of the
    bytes names.
    """

    messages: int = 0
    unreadable: int = 0


def derive(client: Client, scratch: Client, progress: Progress = lambda _done: None) -> Derived:
    """Archive all bodies of `client`'s history into `scratch`'s, which is migrated and empty.

    Raises StateError where one of them is not as this version needs it.
    """
    done = Derived()
    written = writer_schemas(client)
    there = landings(scratch, scratch.database or "")
    for topic in ARCHIVED:
        some: list[_Kept] = []
        size = 0
        for message in _messages(client, TABLES[topic.name]):
            some.append(message)
            size += len(message.body)
            if len(some) >= _ROWS or size >= _BYTES:
                _insert(scratch, there[topic.name], some, written, done)
                progress(done.messages)
                some, size = [], 0
        _insert(scratch, there[topic.name], some, written, done)
        progress(done.messages)
    return done


def _insert(scratch: Client, landing: Landing, some: list[_Kept], written: dict[int, Schema], done: Derived) -> None:
    rows: list[Row] = []
    lanes: dict[tuple[int, str], list[tuple[_Kept, bytes]]] = {}
    for message in some:
        schema = written.get(message.fingerprint)
        shape = None if schema is None else _shape(landing, schema, message.body)
        if shape is None:
            done.unreadable += 1
        else:
            lanes.setdefault((message.partition, message.generation), []).append((message, shape))
    for (partition, generation), kept in lanes.items():
        offsets = np.array([message.offset for message, _ in kept], np.int64)
        keys = [message.key for message, _ in kept]
        batch = Batch(landing.topic, partition, keys, offsets, offsets * 0, [], [], generation=generation or None)
        rows += [
            Row(batch, place, _arrival(message, shape), message.fingerprint.to_bytes(8, "little"), message.body, shape)
            for place, (message, shape) in enumerate(kept)
        ]
    if rows:
        refused = insert(scratch, freeze(landing, rows))
        done.unreadable += len(refused)
        done.messages += len(rows) - len(refused)


def _shape(landing: Landing, schema: Schema, body: bytes) -> bytes | None:
    """A body in the landing table's schema, once it is proved whole: no body may reach its neighbours."""
    try:
        plain.decode(schema, body)
        return landing.shape(schema, body)
    except ContractError:
        return None


def _arrival(message: _Kept, shape: bytes) -> int:
    return kept_time(shape) + message.after


def _messages(client: Client, table: str) -> Iterator[_Kept]:
    stream = client.raw_stream(_SQL.format(table=table), fmt="RowBinary")
    reader = _Reader(stream)
    try:
        while reader.more():
            partition, offset, after, fingerprint = _HEAD.unpack(reader.take(_HEAD.size))
            generation = reader.text().decode()
            no_key = reader.take(1) == b"\1"
            key = reader.text()
            yield _Kept(partition, offset, after, fingerprint, generation, None if no_key else key, reader.text())
    finally:
        stream.close()


class _Reader:
    """Bytes of a stream, as many as are asked for."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._block = b""
        self._at = 0

    def more(self) -> bool:
        """Whether another byte comes."""
        return self._at < len(self._block) or self._fill(1)

    def take(self, size: int) -> bytes:
        """The next bytes. Raises Unavailable where there are fewer."""
        if len(self._block) - self._at < size and not self._fill(size):
            raise Unavailable("the store ended in the middle of a row")
        self._at += size
        return self._block[self._at - size : self._at]

    def text(self) -> bytes:
        """The next text: its length as a varint, then its bytes."""
        size = shift = 0
        while True:
            byte = self.take(1)[0]
            size |= (byte & 127) << shift
            if byte < 128:
                return self.take(size)
            shift += 7

    def _fill(self, size: int) -> bool:
        parts = [self._block[self._at :]]
        there = len(parts[0])
        while there < size and (piece := self._stream.read(_PIECE)):
            parts.append(piece)
            there += len(piece)
        self._block, self._at = b"".join(parts), 0
        return there >= size
