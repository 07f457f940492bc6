"""How the steps make messages: encoded, framed, with this worker as their producer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from headwater.schemas import encoding, records
from headwater.schemas.framing import single_object_header
from headwater.schemas.topics import Topic
from headwater.streams.step import Output, instance_id

#: A clock: µs since 1970 UTC.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Now, µs since 1970 UTC."""
    return time.time_ns() // 1000


class Sender:
    """Makes outputs. Ids are in the fields: they say nothing of when or by whom it was processed."""

    def __init__(self, clock: Clock = wall_clock) -> None:
        self._clock = clock

    def output(self, topic: Topic, key: bytes, fields: Mapping[str, Any]) -> Output:
        """One message on a topic of ours."""
        assert topic.record is not None  # noqa: S101  # only the schema topic has none, and no step writes there
        fields = {"emit_time": self._clock(), "producer_id": instance_id(), "sequence": 0, **fields}
        header, encode = _encoder(topic.record)
        return Output(topic.name, key, header + encode(fields))


@cache
def _encoder(record: str) -> tuple[bytes, encoding.Encode]:
    schema = records.current(record)
    return single_object_header(schema), next(iter(encoding.compiled(schema.definition).values())).encode
