"""Messages for tests of the history: small makers of each record, and batches as the worker core feeds them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from headwater.schemas import plain, records, topics
from headwater.schemas.codec import Bodies
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.schemas.records import Schema
from headwater.streams.batch import Batch, Group

NS = "lake://test"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
RECORD_OF = {topic.name: str(topic.record) for topic in topics.TOPICS.values() if topic.record}


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def at(minutes: float) -> int:
    """µs since 1970, so many minutes after START."""
    return micros(START + timedelta(minutes=minutes))


def named(what: str) -> bytes:
    """An id that is the same in every run."""
    return hashlib.blake2b(what.encode(), digest_size=16).digest()


def as_uuid(what: str) -> uuid.UUID:
    return uuid.UUID(bytes=named(what))


def head(what: str, when: int, sequence: int = 0, producer: str = "producer") -> dict[str, Any]:
    return {
        "emit_time": min(when, 2**62) + 1000,
        "producer_id": named(producer),
        "sequence": sequence,
        "event_id": named(what),
        "event_time": when,
    }


def dataset(name: str, version: str | None = None, **more: Any) -> dict[str, Any]:
    return {"namespace": NS, "name": name, "version": version, **more}


def run_event(
    run: str,
    state: str,
    when: int,
    job: str = "",
    inputs: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    job_fields = more.pop("job_fields", {})
    return {
        **head(f"{run} {state} {when} {more.get('part', 1)}", when, more.pop("sequence", 0)),
        "run": {"run_id": named(run), "state": state, **more.pop("run_fields", {})},
        "job": {"namespace": "jobs", "name": job or run.split(" ", maxsplit=1)[0], **job_fields},
        "inputs": list(inputs),
        "outputs": list(outputs),
        **more,
    }


def edge_set(
    run: str,
    when: int,
    datasets: Sequence[Mapping[str, Any]],
    edges: Iterable[tuple[int, int]] = (),
    *,
    job: str = "",
    products: Iterable[tuple[Sequence[int], Sequence[int]]] = (),
    columns: Iterable[Mapping[str, Any]] = (),
    withdrawn: str | None = None,
    known: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Edges known by `known` (a run event's label), all withdrawn by `withdrawn` where given."""
    events = [{"event_id": named(known or f"{run} known"), "event_time": when}]
    gone = -1
    if withdrawn is not None:
        events.append({"event_id": named(withdrawn), "event_time": when + 1})
        gone = 1
    base = {"known_by": 0, "withdrawn_by": gone}
    return {
        **head(f"edges {run} {when} {withdrawn}", when),
        "run_id": named(run),
        "job_namespace": "jobs",
        "job_name": job or run.split(" ", maxsplit=1)[0],
        "state": "COMPLETE",
        "events": events,
        "datasets": list(datasets),
        "edges": [{"source": source, "target": target, **base} for source, target in edges],
        "products": [{"sources": list(sources), "targets": list(targets), **base} for sources, targets in products],
        "column_edges": [{**base, **column} for column in columns],
        **more,
    }


def prediction(key: str, when: int, model: str, version: str, **more: Any) -> dict[str, Any]:
    return {
        **head(f"prediction {key} {when}", when, more.pop("sequence", 0)),
        "key": key,
        "key_form": "public",
        "deployment": dataset("deploy"),
        "stream": dataset("predictions"),
        "model": dataset(model, version),
        **more,
    }


def batch(
    topic: str,
    values: Sequence[Mapping[str, Any]],
    first: int = 0,
    partition: int = 0,
    *,
    schema: Schema | None = None,
    generation: str | None = None,
    bodies: Sequence[bytes] | None = None,
) -> Batch:
    """Records as one chunk of a partition, as the worker core hands it to a step."""
    writer = schema or records.current(RECORD_OF[topic])
    raw = list(bodies) if bodies is not None else [plain.encode(writer, value) for value in values]
    header = b"\xc3\x01" + writer.fingerprint_bytes
    messages = [header + body for body in raw]
    count = len(messages)
    group = Group(writer, np.arange(count, dtype=np.int64), Bodies.join(messages, SINGLE_OBJECT_HEADER))
    offsets = np.arange(first, first + count, dtype=np.int64)
    keys: list[bytes | None] = [b"key"] * count
    return Batch(topic, partition, keys, offsets, offsets * 0, [group], messages, generation=generation)
