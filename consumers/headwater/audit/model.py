"""What the audit functions take and give: nodes, edges, walks, steps, explanations, answers.

Every class has `as_dict()`: the same facts as plain JSON values, times as ISO 8601 with Z.
"""

from __future__ import annotations

import dataclasses
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from importlib import import_module
from typing import Any, Literal, cast

from headwater.errors import MissingExtra

Direction = Literal["up", "down"]


def plain(value: object) -> Any:
    """A value as JSON holds it: times with Z, UUIDs as text, bytes as hex, no NaN or infinity (as text)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return show_time(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Sequence[object]", value)]
    return value


def show_time(value: datetime) -> str:
    """ISO 8601 in UTC with Z; a time without an offset is taken as UTC, as the store gives it."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


class Plain:
    """What every answer can do."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return cast("dict[str, Any]", plain(self))


@dataclass(frozen=True, order=True)
class Node(Plain):
    """A dataset (no version: all of it, or a version not known), a version of it, or a column of either."""

    namespace: str
    name: str
    version: str | None = None
    column: str | None = None

    def __str__(self) -> str:
        version = "" if self.version is None else f"@{self.version}"
        column = "" if self.column is None else f"[{self.column}]"
        return f"{self.namespace}/{self.name}{version}{column}"


@dataclass(frozen=True)
class WalkNode(Plain):
    """A node that a walk reached. `depth`: edges from the root, the fewest."""

    node: Node
    kind: str
    depth: int


@dataclass(frozen=True)
class WalkEdge(Plain):
    """An edge that a walk used: data went from `source` to `target`.

    `inferred`: the read named no version; the history took the one that stood at the time of the read.
    """

    source: Node
    target: Node
    run_id: uuid.UUID | None
    job_namespace: str
    job_name: str
    event_time: datetime
    inferred: bool = False
    transformation: str = ""
    subtype: str = ""
    masking: bool = False


@dataclass(frozen=True)
class Walk(Plain):
    """What lies up or down from `roots`. `truncated`: something was cut, `reason` says what and why."""

    roots: tuple[Node, ...]
    direction: Direction
    nodes: tuple[WalkNode, ...]
    edges: tuple[WalkEdge, ...]
    truncated: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Step(Plain):
    """A run as the history knows it. Times are UTC; parameters, environment and metrics as reported."""

    run_id: uuid.UUID
    job_namespace: str
    job_name: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    repository: str = ""
    commit: str = ""
    dirty: bool | None = None
    entrypoint: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    owners: tuple[str, ...] = ()
    inputs: tuple[Node, ...] = ()
    outputs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Prediction(Plain):
    """One prediction. Feature and output values are JSON text, or a digest where the sender kept them back.

    `message`: the one that asked for it, as topic[partition]@offset; `trace_id`: W3C's, hexadecimal; both empty where
    not known.
    """

    event_id: uuid.UUID
    event_time: datetime
    arrival: datetime
    key: str
    key_form: str
    stream: Node
    deployment: Node
    model: Node
    run_id: uuid.UUID | None
    features: Mapping[str, str]
    outputs: Mapping[str, str]
    sources: tuple[Node, ...]
    message: str = ""
    trace_id: str = ""


@dataclass(frozen=True)
class Explanation(Plain):
    """A prediction, the tree back from it to the raw sources, and each run on the way.

    `roots` of the walk are the model version and the dataset versions that the features came from;
    `raw_sources` are the nodes with nothing above them; `others` counts further predictions of that key.
    """

    prediction: Prediction
    walk: Walk
    steps: Mapping[str, Step]
    raw_sources: tuple[Node, ...]
    others: int = 0


@dataclass(frozen=True)
class Reach(Plain):
    """A node downstream of an incident. `predictions`: counted in the history since the onset, for streams."""

    node: Node
    kind: str
    hops: int
    predictions: int | None
    owners: tuple[str, ...]


@dataclass(frozen=True)
class Incident(Plain):
    """An incident as its newest alert tells it, with what it reaches counted from the history."""

    incident_id: uuid.UUID
    state: str
    number: int
    severity: float
    page: bool
    check: str
    title: str
    explanation: str
    dataset: Node
    job_namespace: str
    job_name: str
    run_id: uuid.UUID | None
    opened_at: datetime
    changed_at: datetime
    onset: datetime | None
    root: Mapping[str, Any] | None
    path: tuple[Node, ...]
    reaches: tuple[Reach, ...]
    predictions: int
    measures: tuple[Mapping[str, Any], ...]
    verdicts: tuple[uuid.UUID, ...]
    suppressed: tuple[uuid.UUID, ...]
    suppressed_by: uuid.UUID | None
    owners: tuple[str, ...]
    evidence: Mapping[str, str]
    truncated: bool
    truncated_because: str


@dataclass(frozen=True)
class Answer(Plain):
    """The rows that one SQL statement gave. `sql` and `parameters` give the same again."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    sql: str
    parameters: Mapping[str, Any]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def polars(self) -> Any:
        """The rows as a Polars DataFrame (`.to_arrow()` gives Arrow's table): ids as text, bytes as hexadecimal, times
        as they are. Raises MissingExtra without Polars.
        """
        try:
            polars = import_module("polars")
        except ModuleNotFoundError:
            raise MissingExtra("consumers", "polars") from None
        columns: dict[str, list[Any]] = {name: [] for name in self.columns}
        for row in self.rows:
            for name, value in zip(self.columns, row, strict=True):
                columns[name].append(value if isinstance(value, datetime) else plain(value))
        return polars.DataFrame(columns, strict=False)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in self.rows[:MOST_SHOWN]
        )
        more = len(self.rows) - MOST_SHOWN
        below = f"<p>and {more:,} more rows</p>" if more > 0 else ""
        return f"<table><tr>{head}</tr>{rows}</table>{below}"


#: Rows that a notebook shows of an answer.
MOST_SHOWN = 100


def _cell(value: object) -> str:
    shown = plain(value)
    text = "" if shown is None else shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    return escape(text)
