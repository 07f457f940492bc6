"""The archive worker's step: every topic into the history.

Rounds end by rows, bytes or time; offsets are committed only once all of a round's rows are inserted. A topic that has
many rows is frozen and inserted while its round goes on.
Killed in between, the same messages come again and merge with what is there: the earliest arrival stands.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.archive.ahead import Ahead, Waiting
from headwater.archive.codes import Fault
from headwater.archive.inserting import SETTINGS, Failed, Refusal, faults, freeze
from headwater.archive.landing import ARCHIVED, Landing, landings, takes
from headwater.archive.packing import Row
from headwater.archive.schemas import keep
from headwater.audit.connection import connect
from headwater.audit.store import Client
from headwater.errors import Unavailable
from headwater.ledger.chain import Lane
from headwater.ledger.keeping import Ledger
from headwater.migrations import database_name, migrate
from headwater.schemas import framing, reasons
from headwater.schemas.records import Schema
from headwater.schemas.topics import DEAD_LETTERS
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.letters import dead_letters
from headwater.streams.reading import Refused
from headwater.streams.sending import Sender
from headwater.streams.step import Output, Retry, Round, instance_id

_log = logging.getLogger("headwater.archive")
#: Seconds before the first, and at most before any, new try.
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
#: Rows of one topic that are inserted before their round ends: large enough for the store, small enough that packing
#: and inserting go side by side.
AHEAD_ROWS = 10_000


def _send_letters(settings: Settings) -> Callable[[Sequence[Output]], bool]:
    """How dead letters leave a flush: sent, and confirmed within 10 s."""
    senders: list[Sender] = []

    def send(letters: Sequence[Output]) -> bool:
        if not senders:
            senders.append(Sender(settings))
        senders[0].send(letters)
        return senders[0].confirm(10.0)

    return send


class ArchiveStep:
    """Reads every archived topic and keeps it in ClickHouse.

    append_time: topics whose message times are the broker's append times; elsewhere, arrival is when the
    message was first read. connected: makes the client, for tests. send: sends dead letters and says whether
    they are confirmed. now: µs since 1970.
    """

    name = "archive"
    inputs = tuple(topic.name for topic in ARCHIVED)
    lookback: timedelta | None = None
    round = Round(rows=50_000, bytes=32 * 1024 * 1024, seconds=1.0)

    def __init__(
        self,
        settings: Settings,
        *,
        append_time: frozenset[str] = frozenset(),
        connected: Callable[[], Client] | None = None,
        send: Callable[[Sequence[Output]], bool] | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._settings = settings
        self._append_time = append_time
        self._connected = connected or (lambda: _migrated(settings))
        self._send = send or _send_letters(settings)
        self._now = now
        self._client: Client | None = None
        self._landings: Mapping[str, Landing] = {}
        self._rows: list[tuple[Batch, Schema, list[int], list[int]]] = []
        self._counts: Counter[str] = Counter()
        self._ahead = Ahead()
        self._ledger = Ledger(SETTINGS)
        self._letters: list[Output] = []
        self._schemas: dict[int, Schema] = {}
        self._kept: set[int] = set()
        self._tries = 0
        #: Rows inserted, rows refused by the store, and errors whose code is in no table.
        self.inserted = 0
        self.refused = 0
        self.unknown = 0

    def process(self, batch: Batch) -> Sequence[Output]:
        """Take a batch. What fails of inserting ahead is told by `flush`."""
        now = self._now()
        trusted = batch.topic in self._append_time and batch.generation is None
        for group in batch.groups:
            places = group.rows.tolist()
            # Of a message that came twice the first stands, also where both are in one batch: its arrival is earlier.
            before = now - len(batch.values) + 1
            stamps = _arrivals(batch.timestamps[group.rows]) if trusted else [before + place for place in places]
            self._rows.append((batch, group.schema, places, stamps))
            if group.schema.fingerprint not in self._kept:
                self._schemas[group.schema.fingerprint] = group.schema
            self._counts[batch.topic] += len(places)
        # Not while the store fails, and not before the schemas are kept without which rows cannot be read.
        if self._counts[batch.topic] >= AHEAD_ROWS and self._client and not (self._tries or self._schemas):
            self._freeze(batch.topic)
            self._ahead.begin(self._client)
        return ()

    def flush(self) -> None:
        """Insert what was taken. Raises Retry where the store or the broker does not take it for now."""
        if not (self._rows or self._ahead or self._letters or self._ledger.waiting):
            return
        try:
            self._store()
        except (Failed, Unavailable) as error:
            if isinstance(error, Failed) and error.fault is Fault.UNKNOWN:
                self.unknown += 1
            self._tries += 1
            wait = min(_FIRST_WAIT * 2 ** (self._tries - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.0)
            raise Retry(wait, f"the store does not take it for now, try {self._tries}: {error}") from error
        self._tries = 0

    def tick(self, now_us: int) -> Sequence[Output]:  # noqa: ARG002 - the interface of a step
        """Time alone makes nothing known here."""
        return ()

    def gauges(self) -> Mapping[str, float]:
        """What the store took, and what not."""
        return {
            "rows_inserted": self.inserted,
            "rows_refused": self.refused,
            "unknown_store_errors": self.unknown,
        }

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Others read these now: what was not frozen yet is theirs to insert."""
        self._rows = [taken for taken in self._rows if (taken[0].topic, taken[0].partition) not in partitions]
        self._counts = Counter()
        for taken in self._rows:
            self._counts[taken[0].topic] += len(taken[2])
        self._ahead.lose(partitions)
        self._ledger.forget(partitions)

    def _store(self) -> None:
        client = self._ready()
        self._insert(client)  # what goes ahead holds the client, and its schemas are kept
        if self._schemas:
            keep(client, self._schemas.values(), self._now())
            self._kept |= self._schemas.keys()
            self._schemas = {}
        for topic in self._counts:
            self._freeze(topic)
        self._insert(client)
        with faults():
            self._ledger.write(client, self._now())
        if self._letters:
            if not self._send(self._letters):
                raise Unavailable(f"{len(self._letters)} dead letters are not confirmed by the broker")
            self._letters = []

    def _insert(self, client: Client) -> None:
        for waiting, refusals in self._ahead.finish(client):
            self._letters += [letter for refusal in refusals for letter in self._letter(refusal)]
            self.refused += len(refusals)
            self.inserted += len(waiting.frozen.rows) - len(refusals)
            self._enter(waiting, {id(refusal.row) for refusal in refusals})

    def _enter(self, waiting: Waiting, refused: set[int]) -> None:
        frozen, topic = waiting.frozen, waiting.frozen.landing.topic
        lost = {partition for lost, partition in waiting.lost if lost == topic}
        for row, message in zip(frozen.rows, frozen.messages, strict=True):
            batch = row.batch
            if id(row) not in refused and batch.partition not in lost:
                self._ledger.add(Lane(batch.topic, batch.generation or "", batch.partition), message)

    def _ready(self) -> Client:
        if self._client is None:
            with faults():  # the store may die while it is asked what it has, or migrated
                client = self._connected()
                self._landings = landings(client, database_name(self._settings))
            self._client = client
        return self._client

    def _freeze(self, topic: str) -> None:
        """Pack what was taken of a topic."""
        landing = self._landings[topic]
        rows: list[Row] = []
        for batch, schema, places, arrivals in self._rows:
            if batch.topic != topic:
                continue
            fingerprint, values, as_it_is = schema.fingerprint_bytes, batch.values, takes(landing.schema, schema)
            for place, arrival in zip(places, arrivals, strict=True):
                body = values[place][framing.header_length(values[place]) :]
                shape = body if as_it_is else landing.shape(schema, body)
                rows.append(Row(batch, place, arrival, fingerprint, body, shape))
        if rows:
            self._ahead.add(freeze(landing, rows))
        self._rows = [taken for taken in self._rows if taken[0].topic != topic]
        self._counts[topic] = 0

    def _letter(self, refusal: Refusal) -> list[Output]:
        row = refusal.row
        if row.batch.topic == DEAD_LETTERS.name:
            where = f"partition {row.batch.partition}, offset {row.offset}"
            _log.error("the store refuses a dead letter (%s): %s", where, refusal.why)
            return []  # a letter about a letter would be refused for the same reason, without end
        return dead_letters(
            row.batch,
            [Refused(row.place, reasons.REFUSED_BY_STORE, refusal.why)],
            worker=self.name,
            topic=self._settings.prefix + row.batch.topic,
            producer_id=instance_id(),
            now_us=self._now(),
        )


def _arrivals(timestamps: NDArray[np.int64]) -> list[int]:
    """Append times, µs, from ms: those of one millisecond follow one another, so that of a message that came twice
    the first stands.
    """
    count = len(timestamps)
    firsts = np.zeros(count, np.int64)
    firsts[1:] = np.where(timestamps[1:] != timestamps[:-1], np.arange(1, count), 0)
    after = np.arange(count) - np.maximum.accumulate(firsts)
    return cast("list[int]", (timestamps * 1000 + np.minimum(after, 999)).tolist())


def _migrated(settings: Settings) -> Client:
    """A client of a history that is as this version needs it; long migrations are left to an operator."""
    client = connect(settings, database=False)
    try:
        migrate(client, settings, long=False)
    finally:
        client.close()
    return connect(settings)
