"""Compile once what tests and workers run compiled: `python -m tests.compiling`, in a clone that is new.

Three sessions side by side, and the workers that they start, would each do it for themselves otherwise. It takes some
seconds where nothing is compiled yet, and one where all is.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from headwater.schemas import plain, records
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.streams.chunk import Sealed
from headwater.streams.reading import SchemaName, read
from headwater.streams.records import survey
from headwater.streams.step import program_of
from tests.benchmarks import workload

SCHEMA = records.current("run_event")


class _Known:
    """Every message is of the one schema."""

    def find(self, name: SchemaName) -> Any:
        return SCHEMA

    def missed(self, name: SchemaName) -> bool:
        return False


def stitched(step: StitchingStep, messages: Sequence[tuple[bytes, bytes]], first: int) -> int:
    """How many edge sets these messages give, as one fetch answers with them, a minute after the one before."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for place, (key, value) in enumerate(messages):
        builder.append(place, 1_700_000_000_000 + 60_000 * first, key, value, [])
    raw = first.to_bytes(8, "big") + bytes(builder.build()[8:])
    record_set = survey(RUNS.name, 0, raw, first)
    assert record_set is not None
    reading = read(Sealed(RUNS.name, 0, record_set).opened(), _Known(), program=program_of(step))
    made = len(step.process(reading.batch))
    step.committed({(RUNS.name, 0): first + len(messages)})
    step.tick(0)
    return made


def long_run() -> list[tuple[bytes, bytes]]:
    """Events of one run that each name another input."""
    run_id, start, _ = workload.events_of(100, random.Random(9))
    told: list[tuple[bytes, bytes]] = []
    for number in range(40):
        inputs = [{**start["inputs"][0], "name": f"part-{number}"}]
        told.append((run_id, plain.message(SCHEMA, {**start, "event_id": number.to_bytes(16), "inputs": inputs})))
    return told


def main() -> None:
    """STARTs and their COMPLETEs in chunks of their own, a long run, and all of it put away."""
    messages = workload.messages(20, doubled=0.0)
    with tempfile.TemporaryDirectory() as folder:
        step = StitchingStep(Settings(stitching_young_seconds=0.0, stitching_folder=folder))
        made = stitched(step, messages[:20], 0) + stitched(step, messages[20:], 20)
        made += stitched(step, long_run(), 40) + stitched(step, messages[:1], 80)
        step.revoked({(RUNS.name, 0)})
    assert made == 20


if __name__ == "__main__":
    main()
