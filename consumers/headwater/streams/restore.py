"""A step's state from its topic, when a partition is assigned; and what it may ask of the past later on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

from headwater.errors import InvalidMessage, StateError, Unavailable
from headwater.schemas.framing import read_header
from headwater.schemas.records import Schema
from headwater.settings import Settings
from headwater.streams.chunk import Chunk
from headwater.streams.clients import Reader
from headwater.streams.reading import SchemaName
from headwater.streams.replay import replay
from headwater.streams.schemas import SchemaBook
from headwater.streams.step import Retry, Stateful, Step, has_one_state, is_alone, reads_back

_log = logging.getLogger("headwater.streams")

Place = tuple[str, int]

#: Between two tries while the broker is away.
_AGAIN_SECONDS = 1.0
_AT_ONCE = 20_000
#: Messages that lie nearer than this are read in one go.
_NEAR = 2000
#: How long one message of the past is waited for.
_PATIENCE = 10.0


async def rederive(
    settings: Settings,
    place: Place,
    committed: int,
    step: Step,
    give: Callable[[Chunk], Awaitable[None]],
    executor: Executor,
    wanted: Callable[[], bool],
) -> None:
    """Have the step's state of a partition be what it was at the committed offset: from its topic, where it has one,
    and by feeding the input again. `executor`: the step's thread. `wanted`: whether the partition is still ours.
    """
    since: int | None = None
    if isinstance(step, Stateful):
        since = await _restore(settings, place, committed, step, executor, wanted)
    await replay(settings, place, committed, step, give, since)


def fed_again_until(step: Step, place: Place, committed: Mapping[Place, int]) -> int | None:
    """The committed offset before which a partition is fed again; None: nothing is."""
    if step.lookback is None:
        return None
    return committed.get(place, 0 if place[0] in reads_back(step) else None)


async def others_fed(step: Step, place: Place, restoring: Collection[Place], wanted: Callable[[], bool]) -> None:
    """Wait until nothing is fed again any more of what the step judges a partition by: what is new there would be
    judged by less than was known, and what is fed again says nothing. That is the partitions with the same number of
    all its topics, all partitions where it is alone.
    """
    while wanted() and has_one_state(step) and any(is_alone(step) or one[1] == place[1] for one in restoring):
        await asyncio.sleep(0.01)


def attach_past(step: Step, settings: Settings, book: SchemaBook) -> None:
    """Let a step with state ask for what was."""
    if isinstance(step, Stateful):
        step.attach(BrokerPast(settings, book))


async def _restore(
    settings: Settings, place: Place, committed: int, step: Stateful, executor: Executor, wanted: Callable[[], bool]
) -> int | None:
    """Give the step its state of a partition, on its `executor`; the offset from which the input is to be read again.

    Starts over while the broker is away. Raises StateError.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, "restore")
    call = partial(loop.run_in_executor, thread)
    began = time.monotonic()
    count = 0
    try:
        while wanted():
            reader = await call(Reader, settings)
            try:
                high = await call(_prepare, reader, place, committed, step)
                state = (step.state_topic, place[1])
                while state not in reader.ended and wanted():
                    for chunk in await call(reader.poll, _AT_ONCE, 0.5):
                        count += len(chunk.values)
                        if wanted():
                            await loop.run_in_executor(
                                executor, step.restore, place, committed, chunk.keys, chunk.values
                            )
                if wanted():
                    since = await loop.run_in_executor(executor, step.restored, place, committed, high)
                    if count:
                        _log.info("%d records of state of %s[%d] in %.1f s", count, *place, time.monotonic() - began)
                    return since
            except Unavailable as error:
                _log.warning("state of %s[%d] is not there yet: %s", *place, error)
            finally:
                await call(reader.close)
            await asyncio.sleep(_AGAIN_SECONDS)
        return None
    finally:
        thread.shutdown(wait=False)


def _prepare(reader: Reader, place: Place, committed: int, step: Stateful) -> int:
    """Begin to read the partition of the state topic; the offset after the input's last message."""
    topic, partition = place
    there, needed = len(reader.partitions(step.state_topic)), len(reader.partitions(topic))
    if there != needed:
        raise StateError(
            f"{step.state_topic} has {there} partitions, {topic} {needed}: both need the same; "
            "`headwater topics` creates what is missing"
        )
    high = reader.fetched_end(place, committed)
    reader.assign({(step.state_topic, partition): 0})
    return high


class BrokerPast:
    """The past as the broker has it."""

    def __init__(self, settings: Settings, book: SchemaBook) -> None:
        self._settings = settings
        self._book = book
        self._reader: Reader | None = None

    def schema(self, message: bytes) -> Schema | None:
        """The schema that a message's header names, where it is known within a second."""
        try:
            header = read_header(message)
        except InvalidMessage:
            return None
        name = SchemaName(header.fingerprint, header.registry_id)
        found = self._book.find(name)
        if found is None:
            limit = time.monotonic() + 1.0
            self._book.wait({name}, ended=lambda: time.monotonic() > limit)
            found = self._book.find(name)
        return found

    def messages(self, place: Place, offsets: Sequence[int]) -> dict[int, bytes]:
        """The messages that still stand there. Raises Retry."""
        found: dict[int, bytes] = {}
        wanted = sorted(set(offsets))
        try:
            if self._reader is None:
                self._reader = Reader(self._settings)
            while wanted:
                upto = next((at for at in range(1, len(wanted)) if wanted[at] - wanted[at - 1] > _NEAR), len(wanted))
                self._read(self._reader, place, wanted[:upto], found)
                wanted = wanted[upto:]
        except Unavailable as error:
            self.close()
            raise Retry(1.0, f"earlier messages are not there yet: {error}") from error
        return found

    def _read(self, reader: Reader, place: Place, wanted: list[int], found: dict[int, bytes]) -> None:
        """Read from the first to the last of them. Raises Unavailable."""
        among = set(wanted)
        reader.assign({place: wanted[0]})
        deadline = time.monotonic() + _PATIENCE
        position = wanted[0]
        while position <= wanted[-1] and place not in reader.ended:
            chunks: list[Chunk] = reader.poll(min(wanted[-1] - position + 1, _AT_ONCE), 0.1)
            for chunk in chunks:
                position = chunk.end
                found.update(
                    (offset, value)
                    for offset, value in zip(chunk.offsets, chunk.values, strict=True)
                    if offset in among
                )
            if chunks:
                deadline = time.monotonic() + _PATIENCE
            elif time.monotonic() > deadline:
                raise Unavailable(f"broker {self._settings.brokers} sends nothing of {place[0]}[{place[1]}]")

    def close(self) -> None:
        """Give the connection back."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
