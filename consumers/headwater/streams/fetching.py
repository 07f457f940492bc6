"""The one edge to aiokafka: what a fetch answers with is handed on as it came, not record by record.

aiokafka makes an object of each record, which costs more than all that is done with it. Here its fetcher, its positions
and its rebalances stay as they are; only what a fetched partition iterates over is another: one `RecordSet`. What is
not of Kafka's current format goes aiokafka's way.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
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


class _Thread(cast("Any", AIOKafkaConsumerThread)):  # type: ignore[misc] # Faust is untyped
    """Faust's thread around aiokafka's consumer."""

    async def on_start(self) -> None:
        parent: Any = super()
        await parent.on_start()
        fetcher: Any = self._consumer._fetcher  # noqa: SLF001 — no public way
        fetcher._client = _Keeping(fetcher._client)  # noqa: SLF001 — as above
        fetcher.__class__ = _RawFetcher
        fetcher._fetch_max_wait_ms = LONGEST_FETCH_MS  # noqa: SLF001 — Faust has no setting for it


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
