"""Running steps until told to stop: wait for the broker, start their lines, drain on SIGTERM, fail loudly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.errors import HeadwaterError, StateError, Unavailable
from headwater.schemas.registry import Registry
from headwater.schemas.topics import TOPICS
from headwater.settings import Settings
from headwater.streams import clients, memory
from headwater.streams.health import Health
from headwater.streams.metrics import Tally
from headwater.streams.pipeline import Pipeline
from headwater.streams.schemas import SchemaBook, publish_released, register_released
from headwater.streams.step import Stateful, Step

_log = logging.getLogger("headwater.streams")

#: Between two questions to a broker that is not there.
_RETRY_SECONDS = 1.0
#: Between two looks at how topics differ from what is declared.
_LAYOUT_SECONDS = 300.0
#: Loading what is compiled takes no longer.
_LONG_SECONDS = 5.0
#: By topic, how many of its settings differ. Raises Unavailable.
Layout = Callable[[], Mapping[str, int]]


def run(
    steps: Sequence[Step],
    settings: Settings,
    *,
    writes: tuple[str, ...] = ("edge_set", "dead_letter"),
    generation: str | None = None,
    layout: Layout | None = None,
) -> int:
    """Run the steps, each as its own consumer group, until SIGTERM or SIGINT; the process's exit code.

    `writes`: the records that they send, whose schemas are published first, and registered where the settings name
    a registry; then outputs carry the registry's ids. `generation`: the life of a broker
    whose offsets restart with it; `layout`: how topics differ from what is declared, for the metrics. Returns 0 after
    a clean stop. Raises HeadwaterError for what cannot be recovered from here; the caller ends the process, so that
    what was not committed is done again.
    """
    _quiet()
    memory.keep()
    return asyncio.run(_Run(steps, settings, writes, generation, layout).main())


def _quiet() -> None:
    """Faust and aiokafka tell each retry, some with tracebacks; what matters we say ourselves."""
    # Classes that Faust makes at run time log under the module that makes classes, abc.
    for name in ("faust", "mode", "aiokafka", "kafka", "abc"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the registry's client tells every request


class _Run:
    def __init__(
        self,
        steps: Sequence[Step],
        settings: Settings,
        writes: tuple[str, ...],
        generation: str | None,
        layout: Layout | None,
    ) -> None:
        self._steps = steps
        self._settings = settings
        self._writes = writes
        self._registry = Registry.of(settings)
        self._headers: Mapping[str, bytes] = {}
        self._generation = generation
        self._layout = layout
        self._stop = asyncio.Event()

    async def main(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        health = Health(self._settings)
        try:
            return await self._serve(health)
        finally:
            health.close()

    async def _serve(self, health: Health) -> int:
        warming = asyncio.ensure_future(self._warmed())
        there = await self._wait_for_broker()
        if not await warming or not there:
            return 0
        book = SchemaBook(self._settings, self._registry)
        book.start()
        pipelines: list[Pipeline] = []
        try:
            pipelines = [
                Pipeline(step, self._settings, book, self._generation, headers=self._headers) for step in self._steps
            ]
            health.tallies = [pipeline.tally for pipeline in pipelines]
            # Joining a group takes seconds, so all join at once.
            await asyncio.gather(*(pipeline.start() for pipeline in pipelines))
            _log.info("%s ready", ", ".join(step.name for step in self._steps))
            watching = asyncio.create_task(self._watch_layout([pipeline.tally for pipeline in pipelines]))
            try:
                await self._until_the_end(pipelines)
            finally:
                watching.cancel()
        finally:
            for pipeline in pipelines:
                try:
                    await asyncio.wait_for(pipeline.stop(), 15)
                except Exception as error:  # the end goes on, whatever one line says at it
                    _log.info("while stopping: %r", error)
            book.close()
            if self._registry is not None:
                self._registry.close()
        return 0

    async def _until_the_end(self, pipelines: list[Pipeline]) -> None:
        stop = asyncio.ensure_future(self._stop.wait())
        while not stop.done():
            waiting: list[asyncio.Future[Any]] = [stop, *(pipeline.failed for pipeline in pipelines)]
            await asyncio.wait(waiting, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            for pipeline in pipelines:
                if pipeline.failed.done():
                    error = pipeline.failed.exception()
                    if isinstance(error, HeadwaterError):
                        raise error
                    _log.error("worker failed", exc_info=error)
                    raise StateError(f"worker failed: {error!r}") from error
                if pipeline.crash is not None:
                    raise Unavailable(f"the consumer gave up: {pipeline.crash}")

    async def _watch_layout(self, tallies: Sequence[Tally]) -> None:
        """Let the metrics say how topics differ; while the broker does not answer, what was found last stands."""
        while self._layout is not None:
            try:
                found = await asyncio.get_running_loop().run_in_executor(None, self._layout)
                for tally in tallies:
                    tally.differences = found
            except Unavailable as error:
                _log.info("topics could not be compared with what is declared: %s", error)
            await asyncio.sleep(_LAYOUT_SECONDS)

    async def _warmed(self) -> bool:
        """Until what steps do once, before anything is read, is done; False where told to stop before.

        On a thread of its own, which the end does not wait for: it may take half a minute.
        """
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def warm() -> None:
            for step in self._steps:
                try:
                    getattr(step, "warm", lambda: None)()
                except Exception:  # what is amiss shows, and is told, with the first batch
                    _log.exception("%s could not be prepared", step.name)
            with contextlib.suppress(RuntimeError):  # the end did not wait
                loop.call_soon_threadsafe(done.set)

        began = time.monotonic()
        threading.Thread(target=warm, name="headwater-warm", daemon=True).start()
        both = [asyncio.ensure_future(event.wait()) for event in (done, self._stop)]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for waiting in both:
            waiting.cancel()
        took = time.monotonic() - began
        if done.is_set() and took > _LONG_SECONDS:
            _log.info("compiled in %.1f s, which the next start need not", took)
        return not self._stop.is_set()

    async def _wait_for_broker(self) -> bool:
        """Until the broker answers and has the topics; False where told to stop before."""
        loop = asyncio.get_running_loop()
        needed = {self._settings.prefix + topic for step in self._steps for topic in step.inputs}
        # What is sent to a topic that is not there is refused after half a minute, and ends the process.
        needed |= {topic.full_name(self._settings) for topic in TOPICS.values() if topic.record in self._writes}
        needed |= {self._settings.prefix + step.state_topic for step in self._steps if isinstance(step, Stateful)}
        said = ""
        while not self._stop.is_set():
            try:
                missing = needed - (await loop.run_in_executor(None, clients.topics_there, self._settings)).keys()
                if not missing:
                    await loop.run_in_executor(None, publish_released, self._settings, self._writes)
                    if self._registry is not None:
                        self._headers = await loop.run_in_executor(
                            None, register_released, self._registry, self._settings, self._writes
                        )
                    return True
                names = ", ".join(sorted(missing))
                why = f"no topic {names} on {self._settings.brokers}: `headwater topics` creates them"
            except Unavailable as error:
                why = str(error)
            if why != said:
                _log.warning("%s; trying again every %g s", why, _RETRY_SECONDS)
                said = why
            try:
                await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS)
            except TimeoutError:
                continue
        return False
