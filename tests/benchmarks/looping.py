"""Messages of a confluent consumer as the core's chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headwater.streams.chunk import Chunk


def chunks_of(messages: Iterable[Any]) -> list[Chunk]:
    """One chunk for each partition."""
    by_partition: dict[int, list[Any]] = {}
    for message in messages:
        if message.error() is None:
            by_partition.setdefault(message.partition(), []).append(message)
    return [
        Chunk(
            "lineage.runs",
            partition,
            [message.key() for message in rows],
            [message.value() for message in rows],
            [message.offset() for message in rows],
            [message.timestamp()[1] for message in rows],
        )
        for partition, rows in by_partition.items()
    ]
