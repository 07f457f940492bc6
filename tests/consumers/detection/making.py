"""Records as producers and stitching make them, for tests that feed detection directly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from headwater.producer.profiles.profile import as_record, profile
from headwater.schemas import plain, records

NAMESPACE = "lake"
JOBS = "jobs"


def an_id(*parts: object) -> bytes:
    """16 bytes that these parts name."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def microseconds(day: date) -> int:
    """Midnight UTC of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000_000)


def through_the_contract(record: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The record as a consumer gets it: encoded, decoded, with the defaults of what was left out."""
    schema = records.current(record)
    body = plain.encode(schema, {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, **fields})
    return plain.decode(schema, body)


def profile_record(
    name: str, day: date, data: Any, *, version: str | None = None, run: bytes | None = None, **fields: Any
) -> dict[str, Any]:
    """A profile of a slice, of one part, as the producer makes it."""
    found = profile(data)
    return through_the_contract(
        "profile",
        {
            "event_id": an_id("profile", name, day, fields.get("role", "output")),
            "event_time": microseconds(day),
            "namespace": NAMESPACE,
            "name": name,
            "version": version or str(day),
            "run_id": run,
            "partitions": [f"day={day}"],
            "columns": found.columns,
            **as_record(found),
            **fields,
        },
    )


Ref = tuple[str, str]
ColumnEdge = tuple[int, str | None, str | None]


def dataset(name: str, version: str | None, kind: str = "table") -> dict[str, Any]:
    """A dataset as an edge set lists it."""
    return {"namespace": NAMESPACE, "name": name, "version": version, "version_origin": None, "kind": kind}


def edge_set(
    job: str,
    day: date,
    inputs: Sequence[Mapping[str, Any]],
    output: Mapping[str, Any],
    columns: Iterable[ColumnEdge] = (),
    indirect: Iterable[ColumnEdge] = (),
) -> dict[str, Any]:
    """Every input to one output. Column edges: index of the input, its column, the output's column."""
    target = len(inputs)

    def column_edge(edge: ColumnEdge, transformation: str) -> dict[str, Any]:
        index, column, target_column = edge
        return {
            "source": index,
            "target": target,
            "known_by": 0,
            "column": column,
            "target_column": target_column,
            "transformation": transformation,
        }

    event = an_id("event", job, day)
    return through_the_contract(
        "edge_set",
        {
            "event_id": an_id("edges", job, day, output["name"]),
            "event_time": microseconds(day),
            "run_id": an_id("run", job, day),
            "job_namespace": JOBS,
            "job_name": job,
            "state": "COMPLETE",
            "events": [{"event_id": event, "event_time": microseconds(day)}],
            "datasets": [*inputs, output],
            "edges": [{"source": index, "target": target, "known_by": 0} for index in range(target)],
            "column_edges": [
                *(column_edge(edge, "DIRECT") for edge in columns),
                *(column_edge(edge, "INDIRECT") for edge in indirect),
            ],
        },
    )


def use(job: str, day: date, access: str, node: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A use of a dataset by the day's run of a job."""
    return through_the_contract(
        "dataset_use",
        {
            "event_id": an_id("use", job, day, access, sorted(node.items(), key=str), sorted(fields.items(), key=str)),
            "event_time": microseconds(day),
            "source_event_id": an_id("event", job, day),
            "access": access,
            "run_id": an_id("run", job, day),
            "run_state": "COMPLETE",
            "job_namespace": JOBS,
            "job_name": job,
            **node,
            **fields,
        },
    )


def standing(verdicts: Iterable[Mapping[str, Any]]) -> dict[bytes, dict[str, Any]]:
    """Of all verdicts on a topic those that stand, by their ids, without what says who sent them when."""
    said = [dict(verdict) for verdict in verdicts]
    most: dict[str, str] = {}
    for evidence in (verdict["evidence"] for verdict in said):
        if "judged" in evidence:
            most[evidence["judged"]] = max(most.get(evidence["judged"], ""), evidence["known"])
    found: dict[bytes, dict[str, Any]] = {}
    for verdict in said:
        content = {key: value for key, value in verdict.items() if key not in {"emit_time", "producer_id", "sequence"}}
        evidence = verdict["evidence"]
        if "judged" not in evidence or evidence["known"] == most[evidence["judged"]]:
            before = found.setdefault(verdict["event_id"], content)
            assert before == content, "two verdicts have one id"
    return found
