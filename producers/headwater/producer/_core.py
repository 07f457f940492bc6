"""What runs, predictors and the producer share: numbering, the head of each message, provenance, and the guard
that lets no exception into the host.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from time import time_ns
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol

from headwater import secrets
from headwater.kafka import kafka_options
from headwater.producer import _avro, _events, _ids, _json, _provenance, _telemetry
from headwater.producer.handles import Job
from headwater.producer.reference import RunReference
from headwater.schemas import encoding, framing, topics
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.producer._delivery import Delivery

P = ParamSpec("P")
_log: Final = logging.getLogger("headwater.producer")
_COMPLAIN_SECONDS: Final = 60.0
#: How long the end of a process waits for git, seconds.
_LAST_WAIT_FOR_GIT: Final = 0.2
_CODE: Final = _avro.encoders("run_event").types["Code"]
_PRODUCER_EVENT: Final = _avro.encoders("producer_event").message
# What each event calls, without the way through a module.
_time: Final = _avro.time
_uuid7: Final = _ids.uuid7
_LARGEST: Final = topics.MAX_MESSAGE_BYTES - 1024
_RUN_HEADER: Final = framing.single_object_header(_avro.encoders("run_event").schema)
_PRODUCER_HEADER: Final = framing.single_object_header(_avro.encoders("producer_event").schema)


def now_us() -> int:
    """The time now, µs since 1970 UTC."""
    return time_ns() // 1000


class Part(Protocol):
    """What gathers events of its own beside the requests."""

    def reset(self) -> None:
        """Forget what waits, which is the parent's, in the child of a fork."""
        ...

    def close(self) -> None:
        """Tell what waits, and end."""
        ...


class Core:
    """One producer's inside. `delivery` is set once, before the first message."""

    delivery: Delivery

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self.settings = settings
        secrets.remember(
            settings.digest_key,
            settings.store_password,
            *(settings.registry_auth, settings.registry_auth.partition(":")[2]),
            *(value for name, value in kafka_options(settings).items() if secrets.looks_secret(name)),
        )
        #: Gives event times, µs since 1970 UTC; emit times are always the real time.
        self.clock = clock
        #: Ask git whether the code differs from its commit.
        self.asks_git = False
        #: Raise what would be swallowed; for tests.
        self.strict = False
        self.process_parent = RunReference.from_variables(os.environ)
        #: What gathers beside the requests, and is to be told at the end.
        self.parts: weakref.WeakSet[Part] = weakref.WeakSet()
        #: Encodes event times that are not the present.
        self.past = _avro.rising()
        #: The fields kind, actor and purpose of a run that names neither.
        self.run_frame = self.frame(None, None)
        self.reset()

    def reset(self) -> None:
        """Become a new producer, with its own id and numbers: at first, and in the child of a fork."""
        self.producer_id = uuid.uuid4().bytes
        self.numbers = itertools.count(1)
        self.sequence = _avro.rising()
        self.last_number = 0
        self.opened = False
        self._closed = False
        self._opening = threading.Lock()
        self._known: _Known | None = None
        self._complained: dict[str, float] = {}
        for part in list(self.parts):
            part.reset()

    def close(self, seconds: float) -> None:
        """Say goodbye and send what is left."""
        if not self._closed:
            self._closed = True
            for part in list(self.parts):
                part.close()
            if self._known is not None and self._known.asking:
                # A process that is over so soon: better a moment for git than an event that cannot say.
                _provenance.git().wait(min(seconds, _LAST_WAIT_FOR_GIT))
                self._known.hear_git()
            if self.opened:
                self.guard(self._producer_event, "closed")
            self.delivery.close(seconds)

    def guard(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call, and let nothing out into the host."""
        try:
            function(*args, **kwargs)
        except BaseException as error:
            self.failed(error)

    def failed(self, error: BaseException) -> None:
        """Count an event that could not be told. Raises what is the host's own: KeyboardInterrupt, SystemExit."""
        if not isinstance(error, Exception):
            self.delivery.drop("interrupted")
            raise error
        if self.strict:
            raise error
        self.delivery.drop("encoding")
        self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Log with the traceback, each kind of error once a minute: a fault in a hot path must not fill the log."""
        kind, now = type(error).__name__, time.monotonic()
        if now - self._complained.get(kind, -_COMPLAIN_SECONDS) >= _COMPLAIN_SECONDS:
            self._complained[kind] = now
            told = secrets.loggable(error)
            _log.error("an event was not sent: %s: %s", kind, told, exc_info=told)

    def open(self) -> None:
        if self._opening.acquire(blocking=False):
            try:
                if not self.opened:
                    self.opened = True
                    self._producer_event("opened")
            finally:
                self._opening.release()

    def alive(self) -> None:
        """Say so."""
        _telemetry.look(self.settings.producer_metrics)
        self.guard(self._producer_event, "alive")

    def chore(self) -> bool:
        """What the sending thread sees to beside sending; True once there is nothing left of it."""
        _telemetry.look(self.settings.producer_metrics)
        return self._known is not None and self._known.hear_git()

    def _producer_event(self, kind: str) -> None:
        now = now_us()
        number = self.last_number = next(self.numbers)
        body = _PRODUCER_EVENT.encode(
            {
                "emit_time": now,
                "producer_id": self.producer_id,
                "sequence": number,
                "event_id": _ids.uuid7(now),
                "event_time": now,
                "kind": kind,
                "last_sequence": number,
                "drops": [{"reason": r, "count": c} for r, c in sorted(self.delivery.drops().items())],
                "service": self.settings.service,
                "host": _provenance.host() if self.settings.record_host else None,
                "client": _provenance.client(),
                "environment": self._process().of_producer(kind),
            }
        )
        self.delivery.submit(topics.PRODUCERS.name, self.producer_id, _PRODUCER_HEADER + body)

    def _process(self) -> _Known:
        if self._known is None:
            self._known = _Known(self.settings, asks_git=self.asks_git)
        return self._known

    def environment(self, more: Mapping[str, object] | None) -> _events.Entries:
        """What a run tells of its environment, and what the caller adds."""
        known = (self._known or self._process()).environment
        return _events.Entries.of([*known.entries, *_events.entries(more)]) if more else known

    @staticmethod
    def run_version(run_id: bytes) -> str:
        """The version of what a run writes without a version of its own."""
        return f"run:{uuid.UUID(bytes=run_id)}"

    def frame(self, actor: str | None, purpose: str | None, kind: bytes = _events.RUN) -> bytes:
        """The fields kind, actor and purpose."""
        return b"".join(
            (
                kind,
                _avro.optional(actor or self.settings.actor or None),
                _avro.optional(purpose or self.settings.purpose or None),
            )
        )

    def head(self, header: bytes, event_id: bytes | None, event_time: int | None, number: int | None = None) -> bytes:
        """A message's header and the five fields with which each record begins; `Run` has them in its own line."""
        if not self.opened:
            self.open()
        now = time_ns() // 1000
        emitted = _time(now)
        if event_time is None and self.clock is not now_us:
            event_time = self.clock()
        if number is None:
            number = self.last_number = next(self.numbers)
        happened = emitted if event_time is None else self.past(event_time)
        return b"".join((header, emitted, self.producer_id, self.sequence(number), event_id or _uuid7(now), happened))

    def job(self, job: Job) -> bytes:
        """The field `job` of an event."""
        return job.encoded((self._known or self._process()).code)

    def run_event(
        self,
        frame: bytes,
        run: bytes,
        job: Job | None,
        said: _events.Said,
        key: bytes,
        event_time: int | None,
        number: int | None = None,
    ) -> None:
        """Send a run, job or dataset event, in parts where it is large. `number`: one that was given out already."""
        tails = said.parts()
        encoded_job = encoding.NULL if job is None else self.job(job)
        event_id = _ids.uuid7(now_us())
        for part, tail in enumerate(tails, 1):
            head = self.head(_RUN_HEADER, event_id, event_time, number if part == 1 else None)
            numbers = _events.part_numbers(part, len(tails))
            self.send(topics.RUNS.name, key, b"".join((head, numbers, frame, run, encoded_job, tail)))

    def send(self, topic: str, key: bytes, message: bytes) -> None:
        """Hand a message to delivery, unless it is larger than a topic takes."""
        if len(message) > _LARGEST:
            self.delivery.drop("too_large")
        else:
            self.delivery.submit(topic, key, message)


#: To which brokers and prefix this process, or one that it was forked from, has told its packages.
_packages_told: Final[set[tuple[str, str]]] = set()


class _Known:
    """What was found out about this process, encoded."""

    def __init__(self, settings: Settings, *, asks_git: bool) -> None:
        found = _provenance.environment()
        if settings.record_host:
            found["host"] = _provenance.host()
        if settings.record_user:
            found["user"] = _provenance.user()
        if settings.record_arguments:
            found["arguments"] = _provenance.arguments()
        self.environment = _events.Entries.of(_events.entries(found))
        self._opened = {name: _json.text(value) for name, value in found.items()}
        #: None where nothing goes to Kafka.
        self._where = (settings.brokers, settings.prefix) if asks_git else None
        self._code = _provenance.code()
        self.code = encoding.PRESENT + _CODE.encode(asdict(self._code))
        #: Whether git has yet to say if the work tree is dirty.
        self.asking = asks_git and self._code.commit is not None

    def of_producer(self, kind: str) -> dict[str, str]:
        """The environment in an event about the producer: all when it opens, at its end what came too late for runs."""
        if kind == "closed" and self._code.dirty is not None:
            return {"code_dirty": _json.text(self._code.dirty)}
        if kind != "opened":
            return {}
        if self._where in _packages_told:
            return self._opened
        if self._where is not None:
            _packages_told.add(self._where)
        return {**self._opened, "packages": _json.text(_provenance.packages())}

    def hear_git(self) -> bool:
        """Whether git has said if the work tree is dirty, or will not say it."""
        if self.asking and _provenance.git().done():
            self.asking = False
            self._code = replace(self._code, dirty=_provenance.git().dirty)
            self.code = encoding.PRESENT + _CODE.encode(asdict(self._code))
        return not self.asking
