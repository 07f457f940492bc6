"""One step's line: chunks are read on one thread, processed on a second, confirmed on a third, committed in order.

    feed → lane of the partition → read (thread) → process, send (thread) → confirm (thread) → commit (loop)

At most ROUNDS rounds are between process and commit. All of it hangs on one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from headwater.settings import Settings
from headwater.streams.chunk import Chunk, Fetched
from headwater.streams.feed import Feed, Handlers, Place
from headwater.streams.letters import dead_letters_of
from headwater.streams.metrics import Tally
from headwater.streams.positions import Positions
from headwater.streams.raw import reader_of
from headwater.streams.reading import Reading
from headwater.streams.recalling import Recalling
from headwater.streams.restore import attach_past, fed_again_until, others_fed, rederive
from headwater.streams.schemas import SchemaBook
from headwater.streams.sending import Sender, Stopped
from headwater.streams.step import Step, clock_us, tick_seconds, whole
from headwater.streams.watching import watch
from headwater.streams.work import Interrupted, Open, Worker

_log = logging.getLogger("headwater.streams")

#: Rounds in flight: so many that processing need not wait for the broker's confirmation of those before.
ROUNDS = 8
#: Chunks that are taken in before they are processed; with more than that nothing is fetched.
CHUNKS = 8
#: How long a rebalance or a stop waits for what is under way; what is not done then comes again.
DRAIN_SECONDS = 5.0


class Pipeline:
    """Runs one step on its consumer group."""

    def __init__(
        self,
        step: Step,
        settings: Settings,
        book: SchemaBook,
        generation: str | None = None,
        now_us: Callable[[], int] = clock_us,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        """`headers`: of the topics whose messages go out in Confluent's form."""
        self._step = step
        self._settings, self._book = settings, book
        self._reader = reader_of(step, book, generation)
        self._now_us = now_us
        self._sender = Sender(settings, headers)
        self.tally = Tally(step.name)
        self._worker = Worker(step, self._sender, self.tally)
        attach_past(step, settings, book)
        self._reading, self._working, self._confirming = (
            ThreadPoolExecutor(1, f"{step.name}-{name}") for name in ("read", "work", "confirm")
        )
        self._recalling = Recalling(step, settings, generation, self._working, self.tally)
        self._held: set[Place] = set()
        self._positions = Positions()
        #: Counts assignments; what was taken in under an earlier one is dropped.
        self._epoch = 0
        self._lanes: dict[Place, asyncio.Queue[Fetched]] = {}
        self._followers: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken = self._open_commits = 0
        self._rounds = asyncio.Semaphore(ROUNDS)
        self._commits: asyncio.Queue[tuple[int, Open]] = asyncio.Queue()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._feed = Feed(settings, step, Handlers(self._take, self._revoked, self._assigned))
        self._timers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Join the group and begin."""
        watching = watch(self.tally, self._feed.kafka, self._settings.prefix)
        self._timers = [self._task(timer) for timer in (self._tick(), self._commit(), watching)]
        await self._feed.start()

    async def stop(self) -> None:
        """Finish what is under way, commit it, leave the group."""
        self._feed.open_gate(False)
        await self._drain()
        for timer in self._timers:
            timer.cancel()
        self._worker.stop()
        self._cancel_lanes()
        await self._feed.stop()
        for executor in (self._reading, self._working, self._confirming):
            executor.shutdown(wait=False, cancel_futures=True)

    @property
    def crash(self) -> str | None:
        """Why the consumer gave up, where it did."""
        return self._feed.crash

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (Stopped, Interrupted):
            return
        except Exception as error:  # the process ends on whatever it is
            if not self.failed.done():
                self.failed.set_exception(error)

    async def _take(self, chunk: Fetched) -> None:
        if (lane := self._lanes.get(chunk.place)) is None:
            return  # of an earlier assignment; the lane begins at the committed offset
        if (back := self._positions.back_to(chunk)) is not None:
            await self._feed.seek({chunk.place: back})
            return
        self._taken += 1
        self._idle.clear()
        self._feed.open_gate(self._taken < CHUNKS)
        lane.put_nowait(chunk)

    def _given(self, epoch: int) -> None:
        if epoch != self._epoch:
            return
        self._taken -= 1
        self._feed.open_gate(self._taken < CHUNKS)
        self._settle()

    def _settle(self) -> None:
        if self._taken == 0 and self._open_commits == 0:
            self._idle.set()

    async def _lane(self, place: Place, epoch: int, queue: asyncio.Queue[Fetched], start: int | None) -> None:
        """One partition: its chunks one after another; reading runs ahead of processing."""
        await self._recalling.done(place)
        if start is not None:
            give = partial(self._replayed, epoch=epoch)
            await rederive(self._settings, place, start, self._step, give, self._working, lambda: epoch == self._epoch)
        if epoch != self._epoch:
            return
        self.tally.restoring.discard(place)
        await others_fed(self._step, place, self.tally.restoring, lambda: epoch == self._epoch)
        self._positions.whole(place, start or 0)
        read_ahead: asyncio.Queue[tuple[Fetched, asyncio.Future[Reading]]] = asyncio.Queue(2)
        follower = self._task(self._process(epoch, read_ahead))
        try:
            while epoch == self._epoch:
                chunk = await queue.get()
                reading = asyncio.get_running_loop().run_in_executor(self._reading, self._read, chunk, False, False)
                await read_ahead.put((chunk, reading))
        finally:
            follower.cancel()

    async def _process(self, epoch: int, ahead: asyncio.Queue[tuple[Fetched, asyncio.Future[Reading]]]) -> None:
        while epoch == self._epoch:
            chunk, future = await ahead.get()
            reading = await future
            if reading.missing:
                reading = await self._wait_for_schemas(chunk, reading)
            await self._work(partial(self._step_on, chunk, reading, epoch))
            if epoch != self._epoch:
                return
            self._positions.processed(chunk)
            self._given(epoch)

    def _read(self, chunk: Fetched, replaying: bool, final: bool) -> Reading:
        with self.tally.at("read"):
            return self._reader(chunk.opened(), replaying, final)

    def _step_on(self, chunk: Fetched, reading: Reading, epoch: int) -> Open | None:
        if epoch != self._epoch:
            return None
        letters = dead_letters_of(reading, self._step.name, self._settings.prefix, self._now_us)
        self.tally.refused(chunk.topic, [one.reason for one in reading.refused[: len(letters)]])
        return self._worker.process(reading.batch, letters, chunk.end)

    async def _work(self, call: Callable[[], Open | None]) -> None:
        """Run it on the step's thread; a round that ended with it goes on to be confirmed."""
        await self._rounds.acquire()
        epoch = self._epoch
        try:
            ended = await asyncio.get_running_loop().run_in_executor(self._working, call)
        except BaseException:
            self._rounds.release()
            raise
        if ended is None:
            self._rounds.release()
            return
        self._open_commits += 1
        self._idle.clear()
        self._commits.put_nowait((epoch, ended))

    async def _commit(self) -> None:
        """Confirm and commit rounds in order; several that ended meanwhile share one confirmation."""
        loop = asyncio.get_running_loop()
        while True:
            ended = [await self._commits.get()]
            while not self._commits.empty():
                ended.append(self._commits.get_nowait())
            while not await loop.run_in_executor(self._confirming, self._sender.confirm, 1.0):
                pass
            offsets: dict[Place, int] = {}
            for epoch, one in ended:
                # What others may have gone on behind is not committed: it would lead them back, or us past them.
                if epoch == self._epoch:
                    offsets.update(one.offsets)
            if offsets and await self._feed.commit(offsets):
                self._worker.committed(offsets)
                self.tally.done(offsets, [one for _, one in ended], self._now_us())
            for _ in ended:
                self._rounds.release()
            self._open_commits -= len(ended)
            self._settle()

    async def _wait_for_schemas(self, chunk: Fetched, reading: Reading) -> Reading:
        loop, epoch = asyncio.get_running_loop(), self._epoch
        self._feed.pause(chunk.place, paused=True)
        _log.info("%s waits for %s", chunk.topic, ", ".join(map(str, reading.missing)))
        try:
            await self._book.waited(reading.missing, ended=lambda: epoch != self._epoch)
        finally:
            self._feed.pause(chunk.place, paused=False)
        return await loop.run_in_executor(self._reading, self._read, chunk, False, True)

    async def _replayed(self, chunk: Chunk, epoch: int) -> None:
        loop = asyncio.get_running_loop()
        reading = await loop.run_in_executor(self._reading, self._read, chunk, True, False)
        if reading.missing:
            await self._book.waited(reading.missing, ended=lambda: epoch != self._epoch)
            reading = await loop.run_in_executor(self._reading, self._read, chunk, True, True)
        if epoch == self._epoch:
            await loop.run_in_executor(self._working, self._step_on, chunk, reading, epoch)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(tick_seconds(self._step))
            with contextlib.suppress(Interrupted):  # the next one asks again
                await self._work(lambda: self._worker.tick(self._now_us()))

    async def _drain(self) -> None:
        """Wait for what is under way, at most DRAIN_SECONDS, and end the round."""
        deadline = time.monotonic() + DRAIN_SECONDS
        try:
            await asyncio.wait_for(self._empty(), DRAIN_SECONDS)
            await asyncio.wait_for(self._work(self._worker.end_round), max(0.1, deadline - time.monotonic()))
            await asyncio.wait_for(self._idle.wait(), max(0.1, deadline - time.monotonic()))
        except TimeoutError:
            _log.info("%s: not all was done within %g s, it comes again", self._step.name, DRAIN_SECONDS)

    async def _empty(self) -> None:
        while self._taken:
            await asyncio.sleep(0.01)

    def _cancel_lanes(self) -> None:
        self._epoch += 1
        for task in self._followers:
            task.cancel()
        self._followers.clear()
        self._lanes.clear()
        self._taken = 0
        self._settle()

    async def _revoked(self) -> None:
        self.tally.assigned = None
        await self._drain()
        self._cancel_lanes()
        # A step that waits to be asked again would hold up the whole group.
        self._worker.interrupt()
        await asyncio.get_running_loop().run_in_executor(self._working, self._worker.forget_round)

    async def _assigned(self, assigned: set[Place]) -> None:
        self._cancel_lanes()
        starts = await self._feed.committed(assigned)
        kept = whole(self._step, self._positions.keepable(self._held & assigned, starts), self._held | assigned)
        if gone := self._held - kept:
            await asyncio.get_running_loop().run_in_executor(self._working, self._worker.revoked, gone)
        self._held = set(assigned)
        self.tally.rebalanced(assigned, starts, assigned - kept)
        epoch = self._epoch
        self._followers.append(self._task(self._recalling.run(assigned - kept, lambda: epoch == self._epoch)))
        for place in assigned:
            queue = self._lanes[place] = asyncio.Queue()
            start = None if place in kept else fed_again_until(self._step, place, starts)
            self._followers.append(self._task(self._lane(place, epoch, queue, start)))
        await self._feed.seek(self._positions.begin(assigned, starts, kept))
        _log.info("%s has %d partitions", self._step.name, len(assigned))
        self._feed.open_gate(True)
