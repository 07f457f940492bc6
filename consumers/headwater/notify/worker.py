"""A thread and a consumer group for each target: one that hangs keeps nobody else waiting, and loses nothing."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from headwater.alerts import Alert, subscribe
from headwater.errors import HeadwaterError
from headwater.notify.payloads import mail, post
from headwater.notify.resending import Resent, Undelivered
from headwater.notify.sending import Later, Refused, send_mail, send_post
from headwater.notify.targets import Target
from headwater.settings import Settings

_log = logging.getLogger("headwater.notify")
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
#: Alerts that were delivered and are remembered, so that a repeated message is not delivered again.
_REMEMBERED = 10_000


class Alerts(Protocol):
    """What a subscription is here: the alert given last is done when the next is asked for."""

    def __iter__(self) -> Iterator[Alert]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


def deliver(target: Target, alert: Alert) -> None:
    """One try. Raises Later or Refused."""
    if target.kind == "email":
        send_mail(target, mail(target, alert))
    else:
        send_post(target, post(target, alert, int(time.time())))


def resend(targets: Sequence[Target], undelivered: Path) -> list[Resent]:
    """Deliver what was given up, of each target that has any; `undelivered`: the folder."""
    waiting = [(target, Undelivered(undelivered / f"{target.name}.ndjson")) for target in targets]
    return [kept.resend(target, deliver) for target, kept in waiting if any(True for _ in kept)]


class Line:
    """Delivers to one target, alert after alert, each once; what is given up goes to a file, with the reason."""

    def __init__(
        self,
        target: Target,
        undelivered: Path,
        *,
        send: Callable[[Target, Alert], None] = deliver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.delivered = self.given_up = 0
        self._undelivered = Undelivered(undelivered)
        self._send = send
        self._clock = clock
        self._stopped = threading.Event()
        self._done: OrderedDict[bytes, None] = OrderedDict()

    def stop(self) -> None:
        """End waiting; the alert in hand is not done, and comes again."""
        self._stopped.set()

    def handle(self, alert: Alert) -> bool:
        """Deliver it, again and again until the target's `give_up`; False where told to stop before it was done."""
        if alert.event_id.bytes in self._done:
            return True
        began, wait = self._clock(), _FIRST_WAIT
        while True:
            try:
                self._send(self.target, alert)
            except Refused as error:
                self._give_up(alert, str(error))
            except Later as error:
                if self._clock() - began >= self.target.give_up:
                    self._give_up(alert, str(error))
                else:
                    _log.warning("%s: %s; trying again", self.target.name, error)
                    if self._stopped.wait(error.after if error.after is not None else wait * random.uniform(0.5, 1.0)):
                        return False
                    wait = min(wait * 2, _LONGEST_WAIT)
                    continue
            else:
                self.delivered += 1
            self._done[alert.event_id.bytes] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
            return True

    def _give_up(self, alert: Alert, why: str) -> None:
        self.given_up += 1
        record = {"at": int(time.time()), "target": self.target.name, "why": why, "alert": alert.as_dict()}
        self._undelivered.add(record)
        _log.error("%s: alert %s is not delivered: %s", self.target.name, alert.event_id.hex, why)


class Notifier:
    """All targets of a file. `run` ends when stopped."""

    def __init__(
        self,
        settings: Settings,
        targets: Sequence[Target],
        undelivered: Path,
        open_: Callable[[Settings, Target], Alerts] | None = None,
    ) -> None:
        """`undelivered`: folder of the files of what was given up, NAME.ndjson."""
        self._settings = settings
        self._open = open_ or _subscription
        self.lines = [Line(target, undelivered / f"{target.name}.ndjson") for target in targets]
        self._subscriptions: list[Alerts] = []
        self._stopped = threading.Event()
        self._error: HeadwaterError | None = None

    def run(self) -> None:
        """Until stopped. Raises what a subscription raised that cannot go on."""
        threads = [threading.Thread(target=self._serve, args=(line,), name=line.target.name) for line in self.lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End all lines, from any thread or a signal handler."""
        self._stopped.set()
        for line in self.lines:
            line.stop()
        for subscription in list(self._subscriptions):
            subscription.stop()

    def _serve(self, line: Line) -> None:
        try:
            subscription = self._open(self._settings, line.target)
            self._subscriptions.append(subscription)
            try:
                for alert in subscription:
                    if self._stopped.is_set() or not line.handle(alert):
                        return
            finally:
                subscription.close()
        except HeadwaterError as error:
            self._error = error
            self.stop()


def _subscription(settings: Settings, target: Target) -> Alerts:
    """New targets hear what comes from now on, not the alerts of the past."""
    return subscribe(
        group=f"headwater-notify-{target.name}",
        severity=target.severity,
        states=target.states,
        pages_only=target.pages_only,
        namespace=target.namespace,
        name=target.dataset,
        from_beginning=False,
        settings=settings,
    )
