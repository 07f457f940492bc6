"""Alerts one after another, each done when the next is asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from headwater.alerts.kafka import Message, Reader
from headwater.alerts.model import Alert, alert_of
from headwater.alerts.schemas import Decoder
from headwater.errors import InvalidMessage, SettingsError, Unavailable
from headwater.schemas.topics import ALERTS
from headwater.settings import Settings, load

_log = logging.getLogger("headwater.alerts")
STATES = ("opened", "updated", "acknowledged", "resolved")
#: How long one question to the broker waits; between two of them an interrupt is noticed.
_POLL_SECONDS = 0.5
#: Joining a group takes seconds, which are no silence; but not for ever.
_JOIN_SECONDS = 30.0
#: Alerts that the filter left out are committed this often.
_COMMIT_SECONDS = 5.0


class Subscription(Iterator[Alert]):
    """What `subscribe` gives: iterate over it; close it, or use it in `with`, to leave the group at once.

    A message that cannot be read is counted in `unreadable`, told in the log, and left out.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        *,
        wanted: Callable[[Alert], bool],
        from_beginning: bool,
        idle: float | None,
    ) -> None:
        self.unreadable = 0
        self._decoder = Decoder(settings)
        topic = ALERTS.full_name(settings)
        self._reader = Reader(settings, topic, settings.prefix + group, from_beginning=from_beginning)
        self._wanted = wanted
        self._idle = idle
        self._given: Message | None = None
        self._passed: dict[int, Message] = {}
        self._committed_at = time.monotonic()
        self._closed = False
        self._stopped = False

    def __next__(self) -> Alert:
        """The next alert; the one before it is done now. Ends after `idle` seconds without one, or when closed."""
        self._commit_given()
        asked = since = time.monotonic()
        while not self._stopped:
            message = self._reader.poll(_POLL_SECONDS)
            if message is not None:
                alert = self._read(message)
                if alert is not None and self._wanted(alert):
                    self._given = message
                    self._passed.pop(message.partition, None)
                    return alert
                self._passed[message.partition] = message
                since = time.monotonic() if alert is None else since
            if time.monotonic() - self._committed_at > _COMMIT_SECONDS:
                self._commit_passed()
            if not self._reader.joined and time.monotonic() - asked < _JOIN_SECONDS:
                since = time.monotonic()
            if message is None and self._idle is not None and time.monotonic() - since >= self._idle:
                self._commit_passed()
                break
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the group. The alert given last is not done: it is delivered again."""
        self._stopped = True
        if not self._closed:
            self._closed = True
            self._commit_passed()
            self._reader.close()

    def stop(self) -> None:
        """End the iteration, from any thread, within half a second; close it then."""
        self._stopped = True

    def done(self) -> None:
        """Say that the alert given last is done, without asking for the next one."""
        self._commit_given()

    def _read(self, message: Message) -> Alert | None:
        while True:
            try:
                return alert_of(self._decoder.decode(message.value))
            except InvalidMessage as error:
                self.unreadable += 1
                _log.warning("alert at %s:%s is left out: %s", message.partition, message.offset, error)
                return None
            except Unavailable as error:
                _log.warning("%s; trying again", error)
                time.sleep(1.0)

    def _commit_given(self) -> None:
        if self._given is not None:
            self._reader.done(self._given)
            self._given = None

    def _commit_passed(self) -> None:
        """What the filter left out is done, up to the alert that is in hand."""
        for partition, message in self._passed.items():
            if self._given is None or self._given.partition != partition:
                self._reader.done(message)
        self._passed.clear()
        self._committed_at = time.monotonic()


def subscribe(
    *,
    brokers: str | None = None,
    group: str = "headwater-alerts",
    severity: float = 0.0,
    states: Collection[str] = STATES,
    pages_only: bool = False,
    namespace: str | None = None,
    name: str | None = None,
    from_beginning: bool = True,
    idle: float | None = None,
    settings: Settings | None = None,
) -> Subscription:
    """Alerts as they come, at-least-once: each is done once the next one is asked for.

    `brokers`: host:port, separated by commas; else the setting. `group`: subscribers of one group share the
    alerts and go on where it stopped; the setting `prefix` is put before it. `severity`: 0 to 1, at least.
    `states`, `pages_only`, `namespace`, `name` (of the dataset at the root) leave out the others.
    `from_beginning`: where a new group begins. `idle`: end after so many seconds without an alert; None: never.
    Raises SettingsError for what cannot be asked, Unavailable for a broker that refuses.
    """
    if unknown := set(states) - set(STATES):
        raise SettingsError(f"states: {', '.join(sorted(unknown))}: an incident is {', '.join(STATES)}")
    if not 0 <= severity <= 1:
        raise SettingsError(f"severity: {severity} is not from 0 to 1")
    settings = settings or load(brokers=brokers)

    def wanted(alert: Alert) -> bool:
        return (
            alert.severity >= severity
            and alert.state in states
            and (alert.page or not pages_only)
            and namespace in {None, alert.dataset.namespace}
            and name in {None, alert.dataset.name}
        )

    return Subscription(settings, group, wanted=wanted, from_beginning=from_beginning, idle=idle)


async def subscribe_async(
    *,
    brokers: str | None = None,
    group: str = "headwater-alerts",
    severity: float = 0.0,
    states: Collection[str] = STATES,
    pages_only: bool = False,
    namespace: str | None = None,
    name: str | None = None,
    from_beginning: bool = True,
    idle: float | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[Alert]:
    """As `subscribe`, for `async for`. Kafka is asked on a thread of its own, so the loop never waits."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "headwater-alerts") as thread:
        subscription = await loop.run_in_executor(
            thread,
            lambda: subscribe(
                brokers=brokers,
                group=group,
                severity=severity,
                states=states,
                pages_only=pages_only,
                namespace=namespace,
                name=name,
                from_beginning=from_beginning,
                idle=idle,
                settings=settings,
            ),
        )
        try:
            while (alert := await loop.run_in_executor(thread, next, subscription, None)) is not None:
                yield alert
        finally:
            # an executor's queue is in order: a question still open ends by itself within half a second
            subscription.stop()
            await asyncio.shield(loop.run_in_executor(thread, subscription.close))
