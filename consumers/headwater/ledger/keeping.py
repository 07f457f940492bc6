"""Writing the ledger: after rows are inserted, before their offsets are committed.

Killed in between, the same messages come again and the entry is written then; messages that the ledger has already are
passed over, so each stands in it once.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from headwater.audit.store import Client
from headwater.ledger.chain import GENESIS, Entry, Lane, Message, entry

_HEADS: Final = (
    "SELECT kafka_partition, max(last_offset), hex(argMax(chain, last_offset)) FROM ledger "
    "WHERE kafka_topic = {topic:String} AND kafka_generation = {generation:String} "
    "AND kafka_partition IN {partitions:Array(Int32)} GROUP BY kafka_partition"
)


class Ledger:
    """Where the chains of this worker's lanes end. `settings`: of its inserts."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._heads: dict[Lane, tuple[int, bytes]] = {}
        self._waiting: dict[Lane, dict[int, Message]] = defaultdict(dict)

    @property
    def waiting(self) -> bool:
        """Whether messages were added that are not written."""
        return bool(self._waiting)

    def add(self, lane: Lane, message: Message) -> None:
        """A message that was inserted."""
        self._waiting[lane][message.offset] = message

    def forget(self, places: Iterable[tuple[str, int]]) -> None:
        """Others read these partitions now, and write their chains on."""
        gone = set(places)
        for lane in [lane for lane in self._waiting if (lane.topic, lane.partition) in gone]:
            del self._waiting[lane]
        for lane in [lane for lane in self._heads if (lane.topic, lane.partition) in gone]:
            del self._heads[lane]

    def write(self, client: Client, now: int) -> None:
        """Write what waits, one entry a lane. now: µs since 1970. What fails here is written by the next call."""
        self._find_heads(client)
        entries: list[Entry] = []
        for lane, messages in self._waiting.items():
            last, previous = self._heads[lane]
            fresh = [messages[offset] for offset in sorted(messages) if offset > last]
            if fresh:
                entries.append(entry(lane, previous, fresh))
        if entries:
            # Equal bytes at every try: the store takes the block once.
            token = "ledger " + " ".join(sorted(one.chain.hex() for one in entries))
            client.raw_insert(
                "ledger",
                insert_block=b"".join(row(one, now) for one in entries),
                fmt="RowBinary",
                settings={**self._settings, "insert_deduplication_token": token},
            )
        for one in entries:
            self._heads[one.lane] = (one.last, one.chain)
        self._waiting.clear()

    def _find_heads(self, client: Client) -> None:
        missing: dict[tuple[str, str], list[int]] = defaultdict(list)
        for lane in self._waiting:
            if lane not in self._heads:
                missing[lane.topic, lane.generation].append(lane.partition)
        for (topic, generation), partitions in missing.items():
            found: dict[int, tuple[int, bytes]] = dict.fromkeys(partitions, (-1, GENESIS))
            parameters = {"topic": topic, "generation": generation, "partitions": partitions}
            for partition, last, chain in client.query(_HEADS, parameters=parameters).result_rows:
                found[int(partition)] = (int(last), bytes.fromhex(str(chain)))
            self._heads.update({Lane(topic, generation, partition): head for partition, head in found.items()})


def row(one: Entry, now: int) -> bytes:
    """An entry as a row of the table, in the format RowBinary."""
    count = len(one.offsets)
    return b"".join(
        (
            _text(one.lane.topic.encode()),
            struct.pack("<i", one.lane.partition),
            _text(one.lane.generation.encode()),
            struct.pack("<qqI", one.first, one.last, count),
            _length(count),
            one.offsets.astype("<i8").tobytes(),
            _text(one.digests),
            _text(one.contents),
            one.previous,
            one.chain,
            struct.pack("<q", now),
        )
    )


def _text(value: bytes) -> bytes:
    return _length(len(value)) + value


def _length(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
