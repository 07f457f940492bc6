"""A request that waits until the broker or the disk has all of its messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from headwater.openlineage import Message


class Waiting:
    """One request. `future` is set on the event loop: True where all of it is kept, False where it may not be."""

    __slots__ = ("bytes", "failed", "future", "left", "messages")

    def __init__(self, messages: Sequence[Message], future: asyncio.Future[bool]) -> None:
        self.messages = messages
        self.future = future
        self.left = len(messages)
        #: Of these the broker did not report in time.
        self.failed: list[Message] = []
        self.bytes = sum(len(message.value) for message in messages) + 512 * len(messages)
