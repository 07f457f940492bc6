"""Feeding a partition again from before its committed offset, so that a step re-derives its state."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from headwater.errors import Unavailable
from headwater.settings import Settings
from headwater.streams.chunk import Chunk
from headwater.streams.clients import Reader
from headwater.streams.step import Step, read_whole, reads_back

_log = logging.getLogger("headwater.streams")

Place = tuple[str, int]

#: Between two tries while the broker is away.
_AGAIN_SECONDS = 1.0


async def replay(
    settings: Settings,
    place: Place,
    committed: int,
    step: Step,
    give: Callable[[Chunk], Awaitable[None]],
    since: int | None = None,
) -> None:
    """Give what lies before the committed offset, from `since` on or within the step's lookback, in order; all of a
    topic that the step wants whole, and up to its end what the step reads back. What lies behind the committed offset
    comes once more then.

    The lookback counts from the newest message before that offset, so that a worker that was down for long
    finds the same as one that was not. While the broker is away, it goes on trying.
    """
    # A thread of its own: a reader is not closed while another thread still polls it.
    thread = ThreadPoolExecutor(1, f"{step.name}-replay")
    call = partial(asyncio.get_running_loop().run_in_executor, thread)
    position, back = since, True
    try:
        while True:
            reader = await call(Reader, settings)
            try:
                if back and place[0] in reads_back(step):
                    committed, back = max(committed, (await call(reader.ends, place))[1]), False
                if position is None:
                    position = await call(_first, reader, place, committed, step)
                if position is None:
                    return
                reader.assign({place: position})
                # At the end before the committed offset: the broker has forgotten the rest, or has no messages there.
                while position < committed and place not in reader.ended:
                    for chunk in await call(reader.poll, 4000, 0.5):
                        position = chunk.end
                        part = _before(chunk, committed)
                        if len(part.offsets):
                            await give(part)
            except Unavailable as error:
                _log.warning("%s: state is not re-derived yet: %s", step.name, error)
            else:
                return
            finally:
                await call(reader.close)
            await asyncio.sleep(_AGAIN_SECONDS)
    finally:
        thread.shutdown(wait=False)


def _first(reader: Reader, place: Place, committed: int, step: Step) -> int | None:
    low, high = reader.ends(place)
    if step.lookback is None or committed <= low or high <= low:
        return None
    if place[0] in read_whole(step):
        return low
    last = min(committed, high) - 1
    reader.assign({place: last})
    newest: int | None = None
    for _attempt in range(20):
        for chunk in reader.poll(1, 0.5):
            # Not later than now: where the broker does not stamp messages, a client's clock may be years ahead.
            newest = min(int(chunk.timestamps[0]), int(time.time() * 1000))
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
