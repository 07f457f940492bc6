"""What aiokafka's coordinator is told of committed offsets, by a broker that is made up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.structs import TopicPartition

from headwater.streams.fetching import Coordinator

PLACE = TopicPartition("t", 0)
COMMITTED = OffsetFetchResponse_v3(0, [("t", [(0, 46, "", 0)])], 0)


def refused(code: int) -> OffsetFetchResponse_v3:
    """What Kafka says for all partitions at once."""
    return OffsetFetchResponse_v3(0, [], code)


class _Client:
    def __init__(self, *answers: OffsetFetchResponse_v3) -> None:
        self._answers: Iterator[OffsetFetchResponse_v3] = iter(answers)
        self.lookups = 0

    async def send(self, _node: int, _request: Any, **_further: Any) -> OffsetFetchResponse_v3:
        return next(self._answers)

    async def coordinator_lookup(self, *_: Any) -> int:
        self.lookups += 1
        return 1

    async def ready(self, *_: Any, **_further: Any) -> bool:
        return True


async def committed(client: _Client) -> int:
    """The committed offset as the coordinator tells it."""
    made: Any = Coordinator.__new__(Coordinator)
    made._client, made.group_id, made.coordinator_id, made._retry_backoff_ms = client, "g", 1, 10
    made._coordinator_lookup_lock = asyncio.Lock()
    made._closing, made._coordinator_dead_fut = (asyncio.get_running_loop().create_future() for _ in range(2))
    found = await made.fetch_committed_offsets([PLACE])
    return int(found[PLACE].offset)


@pytest.mark.parametrize(("code", "lookups"), [(14, 0), (15, 1), (16, 1)])
def test_a_broker_that_does_not_lead_the_group_is_asked_again(code: int, lookups: int) -> None:
    """It loads the group, is not available, or leads it no more: not a group that committed nothing."""
    client = _Client(refused(code), refused(code), COMMITTED)
    assert asyncio.run(committed(client)) == 46
    assert client.lookups == 2 * lookups


def test_what_waiting_does_not_change_is_told() -> None:
    """A group that we may not read."""
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(committed(_Client(refused(30))))
