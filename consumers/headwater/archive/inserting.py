"""Rows into landing tables: frozen batches, retried as they are, split down to the rows that the store refuses."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b

from headwater.archive import packing
from headwater.archive.codes import Fault, fault_of
from headwater.archive.landing import Landing
from headwater.archive.packing import Row
from headwater.audit.store import Client
from headwater.ledger.chain import Message

_log = logging.getLogger("headwater.archive")
#: Defaults that moved between versions of the server are set, so that an insert means the same everywhere.
SETTINGS = {
    "async_insert": 0,
    "wait_end_of_query": 1,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "input_format_avro_allow_missing_fields": 0,
    "max_insert_threads": 1,
    # Into a table over several shards: an insert is done when they have it.
    "distributed_foreground_insert": 1,
}


@dataclass(frozen=True)
class Frozen:
    """A batch that no longer changes: the same rows, bytes and token at every try."""

    landing: Landing
    rows: Sequence[Row]
    packed: Sequence[bytes] = field(repr=False)
    #: What the ledger keeps of each row.
    messages: Sequence[Message] = field(repr=False)

    @property
    def token(self) -> str:
        """Names this insert: table, offset ranges, count and a digest of what stands before each body.

        That is where it came from, its arrival, its key and the digests of the body.
        """
        ranges: dict[int, list[int]] = defaultdict(list)
        for row, message in zip(self.rows, self.messages, strict=True):
            ranges[row.batch.partition].append(message.offset)
        spans = ",".join(f"{partition}:{min(all_)}-{max(all_)}" for partition, all_ in sorted(ranges.items()))
        heads = [
            packed[: len(packed) - len(row.body) - len(row.shape)]
            for row, packed in zip(self.rows, self.packed, strict=True)
        ]
        digest = blake2b(b"".join(heads), digest_size=16).hexdigest()
        return f"{self.landing.table} {spans} {len(self.rows)} {digest}"

    def part(self, some: slice) -> Frozen:
        """Some of it."""
        return Frozen(self.landing, self.rows[some], self.packed[some], self.messages[some])


class Failed(Exception):
    """The store did not take it. `fault`: whose it is."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault


@dataclass(frozen=True)
class Refusal:
    """A row that the store refuses by itself, and its words."""

    row: Row
    why: str


def freeze(landing: Landing, rows: Sequence[Row]) -> Frozen:
    """Rows as a frozen batch. An event time far from its arrival stands with that, so it touches few partitions."""
    packed, messages = zip(*(packing.pack(row) for row in rows), strict=True)
    return Frozen(landing, rows, packed, messages)


def insert(client: Client, frozen: Frozen) -> list[Refusal]:
    """Insert a batch. Returns the rows that the store refuses; all others are stored.

    Raises Failed where nothing can be said of the rows. Inserting again is safe then: doubles merge away.
    """
    try:
        with faults():
            _send(client, frozen)
    except Failed as failed:
        if failed.fault is not Fault.BATCH:
            raise
        if len(frozen.rows) == 1:
            return [Refusal(frozen.rows[0], str(failed))]
        _log.warning("the store refuses a batch of %d rows, which is split: %s", len(frozen.rows), failed)
        half = len(frozen.rows) // 2
        parts = (slice(None, half), slice(half, None))
        return [refusal for part in parts for refusal in insert(client, frozen.part(part))]
    return []


@contextmanager
def faults() -> Generator[None]:
    """Turns what the store or the network says into Failed; a fault of this program passes through."""
    try:
        yield
    except Exception as error:
        if not _theirs(error):
            raise
        why = " ".join(str(error).split())[:1000]
        raise Failed(fault_of(why), why) from error


def _send(client: Client, frozen: Frozen) -> None:
    block = packing.container(frozen.landing.packed, frozen.packed)
    # Two views that write to one Distributed table hand it the same token, and the rows of the second would be taken
    # for a repetition (seen: what runs read is lost). Without one, what comes twice merges all the same.
    token = {} if frozen.landing.spread else {"insert_deduplication_token": frozen.token}
    done = client.raw_insert(
        frozen.landing.table,
        insert_block=block,
        fmt="Avro",
        settings={**SETTINGS, **token},
    )
    # What each body was read as is checked by the store, row by row; this checks how many. Both counts hold what the
    # views read and wrote too, so they can only be too small; 0: the server does not say.
    counts = [int(done.summary.get(name, 0)) for name in ("read_rows", "written_rows")]
    if any(0 < count < len(frozen.rows) for count in counts):
        raise Failed(Fault.UNKNOWN, f"the store took {min(counts)} of {len(frozen.rows)} rows")


def _theirs(error: Exception) -> bool:
    from clickhouse_connect.driver import exceptions  # noqa: PLC0415 - the module imports without the client

    return isinstance(error, exceptions.Error | OSError)
