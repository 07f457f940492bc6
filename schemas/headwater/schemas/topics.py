"""The topics, each declared once: this file is the layout that `headwater topics` creates and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.settings import Settings

DAY_MS = 24 * 60 * 60 * 1000
#: What detection's state is made from again when a worker starts: baselines of 8 weeks, a graph of 60 days.
_DETECTION_MS = 90 * DAY_MS
#: Largest message on any topic; producers keep theirs below half of it by splitting.
MAX_MESSAGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """One topic. `record` is the record's name in `headwater.schemas.records`, None for schema texts and state."""

    name: str
    record: str | None
    key: str
    doc: str
    compacted: bool = False
    retention_ms: int = 7 * DAY_MS
    #: None: the setting `partitions`.
    partitions: int | None = None

    def full_name(self, settings: Settings) -> str:
        """The name on the broker."""
        return settings.prefix + self.name


RUNS = Topic(
    "lineage.runs",
    "run_event",
    "run id, 16 bytes; job or dataset name where there is no run",
    "run, job and dataset events",
)
PREDICTIONS = Topic("lineage.predictions", "prediction", "prediction key", "predictions")
PROFILES = Topic(
    "lineage.profiles", "profile", "dataset", "profiles of dataset versions, in parts", retention_ms=_DETECTION_MS
)
USES = Topic("lineage.uses", "dataset_use", "dataset", "each dataset as one event names it", retention_ms=_DETECTION_MS)
EDGES = Topic(
    "lineage.edges",
    "edge_set",
    "run id, 16 bytes; job or dataset name where there is no run",
    "edges asserted and withdrawn",
    retention_ms=_DETECTION_MS,
)
VERDICTS = Topic(
    "lineage.verdicts",
    "verdict",
    "dataset; job or rule where there is none",
    "what each check says",
    retention_ms=_DETECTION_MS,
)
ALERTS = Topic("lineage.alerts", "alert", "incident id, 16 bytes", "states of incidents", retention_ms=_DETECTION_MS)
DECISIONS = Topic("lineage.decisions", "decision", "what it is about", "what people decided", retention_ms=-1)
PRODUCERS = Topic("lineage.producers", "producer_event", "producer id, 16 bytes", "producers opening, living, closing")
SCHEMAS = Topic(
    "lineage.schemas",
    None,
    "fingerprint, 8 bytes little-endian",
    "writer schemas as JSON text",
    compacted=True,
    retention_ms=-1,
    partitions=1,
)
STITCHING = Topic(
    "lineage.stitching-state",
    None,
    "what of, then the run's id, 16 bytes, or a number",
    "what stitching workers keep of runs that are not young; each partition is of the same one of lineage.runs",
    compacted=True,
    retention_ms=-1,
)
DEAD_LETTERS = Topic(
    "lineage.dead-letters",
    "dead_letter",
    "topic that the message stood on",
    "what could not be read",
    retention_ms=30 * DAY_MS,
)

TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        RUNS,
        PREDICTIONS,
        PROFILES,
        USES,
        EDGES,
        VERDICTS,
        ALERTS,
        DECISIONS,
        PRODUCERS,
        SCHEMAS,
        STITCHING,
        DEAD_LETTERS,
    )
}


def dataset_key(namespace: str, name: str) -> bytes:
    """Key of messages about a dataset: both names, so that all of a dataset is on one partition."""
    return f"{namespace}\n{name}".encode()
