"""The one edge to Faust: a consumer group whose chunks, rebalances and commits are ours to handle.

Faust's `ConsumerScheduler` hands on whole fetched chunks, `acks=False` topics keep its own bookkeeping out, and
commits go to its consumer explicitly. Its producer and tables are not used.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import faust
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition
from faust.types import TP

from headwater.errors import SettingsError
from headwater.kafka import kafka_options
from headwater.settings import Settings
from headwater.streams.alone import Alone
from headwater.streams.chunk import Chunk, Fetched, Sealed
from headwater.streams.fetching import GatedConsumer
from headwater.streams.records import LAST_TIME, RecordSet
from headwater.streams.step import Step, is_alone

_log = logging.getLogger("headwater.streams")

Place = tuple[str, int]

#: Without a heartbeat for so long a worker counts as dead, and another takes its partitions.
SESSION_SECONDS = 6.0
#: Bytes that are fetched of a partition at once, and messages that one chunk holds at most where they come singly.
CHUNK_ROWS = 4000
FETCH_BYTES = 2 * 1024 * 1024


class _App(cast("Any", faust.App)):  # type: ignore[misc] # Faust is untyped
    """Faust's application; without its folder in the working directory, in which it would put nothing of ours."""

    def _create_directories(self) -> None:
        return


class _Chunks:
    """Faust's scheduling strategy: a pseudo-record for each chunk; value: what was fetched, offset: the last one's."""

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, Any]]:
        for place, chunk in records.items():
            for value, offset, time in _chunks(chunk):
                yield (
                    place,
                    ConsumerRecord(
                        topic=place.topic,
                        partition=place.partition,
                        offset=offset,
                        timestamp=time,
                        timestamp_type=0,
                        key=None,
                        value=value,
                        checksum=None,
                        serialized_key_size=0,
                        serialized_value_size=0,
                        headers=(),
                    ),
                )


def _chunks(fetched: list[Any]) -> Iterator[tuple[Any, int, int]]:
    """What was fetched of a partition at once, each with its last offset and time: a record set, or records."""
    if fetched and isinstance(fetched[0], RecordSet):
        for record_set in fetched:
            yield record_set, record_set.end - 1, int(record_set.batches[-1, LAST_TIME])
    elif fetched:
        yield fetched, fetched[-1].offset, fetched[-1].timestamp


@dataclass(frozen=True)
class Handlers:
    """What a feed calls, all on the event loop. `revoked` may take its time: the group waits for it."""

    chunk: Callable[[Fetched], Awaitable[None]]
    revoked: Callable[[], Awaitable[None]]
    assigned: Callable[[set[Place]], Awaitable[None]]


class Feed:
    """One consumer group on a step's topics. Everything here runs on one event loop."""

    def __init__(self, settings: Settings, step: Step, handlers: Handlers) -> None:
        self._settings = settings
        self._handlers = handlers
        # Shut until the first assignment is taken in: Faust may fetch before it tells of it, and does not fetch twice.
        self._gate = asyncio.Event()
        self._between_assignments = True
        self._app = self._faust_app(step)
        transport = self._app.transport
        self._held: set[TP] = set()
        transport.Consumer = type("Consumer", (GatedConsumer,), {"gate": self._gate, "held": self._held})
        topic = self._app.topic(
            *(settings.prefix + name for name in step.inputs), value_serializer="raw", key_serializer="raw", acks=False
        )
        self._app.agent(topic, name=f"{step.name}-chunks")(self._read)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.on_partitions_assigned.connect(self._assigned)
        self._keep: list[object] = [topic]

    def _faust_app(self, step: Step) -> Any:
        brokers = ";".join(f"kafka://{broker.strip()}" for broker in self._settings.brokers.split(","))
        return _App(
            f"{self._settings.prefix}headwater-{step.name}",
            broker=brokers,
            broker_credentials=_credentials(self._settings),
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            broker_max_poll_records=CHUNK_ROWS,
            consumer_max_fetch_size=FETCH_BYTES,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=1.0,
            broker_request_timeout=30.0,
            broker_rebalance_timeout=30.0,
            # A step that waits (Retry, Backpressure) does not lose its partitions: its process is alive.
            broker_max_poll_interval=7 * 24 * 3600.0,
            broker_commit_interval=3600.0,
            stream_wait_empty=False,
            stream_processing_timeout=7 * 24 * 3600.0,
            broker_commit_livelock_soft_timeout=7 * 24 * 3600.0,
            ConsumerScheduler=_Chunks,
            **({"PartitionAssignor": Alone} if is_alone(step) else {}),
            autodiscover=False,
            set_as_current=False,
        )

    async def start(self) -> None:
        """Join the group."""
        self._app.finalize()
        await self._app.start()

    async def stop(self) -> None:
        """Leave the group."""
        await self._app.stop()

    @property
    def crash(self) -> str | None:
        """Why Faust gave up, where it did."""
        if not self._app.crashed:
            return None
        return repr(self._app.crash_reason)

    def open_gate(self, is_open: bool) -> None:
        """Whether more is fetched. The member keeps its partitions either way."""
        if is_open and not self._between_assignments:
            self._gate.set()
        else:
            self._gate.clear()

    def pause(self, place: Place, paused: bool) -> None:
        """Whether one partition is left out of fetching; what is under way of it still comes."""
        partition = TP(self._settings.prefix + place[0], place[1])
        if paused:
            self._held.add(partition)
        else:
            self._held.discard(partition)

    async def commit(self, offsets: Mapping[Place, int]) -> bool:
        """Commit; False where the partitions are no longer ours. Other faults: the broker is asked again."""
        wait = 0.1
        while True:
            thread, kafka = self.kafka()
            ours = kafka.assignment()
            full = {
                TopicPartition(self._settings.prefix + t, p): OffsetAndMetadata(o, "") for (t, p), o in offsets.items()
            }
            full = {place: offset for place, offset in full.items() if place in ours}
            if not full:
                return False
            try:
                await thread.call_thread(kafka.commit, full)
            except (CommitFailedError, IllegalStateError):
                return False
            except KafkaError as error:
                _log.warning("offsets are not committed yet: %s", error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                return True

    async def committed(self, places: set[Place]) -> dict[Place, int]:
        """Committed offsets; partitions without one are left out."""
        thread, kafka = self.kafka()
        found: dict[Place, int] = {}
        for topic, partition in places:
            offset = await thread.call_thread(kafka.committed, TopicPartition(self._settings.prefix + topic, partition))
            if offset is not None:
                found[topic, partition] = int(offset)
        return found

    async def seek(self, offsets: Mapping[Place, int]) -> None:
        """Go on from these offsets, where the partitions are ours; from the first there is, where one is gone."""
        thread, kafka = self.kafka()
        places = {TopicPartition(self._settings.prefix + t, p): offset for (t, p), offset in offsets.items()}

        async def seek() -> None:
            for place in places.keys() & kafka.assignment():
                kafka.seek(place, places[place])

        await thread.call_thread(seek)

    def kafka(self) -> tuple[Any, Any]:
        """Faust's consumer thread and the aiokafka consumer in it: Faust's own commit ends the app on any fault."""
        thread = self._app.consumer._thread  # noqa: SLF001 — no public way; the version is pinned
        return thread, thread._ensure_consumer()  # noqa: SLF001 — as above

    async def _read(self, stream: Any) -> None:
        async for event in stream.events():
            await self._handlers.chunk(self._chunk(event.value))

    def _chunk(self, fetched: Any) -> Fetched:
        if isinstance(fetched, RecordSet):
            return Sealed(fetched.topic.removeprefix(self._settings.prefix), fetched.partition, fetched)
        first = fetched[0]
        return Chunk(
            first.topic.removeprefix(self._settings.prefix),
            first.partition,
            [record.key for record in fetched],
            [record.value or b"" for record in fetched],
            [record.offset for record in fetched],
            [record.timestamp for record in fetched],
        )

    async def _revoked(self, _app: Any, _revoked: Any, **_further: Any) -> None:
        self._between_assignments = True
        self._gate.clear()
        await self._handlers.revoked()

    async def _assigned(self, _app: Any, assigned: Any, **_further: Any) -> None:
        length = len(self._settings.prefix)
        # The handler opens the gate once it can take chunks of every partition.
        self._between_assignments = False
        await self._handlers.assigned({(place.topic[length:], place.partition) for place in assigned})


def _credentials(settings: Settings) -> Any:
    """Faust's credentials from librdkafka's settings. Raises SettingsError for a mechanism that Faust lacks."""
    options = kafka_options(settings)
    protocol = options.get("security.protocol", "plaintext").upper()
    if protocol == "PLAINTEXT":
        return None
    context = None
    if protocol in {"SSL", "SASL_SSL"}:
        context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
        if "ssl.certificate.location" in options:
            context.load_cert_chain(
                options["ssl.certificate.location"],
                options.get("ssl.key.location"),
                options.get("ssl.key.password"),
            )
    if protocol == "SSL":
        return cast("Any", faust).SSLCredentials(context)
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "PLAIN"))
    if mechanism not in {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}:
        raise SettingsError(f"setting kafka: workers know sasl.mechanism PLAIN and SCRAM, not {mechanism}")
    return cast("Any", faust).SASLCredentials(
        username=options.get("sasl.username"),
        password=options.get("sasl.password"),
        ssl_context=context,
        mechanism=mechanism,
    )
