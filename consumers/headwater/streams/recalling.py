"""State from the history, where a step's topics are younger than what its state is made of: once an assignment."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headwater.errors import HeadwaterError, Unavailable
from headwater.settings import Settings
from headwater.streams.clients import Reader
from headwater.streams.metrics import Tally
from headwater.streams.step import Answer, Beginning, Piece, Recalls, Step, Wanted, clock_us

_log = logging.getLogger("headwater.streams")

Place = tuple[str, int]

#: Between two tries while the broker or the history is away.
_AGAIN_SECONDS = 0.5
#: A history that gave no answer for so long is gone on without: a worker must not wait for ever.
PATIENCE_SECONDS = 20.0
#: How long a broker may take to say where all partitions begin.
_BEGIN_SECONDS = 30.0
#: Between two lines that say how far it is.
_SAY_SECONDS = 30.0
#: Offsets of a broker's life are no other life's: its topics begin with it.
_SINCE_EVER = Beginning(0, -(2**62))


@dataclass
class Waiter:
    """Asks again while nothing answers, until `seconds` after the last answer or where it is wanted no longer."""

    wanted: Callable[[], bool]
    seconds: float = PATIENCE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def __call__(self, question: Callable[[], Answer]) -> Answer:
        """The answer. Raises Unavailable."""
        while True:
            try:
                answer = question()
            except Unavailable:
                if not self.wanted() or self.clock() - self._last > self.seconds:
                    raise
                time.sleep(_AGAIN_SECONDS)
            else:
                self._last = self.clock()
                return answer


class Recalling:
    """Of one step. All on the event loop, but for what the step does."""

    def __init__(self, step: Step, settings: Settings, generation: str | None, working: Executor, tally: Tally) -> None:
        """`generation`: the life of a broker whose offsets restart with it; `working`: the step's thread."""
        self._step = step
        self._settings = settings
        self._generation = generation or ""
        self._working = working
        self._tally = tally
        self._done: dict[Place, asyncio.Event] = {}

    async def done(self, place: Place) -> None:
        """Wait until the partition's state has what the history has of it."""
        if place in self._done:
            await self._done[place].wait()

    def run(self, places: Collection[Place], wanted: Callable[[], bool]) -> Coroutine[Any, Any, None]:
        """Lets the step have what its topics do not hold; partitions are waited for from now on. `wanted`: whether the
        assignment stands.

        Without a history it goes on, and says so.
        """
        done = asyncio.Event()
        self._done = dict.fromkeys(places, done) if isinstance(self._step, Recalls) else {}
        return self._run(places, wanted, done)

    async def _run(self, places: Collection[Place], wanted: Callable[[], bool], done: asyncio.Event) -> None:
        step = self._step
        if not isinstance(step, Recalls) or not places:
            return
        thread = ThreadPoolExecutor(1, f"{self._step.name}-recall")
        try:
            whole = await self._feed(step, thread, places, wanted)
            if wanted():
                take = partial(step.recalled, places, whole=whole)
                await asyncio.get_running_loop().run_in_executor(self._working, take)
                done.set()
        finally:
            thread.shutdown(wait=False)

    async def _feed(
        self, step: Recalls, thread: Executor, places: Collection[Place], wanted: Callable[[], bool]
    ) -> bool:
        """Whether all was taken in."""
        loop = asyncio.get_running_loop()
        name, began, said, rows = self._step.name, time.monotonic(), time.monotonic(), 0
        begin = await loop.run_in_executor(thread, self._begin, places, wanted)
        if begin is None:
            return False
        try:
            pieces = step.recall(begin)
            while True:
                asked = time.monotonic()
                piece = await loop.run_in_executor(thread, next, pieces, None)
                if piece is None or not wanted():
                    break
                await loop.run_in_executor(self._working, _take, piece, wanted)
                rows += piece.rows
                self._tally.recalled(piece.rows, time.monotonic() - asked)
                if time.monotonic() - said > _SAY_SECONDS:
                    said = time.monotonic()
                    _log.info("%s: %d rows of the history so far, in %.0f s", name, rows, said - began)
        except HeadwaterError as error:
            if wanted():
                _log.warning("%s starts from the topics alone, without the history: %s", name, error)
            return False
        _log.info("%s: state from %d rows of the history in %.1f s", name, rows, time.monotonic() - began)
        return True

    def _begin(self, places: Collection[Place], wanted: Callable[[], bool]) -> Wanted | None:
        """Where the partitions begin; None where that is wanted no longer. While the broker is away, it goes on."""
        said = ""
        while wanted():
            reader = Reader(self._settings)
            try:
                counts = {topic: len(reader.partitions(topic)) for topic in {topic for topic, _ in places}}
                begin = dict.fromkeys(places, _SINCE_EVER) if self._generation else beginnings(reader, places)
                return Wanted(begin, counts, self._generation, Waiter(wanted))
            except Unavailable as error:
                if str(error) != said:
                    said = str(error)
                    _log.warning("%s: where its topics begin is not known yet: %s", self._step.name, error)
            finally:
                reader.close()
            time.sleep(_AGAIN_SECONDS)
        return None


def beginnings(reader: Reader, places: Collection[Place]) -> Mapping[Place, Beginning]:
    """Where each partition begins. Raises Unavailable."""
    asked_at = clock_us()
    deadline = time.monotonic() + _BEGIN_SECONDS
    found: dict[Place, Beginning] = {}
    reader.assign(dict.fromkeys(places, reader.FIRST))
    while len(found) < len(places):
        for chunk in reader.poll(1000, 0.1):
            found.setdefault(chunk.place, Beginning(chunk.first, int(chunk.timestamps[0]) * 1000))
        for place in (reader.ended & set(places)) - found.keys():
            found[place] = Beginning(reader.ends(place)[1], asked_at)
        if time.monotonic() > deadline:
            raise Unavailable(f"{len(places) - len(found)} of {len(places)} partitions do not say where they begin")
    return found


def _take(piece: Piece, wanted: Callable[[], bool]) -> None:
    if wanted():
        piece.take()
