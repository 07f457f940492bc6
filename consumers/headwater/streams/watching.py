"""Once a second, beside a step's line: that the event loop turns, and how far the partitions go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

from headwater.streams.metrics import Tally

_SECONDS = 1.0
#: What is not fetched tells nothing of its end: then the broker is asked so often (of these turns).
_ASK_EVERY = 10
_ASK_SECONDS = 5.0


async def watch(tally: Tally, kafka: Callable[[], tuple[Any, Any]], prefix: str) -> None:
    """Keep the tally's `turned`, `ends` and first positions. `kafka`: the consumer's thread and the consumer."""
    turn = 0
    while True:
        await asyncio.sleep(_SECONDS)
        tally.turned = tally.clock()
        turn += 1
        # Between assignments, and before the first, there is nothing to see.
        with contextlib.suppress(Exception):
            _look(tally, kafka()[1], prefix)
        if turn % _ASK_EVERY == 0 and tally.waiting_since is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(_ask(tally, kafka, prefix), _ASK_SECONDS)


def _look(tally: Tally, consumer: Any, prefix: str) -> None:
    """What fetches said. Where nothing was committed yet, lag counts from the first position."""
    state = consumer._subscription.subscription.assignment  # noqa: SLF001 — highwater() and position() wait; the version is pinned
    ends: dict[tuple[str, int], int] = {}
    for partition in consumer.assignment():
        place = (partition.topic.removeprefix(prefix), partition.partition)
        seen = state.state_value(partition)
        if seen.has_valid_position:
            tally.committed.setdefault(place, seen.position)
        if seen.highwater is not None:
            ends[place] = max(seen.highwater, tally.ends.get(place, 0))
    tally.ends = ends


async def _ask(tally: Tally, kafka: Callable[[], tuple[Any, Any]], prefix: str) -> None:
    thread, consumer = kafka()
    found = await thread.call_thread(consumer.end_offsets, list(consumer.assignment()))
    told = {(p.topic.removeprefix(prefix), p.partition): int(end) for p, end in found.items()}
    tally.ends = {place: max(end, tally.ends.get(place, 0)) for place, end in told.items()}
