"""A batch as records in the order in which checks want them."""

from __future__ import annotations

from typing import Any

from headwater.streams.batch import Batch


def in_event_order(batch: Batch) -> list[dict[str, Any]]:
    """All records of a batch by event time, then offset, so that small disorder within a chunk is none."""
    found: list[tuple[int, int, dict[str, Any]]] = []
    for group in batch.groups:
        found.extend(
            (record["event_time"], int(row), record) for row, record in zip(group.rows, group.dicts(), strict=True)
        )
    found.sort(key=lambda item: item[:2])
    return [record for _, _, record in found]
