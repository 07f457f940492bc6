"""Reading the ledger, and the rows that it speaks of, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import Unavailable
from headwater.ledger.chain import CHAIN_BYTES, Entry, Lane
from headwater.schemas import topics

#: The table in which the messages of each topic are kept as received.
TABLES: Final[Mapping[str, str]] = {
    topic.name: f"{topic.record.removesuffix('_event')}_events"
    for topic in topics.TOPICS.values()
    if topic.record is not None and topic is not topics.USES
}
_LANES: Final = (
    "SELECT kafka_topic, kafka_generation, kafka_partition, sum(messages) AS messages FROM ledger "
    "GROUP BY kafka_topic, kafka_generation, kafka_partition "
    "ORDER BY kafka_topic, kafka_generation, kafka_partition"
)
_ENTRIES: Final = (
    "SELECT offsets, digests, contents, previous, chain FROM ledger WHERE kafka_topic = {topic:String} "
    "AND kafka_generation = {generation:String} AND kafka_partition = {partition:Int32} "
    "AND first_offset > {after:Int64} ORDER BY first_offset LIMIT {most:UInt32} WITH TIES"
)
#: Entries read at once: about a minute of a busy partition.
_PAGE: Final = 64
#: Bytes read at once of the rows.
_PIECE: Final = 4 << 20

#: A row: its partition, which of the generations asked for (their number: none of them), its offset, and the
#: digest of its bytes.
ROW: Final = np.dtype([("partition", "<i4"), ("generation", "<u2"), ("offset", "<i8"), ("digest", "V16")])
Rows = npt.NDArray[np.void]


@dataclass(frozen=True)
class Size:
    """A lane, and how many messages the ledger has of it."""

    lane: Lane
    messages: int


def lanes(client: Client) -> list[Size]:
    """Every lane of the ledger."""
    return [
        Size(Lane(row["kafka_topic"], row["kafka_generation"], row["kafka_partition"]), row["messages"])
        for row in select(client, _LANES)
    ]


def entries(client: Client, lane: Lane) -> Iterator[Entry]:
    """A lane's entries in order of their first offset."""
    after = -1
    while True:
        parameters: dict[str, Any] = {**lane._asdict(), "after": after, "most": _PAGE}
        page = _parse(lane, client.raw_query(_ENTRIES, parameters=parameters, fmt="RowBinary"))
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].first


def _parse(lane: Lane, block: bytes) -> list[Entry]:
    found: list[Entry] = []
    at = 0
    while at < len(block):
        count, at = _length(block, at)
        offsets = np.frombuffer(block, "<i8", count, at).astype(np.int64)
        at += 8 * count
        texts: list[bytes] = []
        for _ in range(2):
            size, at = _length(block, at)
            texts.append(block[at : at + size])
            at += size
        previous, chain = block[at : at + CHAIN_BYTES], block[at + CHAIN_BYTES : at + 2 * CHAIN_BYTES]
        at += 2 * CHAIN_BYTES
        found.append(Entry(lane, offsets, texts[0], texts[1], previous, chain))
    return found


def _length(block: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = block[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def rows(client: Client, topic: str, generations: Sequence[str]) -> Iterator[Rows]:
    """All rows of a topic, their digests computed by the store from the bodies that it holds."""
    sql = (
        "SELECT kafka_partition, toUInt16(transform(kafka_generation, {generations:Array(String)}, "
        "range({count:UInt16}), {count:UInt16})), kafka_offset, toFixedString(substring(SHA256(raw_body), 1, 16), 16) "
        f"FROM {TABLES[topic]}"
    )
    parameters: dict[str, Any] = {"generations": list(generations), "count": len(generations)}
    stream = client.raw_stream(sql, parameters=parameters, fmt="RowBinary")
    try:
        rest = b""
        while piece := stream.read(_PIECE):
            whole = rest + piece
            count = len(whole) // ROW.itemsize
            yield np.frombuffer(whole, ROW, count)
            rest = whole[count * ROW.itemsize :]
        if rest:
            raise Unavailable(f"the store ended in the middle of a row of {TABLES[topic]}")
    finally:
        stream.close()
