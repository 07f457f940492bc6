"""Feeding a partition again from before its committed offset, so that a step re-derives its state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headwater.settings import Settings
from headwater.streams.chunk import Chunk
from headwater.streams.clients import Reader
from headwater.streams.step import Step

Place = tuple[str, int]


async def replay(
    settings: Settings, place: Place, committed: int, step: Step, give: Callable[[Chunk], Awaitable[None]]
) -> None:
    """Give what lies within the step's lookback before the committed offset, in order.

    The lookback counts from the newest message before that offset, so that a worker that was down for long
    finds the same as one that was not. Raises Unavailable.
    """
    loop = asyncio.get_running_loop()
    reader = Reader(settings)
    try:
        first = await loop.run_in_executor(None, _first, reader, place, committed, step)
        if first is None:
            return
        reader.assign({place: first})
        position = first
        # At the end before the committed offset: the broker has forgotten the rest, or it holds no messages there.
        while position < committed and place not in reader.ended:
            for chunk in await loop.run_in_executor(None, reader.poll, 4000, 0.5):
                position = chunk.end
                part = _before(chunk, committed)
                if part.offsets:
                    await give(part)
    finally:
        await loop.run_in_executor(None, reader.close)


def _first(reader: Reader, place: Place, committed: int, step: Step) -> int | None:
    low, high = reader.ends(place)
    if step.lookback is None or committed <= low or high <= low:
        return None
    last = min(committed, high) - 1
    reader.assign({place: last})
    newest: int | None = None
    for _attempt in range(20):
        for chunk in reader.poll(1, 0.5):
            newest = chunk.timestamps[0]
        if newest is not None:
            break
    if newest is None or newest < 0:
        return low
    since = reader.since(place, newest - int(step.lookback.total_seconds() * 1000))
    return low if since is None else max(low, since)


def _before(chunk: Chunk, offset: int) -> Chunk:
    if chunk.offsets[-1] < offset:
        return chunk
    keep = sum(1 for one in chunk.offsets if one < offset)
    return Chunk(
        chunk.topic,
        chunk.partition,
        chunk.keys[:keep],
        chunk.values[:keep],
        chunk.offsets[:keep],
        chunk.timestamps[:keep],
    )
