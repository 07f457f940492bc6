"""Uses are not archived: those that stand on their topic no longer are made of run events anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from headwater.detection.recall.past import CLOCKS_US, EVER, Row, Where
from headwater.detection.uses import about, uses
from headwater.schemas import topics
from headwater.streams.partitioning import partition_of
from headwater.streams.step import Wanted


def unused(wanted: Wanted) -> Where:
    """Run events of which some use may stand on no topic: of another life of the broker, or from before the first use
    that a partition holds.
    """
    latest = max((at.time for (topic, _), at in wanted.places.items() if topic == topics.USES.name), default=None)
    if latest is None:
        return EVER
    return Where(
        "(kafka_generation != {generation:String} OR toUnixTimestamp64Micro(arrival) < {latest:Int64})",
        {"generation": wanted.generation, "latest": latest + CLOCKS_US},
    )


def uses_of(row: Row, wanted: Wanted) -> Iterator[tuple[int, dict[str, Any]]]:
    """The uses of a run event that do not stand on their topic, each with its partition; told when it arrived.

    Of those around the topic's beginning some may stand there all the same: a use that comes twice changes nothing.
    """
    for use in uses(row.record):
        number = _partition(*about(use), wanted.partitions[topics.USES.name])
        begin = wanted.places.get((topics.USES.name, number))
        stands = begin is not None and row.generation == wanted.generation and row.arrival >= begin.time + CLOCKS_US
        if not stands:
            yield number, {**use, "emit_time": row.arrival}


@lru_cache(100_000)
def _partition(namespace: str, name: str, count: int) -> int:
    return partition_of(topics.dataset_key(namespace, name), count)
