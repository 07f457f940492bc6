"""Which messages were sent again: decisions of kind `replay`, kept for ever and shown by the history."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.deadletters.letters import Letter
from headwater.errors import HeadwaterError
from headwater.schemas import plain, records
from headwater.schemas.framing import read_header
from headwater.schemas.topics import DECISIONS
from headwater.settings import Settings
from headwater.streams.clients import Reader
from headwater.streams.step import Output, instance_id

KIND = "replay"
#: Messages that one decision names at most: a digest is 44 characters.
NAMED = 1000


@dataclass
class Replays:
    """When each message (topic, digest) was sent again, µs since 1970, in order."""

    times: dict[tuple[str, bytes], list[int]] = field(default_factory=dict[tuple[str, bytes], list[int]])

    def of(self, letter: Letter) -> list[int]:
        """When the message of this letter was sent again."""
        return self.times.get((letter.topic, letter.digest), [])

    def hops(self, letter: Letter) -> int:
        """How often the message had been sent again when this letter was written: 0 for the first one."""
        # Kafka's times have milliseconds.
        return sum(when // 1000 * 1000 <= letter.written for when in self.of(letter))

    def last_after(self, letter: Letter) -> int | None:
        """When it was last sent again since this letter was written; None: it was not."""
        after = self.of(letter)[self.hops(letter) :]
        return after[-1] if after else None


def replays(settings: Settings) -> Replays:
    """All that was sent again, from the topic of decisions. Raises Unavailable."""
    found = Replays()
    reader = Reader(settings)
    try:
        places = {(DECISIONS.name, partition): 0 for partition in reader.partitions(DECISIONS.name)}
        if not places:
            return found
        reader.assign(places)
        while not reader.ended >= places.keys():
            for chunk in reader.poll(1000, 0.5):
                for value in chunk.values:
                    _take(found, value)
    finally:
        reader.close()
    for times in found.times.values():
        times.sort()
    return found


def _take(found: Replays, value: bytes) -> None:
    try:
        header = read_header(value)
        decision = plain.decode(records.current("decision"), value[header.length :])
        if decision["kind"] != KIND:
            return
        topic = str(json.loads(decision["details"]["topic"]))
        digests = [base64.b64decode(one) for one in json.loads(decision["details"]["digests"])]
    except (HeadwaterError, KeyError, ValueError, TypeError):
        return  # of another kind, of another version, or none at all
    for digest in digests:
        found.times.setdefault((topic, digest), []).append(decision["event_time"])


def decisions(messages: Iterable[tuple[str, bytes]], *, actor: str, reason: str, now_us: int) -> Sequence[Output]:
    """Decisions that say so of these (topic, digest)."""
    by_topic: dict[str, list[bytes]] = {}
    for topic, digest in messages:
        by_topic.setdefault(topic, []).append(digest)
    return [
        _decision(topic, digests[start : start + NAMED], actor, reason, now_us)
        for topic, digests in by_topic.items()
        for start in range(0, len(digests), NAMED)
    ]


def _decision(topic: str, digests: Sequence[bytes], actor: str, reason: str, now_us: int) -> Output:
    details: Mapping[str, str] = {
        "topic": json.dumps(topic),
        "digests": json.dumps([base64.b64encode(digest).decode() for digest in digests]),
    }
    what = repr((KIND, now_us, actor, reason, details)).encode()
    decision = {
        "emit_time": now_us,
        "producer_id": instance_id(),
        "sequence": 0,
        "event_id": hashlib.blake2b(what, digest_size=16).digest(),
        "event_time": now_us,
        "kind": KIND,
        "actor": actor,
        "reason": reason,
        "details": details,
    }
    return Output(DECISIONS.name, topic.encode(), plain.message(records.current("decision"), decision))
