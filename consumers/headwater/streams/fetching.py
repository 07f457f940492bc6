"""The one edge to aiokafka: what a fetch answers with is handed on as it came, not record by record, and none is lost.

aiokafka makes an object of each record, which costs more than all that is done with it. Here its fetcher, its positions
and its rebalances stay as they are; only what a fetched partition iterates over is another: one `RecordSet`. What is
not of Kafka's current format goes aiokafka's way.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, cast

from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.types import TP

from headwater.streams.records import RecordSet, survey

#: A fetch waits at most so long for the first message. Kafka answers when one comes, but what was left out of a fetch
#: under way (its chunk was full) waits for that fetch's end. Tansu looks again after a part of this time only: of the
#: 1,500 ms that Faust asks for a message waited 0.4 s there at each step, of these 0.1 s, for 5 % of a core more in all
#: when nothing happens.
LONGEST_FETCH_MS = 250
#: Between two questions whether records can be given on, in the moment before Faust knows of a rebalance.
_REST_SECONDS = 0.01


class _Once:
    """What aiokafka iterates over instead of its records: the record set, once."""

    def __init__(self, record_set: RecordSet) -> None:
        self._left: RecordSet | None = record_set
        #: aiokafka's name for where the next fetch begins: behind what was handed on.
        self.next_fetch_offset = record_set.first

    def __iter__(self) -> _Once:
        return self

    def __next__(self) -> RecordSet:
        if self._left is None:
            raise StopIteration
        given, self._left = self._left, None
        self.next_fetch_offset = given.end
        return given


class _Keeping:
    """The fetcher's client; keeps what fetches answered with."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fetched: dict[TopicPartition, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: Any, request: Any, **further: Any) -> Any:
        response = await self._client.send(node_id, request, **further)
        if isinstance(request, FetchRequest):
            for topic, partitions in response.topics:
                for partition, *_, record_set in partitions:
                    self.fetched[TopicPartition(topic, partition)] = record_set
        return response


class _RawFetcher(cast("Any", Fetcher)):  # type: ignore[misc] # aiokafka is untyped
    """aiokafka's fetcher, whose results are record sets."""

    async def _proc_fetch_request(self, assignment: Any, node_id: Any, request: Any) -> bool:
        parent: Any = super()
        more = await parent._proc_fetch_request(assignment, node_id, request)  # noqa: SLF001 — the version is pinned
        # Nothing else ran since the answer came: what was kept is what these results were made from.
        fetched = self._client.fetched
        for place, result in self._records.items():
            raw = fetched.get(place)
            if raw and isinstance(result, FetchResult):
                _replace(place, cast("Any", result), raw)
        fetched.clear()
        return bool(more)


def _replace(place: TopicPartition, result: Any, raw: bytes) -> None:
    records = result._partition_records  # noqa: SLF001 — as above
    if not isinstance(records, PartitionRecords):
        return
    record_set = survey(place.topic, place.partition, raw, cast("Any", records).next_fetch_offset)
    if record_set is not None:
        result._partition_records = _Once(record_set)  # noqa: SLF001 — as above


class Coordinator(cast("Any", GroupCoordinator)):  # type: ignore[misc] # aiokafka is untyped
    """aiokafka's coordinator, which hears that no offsets were given.

    A broker that does not lead the group (any more, or not yet) says so once for the whole answer. aiokafka looks for
    errors of partitions only, and takes it for a group that committed nothing: the worker would begin at each topic's
    first message, without its state.
    """

    async def _send_req(self, request: Any) -> Any:
        parent: Any = super()
        response = await parent._send_req(request)  # noqa: SLF001 — the version is pinned
        if isinstance(request, OffsetFetchRequest) and (code := getattr(response, "error_code", 0)):
            error = for_code(code)
            if error in (NotCoordinatorForGroupError, GroupCoordinatorNotAvailableError):
                self.coordinator_dead()
            raise error
        return response


class _Thread(cast("Any", AIOKafkaConsumerThread)):  # type: ignore[misc] # Faust is untyped
    """Faust's thread around aiokafka's consumer."""

    async def on_start(self) -> None:
        parent: Any = super()
        await parent.on_start()
        fetcher: Any = self._consumer._fetcher  # noqa: SLF001 — no public way
        fetcher._client = _Keeping(fetcher._client)  # noqa: SLF001 — as above
        fetcher.__class__ = _RawFetcher
        fetcher._fetch_max_wait_ms = LONGEST_FETCH_MS  # noqa: SLF001 — Faust has no setting for it
        self._consumer._coordinator.__class__ = Coordinator  # noqa: SLF001 — as above

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        """Waits for records, and takes them only where they can be given on.

        Faust waits in one call of aiokafka's, which outlives a rebalance. It took the first records of the new
        assignment while Faust's flow still rested; Faust dropped them and went on behind them. Where nothing followed
        they were never fetched again.
        """
        parent: Any = super()
        fetcher = consumer._fetcher  # noqa: SLF001 — no public way
        deadline = time.monotonic() + (timeout or 0.0)
        while places := self._taken_from(active_partitions):
            # Without a time it does not wait: nothing changes between the question above and the taking.
            records = await parent._fetch_records(consumer, places, 0.0, max_records)  # noqa: SLF001 — as above
            left = deadline - time.monotonic()
            if records or left <= 0:
                return records
            waiter = fetcher._create_fetch_waiter()  # noqa: SLF001 — as above
            done, _ = await asyncio.wait([waiter], timeout=left)
            if done:
                waiter.result()  # a fault of the group comes this way
            else:
                waiter.cancel()
        await asyncio.sleep(_REST_SECONDS)
        return {}

    def _taken_from(self, wanted: set[TP]) -> set[TP]:
        """Of these partitions, those whose records are given on now. To aiokafka no partitions means all."""
        if self._consumer._subscription.reassignment_in_progress:  # noqa: SLF001 — no public way
            return set()
        return cast("set[TP]", self.consumer.open_to(wanted))


class _Unremembered(dict[TP, Any]):
    """Faust's memory of what it gave: it leaves out what it takes for old after a seek. We look ourselves."""

    def __getitem__(self, _place: TP) -> None:
        return None


class GatedConsumer(cast("Any", FaustConsumer)):  # type: ignore[misc] # Faust is untyped
    """Fetches nothing while the gate is shut, and nothing of the partitions held.

    Faust's own flow control would sleep a second at each turn; its own `pause_partitions` drops what was being
    fetched of the partition at that moment, and goes on behind it.
    """

    gate: asyncio.Event
    held: set[TP]

    def __init__(self, *given: Any, **further: Any) -> None:
        parent: Any = super()
        parent.__init__(*given, **further)
        self._read_offset = _Unremembered()

    def open_to(self, wanted: set[TP]) -> set[TP]:
        """Of these partitions, those whose chunks go on now: neither gate nor flow is shut. From any thread."""
        if not self.flow_active or not self.gate.is_set():
            return set()
        return wanted & cast("set[TP]", self._active_partitions)

    def _new_consumer_thread(self) -> Any:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        while not self.gate.is_set() and self.flow_active and not self.should_stop:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.gate.wait(), 0.1)
        if not self.flow_active:
            return {}
        free = active_partitions - self.held if self.held else active_partitions
        if not free:
            await asyncio.sleep(0.05)
            return {}
        parent: Any = super()
        return await parent._getmany(free, timeout)  # noqa: SLF001 — Faust's hook for drivers; the version is pinned
