"""The steps of the crash matrix, as places in a stitching worker at which it can be killed or held.

Only the nursery's processes know of them: the product's classes are wrapped in the process that is to die.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple

import confluent_kafka
from faust.tables.recovery import Recovery

from headwater.schemas.topics import ALERTS, DEAD_LETTERS, EDGES, STITCHING, VERDICTS
from headwater.stitching import StitchingStep
from headwater.streams.feed import Feed
from headwater.streams.fetching import GatedConsumer
from headwater.streams.pipeline import Pipeline
from headwater.streams.sending import Sender
from headwater.streams.step import Backpressure, Output, Retry

#: In the order in which a chunk passes them; the others are passed beside it.
POINTS = (
    "fetched",
    "read",
    "processed",
    "sent in part",
    "sent",
    "confirmed",
    "committed",
    "restoring",
    "assigned",
    "revoked",
    "schema awaited",
    "dead letters sent in part",
    "state sent in part",
    "state restored in part",
    "state taken back",
)
#: Passed only where they are planned: the broker throttled what was sent; the disk of kept runs was written or read,
#: which then takes long.
THROTTLED, SLOW_DISK = "throttled", "slow disk"
#: The same: partitions are assigned and given out, and Faust has yet to let chunks flow again. A fetch that was begun
#: before is still under way then.
RESTING = "resting"
_SLOW_SECONDS = 0.05
#: Of a detection worker.
OF_DETECTION = ("verdicts sent in part", "verdicts sent")
OF_INCIDENTS = ("alerts due", "alerts sent")


_log = logging.getLogger("tests.worker")
_LATER = {"retry": Retry, "backpressure": Backpressure}


class Plan(NamedTuple):
    """What happens when a point is passed for the n-th time: `kill`, or `hold` until told to go on, then also whatever
    else comes to that point meanwhile.

    `retry` and `backpressure`, of the point "processed" alone: the step raises them from then on until told to go on.
    `tell`: nothing but that it is told.
    """

    number: int
    action: str


class Points:
    """Counts passings. `tell` says that a point is reached; `wait` returns when the process may go on."""

    def __init__(self, plans: Mapping[str, Plan], tell: Callable[[str, int], None], wait: Callable[[], None]) -> None:
        self.plans = plans
        self._tell = tell
        self._wait = wait
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._later = ""
        self._going_on = threading.Event()

    def passed(self, point: str) -> None:
        """One more passing; ends the process here, or holds this thread, where that is planned."""
        with self._lock:
            self._passed[point] += 1
            plan = self.plans.get(point)
            if plan is None or self._passed[point] < plan.number:
                return
            is_first = self._passed[point] == plan.number
        if not is_first:
            if plan.action == "hold":
                self._going_on.wait()
            return
        self._tell(point, plan.number)
        if plan.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if plan.action == "hold":
            self._wait()
            self._going_on.set()
        if plan.action in _LATER:
            self._later = plan.action
            threading.Thread(target=self._until_told, daemon=True).start()

    def ask_later(self) -> None:
        """Raise what the step is to raise for now, if anything."""
        if self._later:
            raise _LATER[self._later](0.2, "the test says so")

    def _until_told(self) -> None:
        self._wait()
        self._later = ""


def install(points: Points) -> None:
    """Wrap what the points stand in."""
    _before(Pipeline, "_take", points, "fetched")
    _before(Pipeline, "_assigned", points, "assigned")
    _before(Pipeline, "_revoked", points, "revoked", lambda pipeline: bool(pipeline._held))
    _before(Pipeline, "_wait_for_schemas", points, "schema awaited")
    _after(Pipeline, "_replayed", points, "restoring")
    _read_and_processed(points)
    _sent(points)
    _committed(points)
    if THROTTLED in points.plans:
        _throttled(points)
    if SLOW_DISK in points.plans:
        _slow_disk(points)
    if RESTING in points.plans:
        _resting(points)


def _put(owner: type, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


def _before(owner: type, name: str, points: Points, point: str, counts: Callable[[Any], bool] = lambda _: True) -> None:
    inner: Any = getattr(owner, name)

    @wraps(inner)
    async def outer(*given: Any, **further: Any) -> Any:
        if counts(given[0]):
            await asyncio.to_thread(points.passed, point)
        return await inner(*given, **further)

    _put(owner, name, outer)


def _after(owner: type, name: str, points: Points, point: str) -> None:
    inner: Any = getattr(owner, name)

    @wraps(inner)
    async def outer(*given: Any, **further: Any) -> Any:
        done = await inner(*given, **further)
        await asyncio.to_thread(points.passed, point)
        return done

    _put(owner, name, outer)


def _read_and_processed(points: Points) -> None:
    read: Any = getattr(Pipeline, "_read")  # noqa: B009 — pyright refuses the plain way
    process: Any = StitchingStep.process
    restore: Any = StitchingStep.restore
    warm: Any = StitchingStep.warm
    warming = threading.local()

    @wraps(read)
    def _read(*given: Any) -> Any:
        done = read(*given)
        if not done.batch.replaying:
            points.passed("read")
        return done

    @wraps(warm)
    def _warm(step: StitchingStep) -> None:
        warming.on = True
        warm(step)
        warming.on = False

    @wraps(process)
    def _process(step: StitchingStep, batch: Any) -> Any:
        if getattr(warming, "on", False):  # of runs that nobody made, before anything is read
            return process(step, batch)
        points.ask_later()
        done = process(step, batch)
        of = (batch.partition, int(batch.offsets[0]), int(batch.offsets[-1]), batch.replaying)
        _log.info("partition %d: %d to %d, replaying %s, gave %d", *of, len(done))
        if not batch.replaying:
            points.passed("processed")
        return done

    _put(Pipeline, "_read", _read)

    @wraps(restore)
    def _restore(*given: Any) -> Any:
        done = restore(*given)
        points.passed("state restored in part")
        return done

    _put(StitchingStep, "warm", _warm)
    _put(StitchingStep, "process", _process)
    _put(StitchingStep, "restore", _restore)


_HALVES = {
    STITCHING.name: "state sent in part",
    EDGES.name: "sent in part",
    DEAD_LETTERS.name: "dead letters sent in part",
    VERDICTS.name: "verdicts sent in part",
}


def _sent(points: Points) -> None:
    send = Sender.send

    def _send(sender: Sender, outputs: Sequence[Output]) -> None:
        topics = {output.topic for output in outputs}
        if ALERTS.name in topics:
            points.passed("alerts due")
        half = next((point for topic, point in _HALVES.items() if topic in topics and point in points.plans), "")
        if half and len(outputs) > 1:
            send(sender, outputs[: len(outputs) // 2])
            while not sender.confirm(1.0):
                pass
            points.passed(half)
            outputs = outputs[len(outputs) // 2 :]
        send(sender, outputs)
        if EDGES.name in topics:
            points.passed("sent")
        if VERDICTS.name in topics and "verdicts sent" in points.plans:
            while not sender.confirm(1.0):
                pass
            points.passed("verdicts sent")
        if ALERTS.name in topics and "alerts sent" in points.plans:
            while not sender.confirm(1.0):
                pass
            points.passed("alerts sent")
        if "state taken back" in points.plans and any(_is_tombstone(output) for output in outputs):
            while not sender.confirm(1.0):
                pass
            points.passed("state taken back")

    _put(Sender, "send", _send)


def _is_tombstone(output: Output) -> bool:
    return output.topic == STITCHING.name and not output.value


def _committed(points: Points) -> None:
    commit = Feed.commit

    async def _commit(feed: Feed, offsets: Mapping[tuple[str, int], int]) -> bool:
        await asyncio.to_thread(points.passed, "confirmed")
        done = await commit(feed, offsets)
        _log.info("committed %s: %s", {partition: offset for (_, partition), offset in offsets.items()}, done)
        if done:
            await asyncio.to_thread(points.passed, "committed")
        return done

    _put(Feed, "commit", _commit)


def _throttled(points: Points) -> None:
    inner: Any = confluent_kafka.Producer

    def told(event: Any) -> None:
        if event.throttle_time > 0:
            points.passed(THROTTLED)

    def make(config: Mapping[str, object], **further: object) -> Any:
        return inner({**config, "throttle_cb": told}, **further)

    setattr(confluent_kafka, "Producer", make)  # noqa: B010 — a type is not assigned to


def _slow_disk(points: Points) -> None:
    for name in ("pwrite", "pread"):
        inner: Any = getattr(os, name)

        @wraps(inner)
        def outer(*given: Any, inner: Any = inner) -> Any:
            points.passed(SLOW_DISK)
            time.sleep(_SLOW_SECONDS)
            return inner(*given)

        setattr(os, name, outer)


def _resting(points: Points) -> None:
    recovery: Any = Recovery
    wait, getmany = recovery._wait, getattr(GatedConsumer, "getmany")  # noqa: B009 — pyright refuses the plain way

    @wraps(wait)
    async def _wait(given: Any, awaited: Any, timeout: float | None = None) -> None:
        await wait(given, awaited, timeout)
        if timeout is not None:  # what it waited for: positions are the committed ones
            await asyncio.to_thread(points.passed, RESTING)

    @wraps(getmany)
    def _getmany(consumer: GatedConsumer, timeout: float) -> Any:
        return getmany(consumer, 60.0)

    _put(Recovery, "_wait", _wait)
    _put(GatedConsumer, "getmany", _getmany)
