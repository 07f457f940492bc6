"""Run events for the property tests: few names, so that they meet; every field that the rules look at."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import fastavro as _fastavro
import hypothesis.strategies as st
import numpy as np

from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies
from headwater.stitching import StitchingStep
from headwater.streams import Batch, Group, Output

fastavro: Any = _fastavro
SCHEMA = records.current("run_event")
EDGE_SET = records.current("edge_set")
RUNS = tuple(bytes([n]) * 16 for n in (1, 2))

names = st.sampled_from(["a", "b", "c"])
#: Also what a write without a version gets, said as a version.
versions = st.sampled_from([None, "1", "2", f"run:{uuid.UUID(bytes=RUNS[0])}"])
refs = st.fixed_dictionaries({"namespace": st.just("ns"), "name": names, "version": versions})


def _row(ref: dict[str, Any], column: str | None, target: str | None, confidence: float | None) -> dict[str, Any]:
    return {**ref, "column": column, "target_column": target, "confidence": confidence, "transformation": "DIRECT"}


rows = st.builds(
    _row, refs, st.sampled_from([None, "x", "y"]), st.sampled_from([None, "x"]), st.sampled_from([None, 0.5])
)
kinds = st.sampled_from(["table", "file", "view"])
origins = st.sampled_from([None, "store", "digest"])
#: Other names, slices and renames make no edge.
aliases = st.lists(
    st.fixed_dictionaries({"namespace": st.just("ns"), "name": names, "type": st.just("SYMLINK")}), max_size=1
)
partitions = st.lists(st.sampled_from(["day=1", "day=2"]), max_size=2)
renames = st.none() | st.fixed_dictionaries(
    {"change": st.just("RENAME"), "previous_namespace": st.just("ns"), "previous_name": names}
)


def datasets(*, ordinary: bool, output: bool) -> st.SearchStrategy[dict[str, Any]]:
    base: dict[str, st.SearchStrategy[Any]] = {
        "namespace": st.just("ns"),
        "name": names,
        "version": versions,
        "version_origin": origins,
        "kind": kinds,
        "aliases": aliases,
        "partitions": partitions,
        "lifecycle": renames,
    }
    if output:
        base["column_lineage"] = st.lists(rows, max_size=2)
        if not ordinary:
            base["edges"] = st.lists(refs, max_size=2)
            base["edges_complete"] = st.booleans()
    return st.fixed_dictionaries(base)


def _parent(run: bytes, name: str) -> dict[str, Any]:
    return {"run_id": run, "job_namespace": "j", "job_name": name}


parents = st.none() | st.builds(_parent, st.sampled_from(RUNS), names)
links = st.fixed_dictionaries(
    {"topic": st.sampled_from([None, "t"]), "partition": st.just(0), "offset": st.sampled_from([1, 2])}
)


@st.composite
def events(draw: st.DrawFn, *, ordinary: bool) -> dict[str, Any]:
    """One event; ordinary ones mostly take the compiled path."""
    number = draw(st.integers(1, 6))
    kind = "run" if ordinary else draw(st.sampled_from(["run", "run", "run", "job", "dataset"]))
    run: dict[str, Any] | None = None
    if kind == "run":
        run = {
            "run_id": RUNS[0] if ordinary else draw(st.sampled_from(RUNS)),
            "state": draw(st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL", "OTHER"])),
            "parent": draw(parents),
            "root": draw(parents),
            "links": [] if ordinary else draw(st.lists(links, max_size=1)),
        }
    parts = 1 if ordinary else draw(st.sampled_from([1, 1, 1, 2]))
    return {
        "emit_time": draw(st.integers(0, 3)),
        "producer_id": bytes(16),
        "sequence": draw(st.integers(0, 3)),
        "event_id": bytes([number]) * 16,
        "event_time": 1_700_000_000_000_000 + draw(st.integers(0, 3)),
        "part": draw(st.integers(1, parts)),
        "parts": parts,
        "kind": kind,
        "run": run,
        "job": None
        if kind == "dataset" and draw(st.booleans())
        else {"namespace": "j", "name": "one" if ordinary else draw(st.sampled_from(["one", "one", "two"]))},
        "inputs": [] if kind == "dataset" else draw(st.lists(datasets(ordinary=ordinary, output=False), max_size=3)),
        "outputs": draw(st.lists(datasets(ordinary=ordinary, output=True), max_size=2)),
    }


def whole(event: dict[str, Any]) -> dict[str, Any]:
    """The event with all its fields, as a decoder gives it."""
    return plain.decode(SCHEMA, plain.encode(SCHEMA, event))


def key_of(event: dict[str, Any]) -> bytes:
    if event["run"]:
        return bytes(event["run"]["run_id"])
    if event["job"]:
        return str(event["job"]["name"]).encode()
    return b"dataset"


ARRIVAL = 1_700_000_000_000


def batch(
    events: Sequence[dict[str, Any]], first_offset: int = 0, *, replaying: bool = False, arrival: int = ARRIVAL
) -> Batch:
    """A chunk of partition 0 that holds these events."""
    values = [plain.message(SCHEMA, event) for event in events]
    count = len(values)
    return Batch(
        "lineage.runs",
        0,
        [key_of(event) for event in events],
        np.arange(first_offset, first_offset + count, dtype=np.int64),
        np.full(count, arrival, np.int64),
        [Group(SCHEMA, np.arange(count, dtype=np.int64), Bodies.join(values, 10))] if count else [],
        values,
        replaying,
    )


def feed(step: StitchingStep, chunks: Iterable[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The edge sets that these chunks give."""
    sets: list[dict[str, Any]] = []
    offset = 0
    for chunk in chunks:
        sets += [decoded(output) for output in step.process(batch(chunk, offset))]
        offset += len(chunk)
    return sets


def feed_one(step: StitchingStep, chunk: Sequence[dict[str, Any]], first_offset: int) -> list[dict[str, Any]]:
    """The edge sets of one more chunk."""
    return [decoded(output) for output in step.process(batch(chunk, first_offset))]


def decoded(output: Output) -> dict[str, Any]:
    """An edge set, read by fastavro alone."""
    stream = io.BytesIO(output.value[10:])
    value: Any = fastavro.schemaless_reader(stream, EDGE_SET.parsed, None)
    assert not stream.read()
    return dict(value)
