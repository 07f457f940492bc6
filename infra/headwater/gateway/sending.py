"""Where a request's messages go: to the broker, else to the disk; and how much may be on its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from headwater.gateway.answers import Refusal
from headwater.gateway.broker import Broker
from headwater.gateway.spooling import Spooling
from headwater.gateway.waiting import Waiting
from headwater.openlineage import Message
from headwater.settings import Settings

_log: Final = logging.getLogger("headwater.gateway")
#: How long a request waits at most for the broker and then the disk, seconds: clients wait 5 s.
ANSWER_SECONDS: Final = 4.5
_FLUSH_SECONDS: Final = 4.0
#: Between two looks for reports of the broker while some are to come, seconds: what an answer may wait in vain.
_OFTEN: Final = 0.001
#: And while none is: errors of the connection come then.
_SELDOM: Final = 0.1


class Sending:
    """Used on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = settings.queue_bytes
        #: Bytes that are neither confirmed nor on the disk.
        self.bytes = 0
        self._broker = Broker(settings, self._settled)
        self._spooling = Spooling(settings, self._broker, self._kept)
        self._fresh: list[Waiting] = []
        self._often = False
        self._look = self._loop.call_later(_SELDOM, self._serve)

    @property
    def up(self) -> bool:
        """Whether the broker takes messages."""
        return self._broker.up

    @property
    def spooling(self) -> Spooling:
        """The disk's side."""
        return self._spooling

    @property
    def takes(self) -> bool:
        """Whether what comes now can be kept."""
        return self._broker.up or self._spooling.usable

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has confirmed all of them, or the disk has them.

        Raises Refusal (503) where too much is on its way or neither takes them. The same request may come again: ids
        are derived from contents.
        """
        if not messages:
            return
        waiting = Waiting(messages, self._loop.create_future())
        if self.bytes and self.bytes + waiting.bytes > self._limit:
            raise Refusal.later("too much is on its way to the broker")
        self.bytes += waiting.bytes
        if self._broker.up:
            # What this turn of the loop still takes goes with it, in one request to the broker.
            if not self._fresh:
                self._loop.call_soon(self._hand_over)
            self._fresh.append(waiting)
        else:
            self._spooling.keep(waiting)
        # One timer a request: asyncio.timeout and a shield cost more than all else here.
        late = self._loop.call_later(ANSWER_SECONDS, self._late, waiting)
        try:
            kept = await waiting.future
        finally:
            late.cancel()
        if not kept:
            raise Refusal.later("neither the broker nor the spool has it yet")

    def _late(self, waiting: Waiting) -> None:
        """Nobody waits any longer; what is on its way stays so."""
        if not waiting.future.done():
            waiting.future.set_result(False)

    def _hand_over(self) -> None:
        fresh, self._fresh = self._fresh, []
        for waiting in fresh:
            self._broker.send(waiting)
        if not self._often:
            self._look.cancel()
            self._look_again(often=True)

    def _look_again(self, *, often: bool) -> None:
        self._often = often
        self._look = self._loop.call_later(_OFTEN if often else _SELDOM, self._serve)

    def _serve(self) -> None:
        try:
            self._broker.serve()
        except Exception:
            _log.exception("reports of the broker")
        self._look_again(often=self._broker.outstanding)

    def _settled(self, done: list[Waiting]) -> None:
        whole = [waiting for waiting in done if not waiting.failed]
        for waiting in done:
            if waiting.failed:
                self._spooling.keep(waiting)
        if whole:
            self._answer(whole, True)

    def _kept(self, done: list[Waiting], kept: bool) -> None:
        """On the spool's thread."""
        self._loop.call_soon_threadsafe(self._answer, done, kept)

    def _answer(self, done: list[Waiting], kept: bool) -> None:
        for waiting in done:
            self.bytes -= waiting.bytes
            if not waiting.future.done():
                waiting.future.set_result(kept)

    async def close(self) -> None:
        """Wait a little for what is on its way."""
        self._hand_over()
        self._look.cancel()
        await asyncio.to_thread(self._broker.close, _FLUSH_SECONDS)
        self._broker.serve()
        await asyncio.to_thread(self._spooling.close)
