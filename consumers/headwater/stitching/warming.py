"""What stitching runs compiled, compiled before the first event is read: the first start after an installation takes
some twenty seconds of CPU for it, later ones find it on the disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from headwater.schemas import plain, records
from headwater.schemas.topics import RUNS
from headwater.streams.chunk import Sealed
from headwater.streams.reading import SchemaName, read
from headwater.streams.records import survey
from headwater.streams.step import program_of

if TYPE_CHECKING:
    from headwater.settings import Settings
    from headwater.stitching.step import StitchingStep

_SCHEMA = records.current("run_event")
_EPOCH_US = 1_700_000_000_000_000
#: Short runs that are sent, each of which gives an edge set.
RUNS_MADE = 20
#: From so many events on a run is a long one, which other code works on.
_LONG = 40

Message = tuple[bytes, bytes]


class _Known:
    """Every message is of the one schema."""

    def find(self, name: SchemaName) -> Any:  # noqa: ARG002 - there is one schema
        return _SCHEMA

    def missed(self, name: SchemaName) -> bool:  # noqa: ARG002 - as above
        return False


def warm(make: Callable[[Settings], StitchingStep], settings: Settings) -> int:
    """Send runs that nobody made through a step of their own; how many edge sets they gave."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        other = make(replace(settings, stitching_young_seconds=0.0, stitching_folder=folder))
        starts = [_message(number, "START", inputs=_datasets(number, 3)) for number in range(RUNS_MADE)]
        ends = [_message(number, "COMPLETE", outputs=[_output(number)]) for number in range(RUNS_MADE)]
        long = [_message(RUNS_MADE, "RUNNING", part, inputs=_datasets(part, 1)) for part in range(_LONG)]
        made = first = 0
        for messages in (starts, ends, long, starts[:1]):
            made += _stitched(other, messages, first)
            first += len(messages)
        other.revoked({(RUNS.name, 0)})
    return made


def _stitched(step: StitchingStep, messages: Sequence[Message], first: int) -> int:
    """How many edge sets these messages give, as one fetch answers with them, a minute after the one before."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for place, (key, value) in enumerate(messages):
        builder.append(place, 1_700_000_000_000 + 60_000 * first, key, value, [])
    raw = first.to_bytes(8, "big") + bytes(builder.build()[8:])
    record_set = survey(RUNS.name, 0, raw, first)
    if record_set is None:
        return 0
    reading = read(Sealed(RUNS.name, 0, record_set).opened(), _Known(), program=program_of(step))
    made = len(step.process(reading.batch))
    step.committed({(RUNS.name, 0): first + len(messages)})
    step.tick(0)
    return made


def _message(number: int, state: str, part: int = 0, **datasets: list[dict[str, Any]]) -> Message:
    run_id, at = (number + 1).to_bytes(16), _EPOCH_US + number * 1000 + part
    event = {
        "emit_time": at + 900,
        "producer_id": b"\0" * 15 + b"\1",
        "sequence": 2 * number + part,
        "event_id": f"{number:06}{state:>6.6}{part:04}".encode(),
        "event_time": at,
        "run": {"run_id": run_id, "state": state},
        "job": {"namespace": "headwater", "name": f"warm {number % 3}"},
        **datasets,
    }
    return run_id, plain.message(_SCHEMA, event)


def _datasets(number: int, count: int) -> list[dict[str, Any]]:
    return [{"namespace": "headwater", "name": f"in {number} {i}", "version": f"{i}"} for i in range(count)]


def _output(number: int) -> dict[str, Any]:
    edge = {"namespace": "headwater", "name": f"in {number} 0", "version": "0", "column": "a", "target_column": "b"}
    lineage = [{**edge, "transformation": "DIRECT", "subtype": "IDENTITY"}]
    return {"namespace": "headwater", "name": f"out {number}", "version": "1", "column_lineage": lineage}
