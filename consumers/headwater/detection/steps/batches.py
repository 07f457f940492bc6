"""A batch as records in the order in which checks want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headwater.detection.uses import COPIED
from headwater.schemas import topics
from headwater.streams.batch import Batch

#: By topic what detection reads of its records; of the others all.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    topics.RUNS.name: (
        "event_id",
        "event_time",
        "kind",
        "actor",
        "purpose",
        "run.run_id",
        "run.state",
        "run.nominal_start",
        "job.namespace",
        "job.name",
        "job.code",
        *(f"{side}.{name}" for side in ("inputs", "outputs") for name in COPIED),
        "parameters",
        "metrics",
    ),
    topics.USES.name: (
        "emit_time",
        "event_id",
        "event_time",
        "source_event_id",
        "access",
        "namespace",
        "name",
        "version",
        "version_origin",
        "kind",
        "run_id",
        "run_state",
        "job_namespace",
        "job_name",
        "nominal_start",
        "code.commit",
        "code.dirty",
        "code.digest",
        "parameters_digest",
        "purpose",
        "rows",
        "partitions",
        "columns",
        "columns_read",
        "owners",
        "tags",
        "fingerprint",
        "metrics",
    ),
    topics.EDGES.name: (
        "event_time",
        "run_id",
        "datasets.namespace",
        "datasets.name",
        "datasets.version",
        "datasets.kind",
        "edges.source",
        "edges.target",
        "edges.withdrawn_by",
        "products.sources",
        "products.targets",
        "products.withdrawn_by",
        "column_edges.source",
        "column_edges.target",
        "column_edges.withdrawn_by",
        "column_edges.column",
        "column_edges.target_column",
        "column_edges.transformation",
        "column_edges.masking",
    ),
}


def in_event_order(batch: Batch) -> list[dict[str, Any]]:
    """All records of a batch by event time, then offset, so that small disorder within a chunk is none. Of a record
    there is what detection reads.
    """
    parts = PARTS.get(batch.topic, ())
    found: list[tuple[int, int, dict[str, Any]]] = []
    for group in batch.groups:
        found.extend(
            (record["event_time"], int(row), record) for row, record in zip(group.rows, group.dicts(parts), strict=True)
        )
    found.sort(key=lambda item: item[:2])
    return [record for _, _, record in found]
