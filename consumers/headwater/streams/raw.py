"""Messages of others' making, in no schema of ours: a step reads them itself, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from headwater.errors import InvalidMessage
from headwater.streams.batch import Batch
from headwater.streams.chunk import Chunk
from headwater.streams.reading import Reading, Refused, Schemas, read
from headwater.streams.slices import Keys, Slices
from headwater.streams.step import Output, Step, program_of


@runtime_checkable
class Raw(Protocol):
    """A step of such messages."""

    def read(self, value: bytes) -> Sequence[Output]:
        """What one message makes known, as its batch has it in `made`. Called on another thread than the rest.

        Raises InvalidMessage: the message becomes a dead letter.
        """
        ...


def reader_of(step: Step, schemas: Schemas, generation: str | None) -> Callable[[Chunk, bool, bool], Reading]:
    """What reads the chunks of a step; it is given `replaying` and `final`, as `read` has them."""
    if isinstance(step, Raw):
        raw: Raw = step
        return lambda chunk, replaying, _: read_raw(chunk, raw, replaying=replaying, generation=generation)
    program = program_of(step)
    return lambda chunk, replaying, final: read(
        chunk, schemas, program=program, replaying=replaying, generation=generation, final=final
    )


def read_raw(chunk: Chunk, step: Raw, *, replaying: bool = False, generation: str | None = None) -> Reading:
    """Read one chunk. Raises nothing that the step does not."""
    keys, values = Keys.of(chunk.keys), Slices.of(chunk.values)
    made: list[Output] = []
    refused: list[Refused] = []
    for row, value in enumerate(values):
        try:
            made += step.read(value)
        except InvalidMessage as error:
            refused.append(Refused(row, error.reason, error.detail))
    offsets, timestamps = np.asarray(chunk.offsets, np.int64), np.asarray(chunk.timestamps, np.int64)
    batch = Batch(chunk.topic, chunk.partition, keys, offsets, timestamps, [], values, replaying, generation, made)
    return Reading(batch, refused)
