"""Dead letters: what could not be read, where it stood and why."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable

from headwater.schemas import plain, reasons, records
from headwater.schemas.topics import DEAD_LETTERS
from headwater.streams.batch import Batch
from headwater.streams.reading import Reading, Refused
from headwater.streams.step import Output, instance_id

_log = logging.getLogger("headwater.streams")

#: What is kept of a message's bytes and of its key.
KEPT_BYTES = 65_536


def dead_letters(
    batch: Batch, refused: Iterable[Refused], *, worker: str, topic: str, producer_id: bytes, now_us: int
) -> list[Output]:
    """One message a refused row. `topic`: the full name, where the messages stand; the same row gives the same
    event id whenever it is refused for the same reason.
    """
    return [_letter(batch, one, worker=worker, topic=topic, producer_id=producer_id, now_us=now_us) for one in refused]


def dead_letters_of(reading: Reading, worker: str, prefix: str, now_us: Callable[[], int]) -> list[Output]:
    """The messages for what a reading refused; none for what is read again to re-derive state."""
    batch = reading.batch
    if not reading.refused or batch.replaying:
        return []
    _log.warning("%s: %d messages of %s to dead letters", worker, len(reading.refused), batch.topic)
    return dead_letters(
        batch,
        reading.refused,
        worker=worker,
        topic=prefix + batch.topic,
        producer_id=instance_id(),
        now_us=now_us(),
    )


def _letter(batch: Batch, refused: Refused, *, worker: str, topic: str, producer_id: bytes, now_us: int) -> Output:
    value = batch.values[refused.row]
    key = batch.keys[refused.row]
    offset = int(batch.offsets[refused.row])
    timestamp = int(batch.timestamps[refused.row])
    digest = hashlib.sha256(value).digest()
    what = repr((topic, batch.partition, offset, batch.generation, worker, refused.reason)).encode() + digest
    letter = {
        "emit_time": now_us,
        "producer_id": producer_id,
        "sequence": 0,
        "event_id": hashlib.blake2b(what, digest_size=16).digest(),
        "event_time": max(timestamp, 0) * 1000,
        "topic": topic,
        "partition": batch.partition,
        "offset": offset,
        "generation": batch.generation,
        "timestamp": timestamp * 1000 if timestamp >= 0 else None,
        "key": None if key is None else key[:KEPT_BYTES],
        "worker": worker,
        "reason": refused.reason,
        "detail": refused.detail[:4096],
        "length": len(value),
        "digest": digest,
        "body": b"" if refused.reason == reasons.TOO_LARGE else value[:KEPT_BYTES],
    }
    return Output(DEAD_LETTERS.name, topic.encode(), plain.message(records.current("dead_letter"), letter))
