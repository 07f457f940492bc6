"""What one run, job or dataset event says of lineage, read from its plain form."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

TERMINAL = frozenset({"COMPLETE", "FAIL", "ABORT"})


class Node(NamedTuple):
    """A dataset version's identity."""

    namespace: str
    name: str
    version: str | None


class Description(NamedTuple):
    """What is said of a node beside its identity."""

    origin: str | None
    kind: str


class ColumnRow(NamedTuple):
    """A column edge without its ends; the fields stand as in the contract's ColumnEdge."""

    column: str | None
    target_column: str | None
    transformation: str
    subtype: str
    description: str | None
    masking: bool
    confidence: float | None
    captured: str


class Link(NamedTuple):
    """A run's link; the fields stand as in the contract's EdgeLink."""

    kind: str
    run_id: bytes | None
    job_namespace: str
    job_name: str
    trace_id: bytes | None
    span_id: bytes | None
    topic: str | None
    partition: int | None
    offset: int | None


class EventRef(NamedTuple):
    """An event as edge sets name it."""

    event_id: bytes
    event_time: int


class Scope(NamedTuple):
    """Whose edges: a run of a job; without a run, one event of a job or of a dataset."""

    run_id: bytes | None
    namespace: str
    name: str
    event_id: bytes | None


@dataclass(frozen=True)
class Written:
    """One output as an event names it: explicit sources, whether they are all, and its column lineage."""

    node: Node
    sources: tuple[Node, ...]
    complete: bool
    columns: tuple[tuple[Node, ColumnRow], ...]


@dataclass(frozen=True)
class Facts:
    """One message's worth of an event."""

    scope: Scope
    event: EventRef
    part: int
    parts: int
    kind: str
    state: str
    reads: tuple[Node, ...]
    writes: tuple[Written, ...]
    links: tuple[Link, ...]
    described: Mapping[Node, Description]

    @property
    def ends(self) -> bool:
        """Whether it ends its scope: a terminal state; an event without a run is an end in itself."""
        return self.scope.run_id is None or self.state in TERMINAL


def read_facts(event: Mapping[str, Any]) -> Facts:
    """The facts of a run event in the current version's plain form."""
    run = event["run"]
    job = event["job"] or {"namespace": "", "name": ""}
    run_id: bytes | None = run["run_id"] if run is not None else None
    described: dict[Node, Description] = {}
    reads = tuple(_node(dataset, None, described) for dataset in event["inputs"])
    writes = tuple(
        Written(
            _node(dataset, run_id, described),
            tuple(Node(ref["namespace"], ref["name"], ref["version"]) for ref in dataset["edges"]),
            dataset["edges_complete"],
            tuple(
                (
                    Node(row["namespace"], row["name"], row["version"]),
                    _row(row),
                )
                for row in dataset["column_lineage"]
            ),
        )
        for dataset in event["outputs"]
    )
    return Facts(
        scope=Scope(run_id, job["namespace"], job["name"], None if run is not None else event["event_id"]),
        event=EventRef(event["event_id"], event["event_time"]),
        part=event["part"],
        parts=event["parts"],
        kind=event["kind"],
        state=run["state"] if run is not None else "",
        reads=reads,
        writes=writes,
        links=tuple(_links(run)) if run is not None else (),
        described=described,
    )


def _row(row: Mapping[str, Any]) -> ColumnRow:
    made = ColumnRow(*(row[field] for field in ColumnRow._fields))
    # One NaN is not equal to another: said again, it would be new each time.
    return made if made.confidence == made.confidence else made._replace(confidence=math.nan)


def run_version(run_id: bytes) -> str:
    """The version of what a run wrote without saying a version."""
    return f"run:{uuid.UUID(bytes=run_id)}"


def _node(dataset: Mapping[str, Any], writer: bytes | None, described: dict[Node, Description]) -> Node:
    version, origin = dataset["version"], dataset["version_origin"]
    if version is None and writer is not None:
        version, origin = run_version(writer), "run"
    node = Node(dataset["namespace"], dataset["name"], version)
    described.setdefault(node, Description(origin, dataset["kind"]))
    return node


def _links(run: Mapping[str, Any]) -> list[Link]:
    links = [
        Link(kind, ref["run_id"], ref["job_namespace"], ref["job_name"], None, None, None, None, None)
        for kind, ref in (("parent", run["parent"]), ("root", run["root"]))
        if ref is not None
    ]
    links += [
        Link(
            "message", one["run_id"], "", "", *(one[f] for f in ("trace_id", "span_id", "topic", "partition", "offset"))
        )
        for one in run["links"]
    ]
    return links
