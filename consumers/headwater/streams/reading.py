"""From raw messages to a batch: unframe, find each schema, prove each body; the rest become dead letters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.errors import InvalidMessage
from headwater.schemas import framing, reasons, records
from headwater.schemas.bounds import LARGEST_KEY
from headwater.schemas.codec import Bodies, Program, reason, validate
from headwater.schemas.codec.compiled import compiled, word
from headwater.schemas.records import Schema
from headwater.schemas.topics import MAX_MESSAGE_BYTES, TOPICS
from headwater.streams.batch import Batch, Group
from headwater.streams.bounds import beyond
from headwater.streams.chunk import Chunk
from headwater.streams.slices import Keys, Slices
from headwater.streams.unnamed import unnamed

_RUN_EVENT = records.current("run_event").name


@dataclass(frozen=True)
class SchemaName:
    """How a message names its schema: a fingerprint (single-object encoding) or a registry's id."""

    fingerprint: int | None = None
    registry_id: int | None = None

    def __str__(self) -> str:
        if self.fingerprint is not None:
            return f"fingerprint {self.fingerprint.to_bytes(8, 'little').hex()}"
        return f"registry id {self.registry_id}"


class Schemas(Protocol):
    """Where schemas are looked up."""

    def find(self, name: SchemaName) -> Schema | None:
        """The schema, where it is known by now."""
        ...

    def missed(self, name: SchemaName) -> bool:
        """Whether it was waited for in vain a short while ago."""
        ...


@dataclass(frozen=True)
class Refused:
    """A message that cannot be read: its place in the chunk and why."""

    row: int
    reason: str
    detail: str


@dataclass
class Reading:
    """The outcome. `missing`: schemas worth waiting for; while there are any, the batch is not to be used."""

    batch: Batch
    refused: list[Refused] = field(default_factory=list[Refused])
    missing: set[SchemaName] = field(default_factory=set[SchemaName])


def read(
    chunk: Chunk,
    schemas: Schemas,
    *,
    program: Callable[[Schema], Program | None] | None = None,
    replaying: bool = False,
    generation: str | None = None,
    final: bool = False,
) -> Reading:
    """Read one chunk. `program`: what proves the records of a schema and reads what the step wants of them, where it
    has one. `final`: unknown schemas are refused, not missing. Raises nothing for any bytes.
    """
    values = Slices.of(chunk.values)
    buffer, starts, ends, lengths = values.buffer, values.starts, values.ends, values.lengths
    batch = Batch(
        chunk.topic,
        chunk.partition,
        Keys.of(chunk.keys),
        np.asarray(chunk.offsets, np.int64),
        np.asarray(chunk.timestamps, np.int64),
        [],
        values,
        replaying,
        generation,
    )
    reading = Reading(batch)
    record = TOPICS[chunk.topic].record
    for name, rows in _by_schema(reading, buffer, starts, lengths):
        schema = schemas.find(name)
        if schema is None:
            if final or schemas.missed(name):
                detail = f"no schema of {name} on the schema topic or in the registry"
                reading.refused += [Refused(int(row), reasons.UNKNOWN_SCHEMA, detail) for row in rows]
            else:
                reading.missing.add(name)
        elif record is None or schema.name != records.current(record).name:
            detail = f"a {schema.name} on the topic of {record}"
            reading.refused += [Refused(int(row), reasons.WRONG_RECORD, detail) for row in rows]
        else:
            header = framing.CONFLUENT_HEADER if name.fingerprint is None else framing.SINGLE_OBJECT_HEADER
            bodies = Bodies(buffer, starts[rows] + header, ends[rows])
            _prove(reading, schema, rows, bodies, None if program is None else program(schema))
    reading.refused.sort(key=lambda refused: refused.row)
    return reading


def _by_schema(
    reading: Reading, buffer: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Iterable[tuple[SchemaName, NDArray[np.int64]]]:
    """Rows by the schema that they name; those that name none are refused."""
    bounds = framing.SINGLE_OBJECT_HEADER, MAX_MESSAGE_BYTES
    if len(starts) and _is_one_schema(buffer, starts, lengths, bounds):  # nearly every chunk, and most are small
        at = int(starts[0]) + 2
        name = SchemaName(fingerprint=int.from_bytes(buffer[at : at + 8].tobytes(), "little"))
        yield name, np.arange(len(starts))
        return
    single = (buffer[starts] == 0xC3) & (buffer[starts + 1] == 0x01) & (lengths >= framing.SINGLE_OBJECT_HEADER)
    confluent = (buffer[starts] == 0x00) & (lengths >= framing.CONFLUENT_HEADER)
    large = lengths > MAX_MESSAGE_BYTES
    if large.any():
        reading.refused += [
            Refused(int(row), reasons.TOO_LARGE, f"{lengths[row]} bytes, the topic allows {MAX_MESSAGE_BYTES}")
            for row in np.flatnonzero(large)
        ]
        single &= ~large
        confluent &= ~large
    for row in np.flatnonzero(~(single | confluent | large)):
        try:
            framing.read_header(reading.batch.values[int(row)])
        except InvalidMessage as error:
            reading.refused.append(Refused(int(row), error.reason, error.detail))
    rows = np.flatnonzero(single)
    if len(rows):
        fingerprints = buffer[starts[rows, None] + np.arange(2, 10)].view("<u8")[:, 0]
        for fingerprint in np.unique(fingerprints):
            yield SchemaName(fingerprint=int(fingerprint)), rows[fingerprints == fingerprint]
    rows = np.flatnonzero(confluent)
    if len(rows):
        ids = buffer[starts[rows, None] + np.arange(1, 5)].view(">u4")[:, 0]
        for registry_id in np.unique(ids):
            yield SchemaName(registry_id=int(registry_id)), rows[ids == registry_id]


@compiled
def _is_one_schema(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64], bounds: tuple[int, int]
) -> bool:
    """Whether all are in single-object encoding, of the schema of the first one. `bounds`: least and largest length.

    Constants of another file are handed in: what is compiled and kept would not see that they changed.
    """
    name = word(buffer, starts[0] + 2)
    for row in range(len(starts)):
        at = starts[row]
        if lengths[row] < bounds[0] or lengths[row] > bounds[1] or buffer[at] != 0xC3 or buffer[at + 1] != 0x01:
            return False
        if word(buffer, at + 2) != name:
            return False
    return True


def _prove(reading: Reading, schema: Schema, rows: NDArray[np.int64], bodies: Bodies, program: Program | None) -> None:
    decoded = None if program is None else program.decode(bodies)
    errors = validate(schema, bodies) if decoded is None else decoded.error
    if errors.any():
        for place in np.flatnonzero(errors):
            why, detail = reason(schema, bodies[int(place)])
            reading.refused.append(Refused(int(rows[place]), why, detail))
        whole = errors == 0
        rows, bodies, decoded = rows[whole], bodies.take(whole), None
    if schema.name == _RUN_EVENT:
        nil = {place: (reasons.NIL_ID, detail) for place, detail in unnamed(schema, bodies).items()}
        long = {place: (reasons.TOO_LONG, detail) for place, detail in _too_long(reading, schema, rows, bodies).items()}
        if beside := {**long, **nil}:
            reading.refused += [Refused(int(rows[place]), *why) for place, why in beside.items()]
            kept = np.ones(len(rows), np.bool_)
            kept[list(beside)] = False
            rows, bodies, decoded = rows[kept], bodies.take(kept), None
    if len(rows):
        if decoded is None and program is not None:
            decoded = program.decode(bodies)
        reading.batch.groups.append(Group(schema, rows, bodies, program, decoded))


def _too_long(reading: Reading, schema: Schema, rows: NDArray[np.int64], bodies: Bodies) -> dict[int, str]:
    """Of proved events by their places: what is too long to be copied into other messages."""
    found = beyond(schema, bodies)
    keys = Keys.of(reading.batch.keys).slices.lengths[rows]
    for place in np.flatnonzero(keys > LARGEST_KEY).tolist():
        found[place] = f"its key has {keys[place]:,} bytes, at most {LARGEST_KEY:,} are taken"
    return found
