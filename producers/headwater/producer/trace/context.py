"""Which trace, message and sending run this code is in: by OpenTelemetry where the service uses it, else by us."""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import TracebackType
from typing import Any, Final, NamedTuple

from headwater.producer.reference import RunReference, current
from headwater.producer.trace.w3c import SAMPLED, TraceContext, usable

Link = Mapping[str, Any]
#: Trace id, span id and links of a run that is in no trace.
NOTHING: Final[tuple[None, None, tuple[Link, ...]]] = (None, None, ())


class Taken(NamedTuple):
    """Where the message that asked for a prediction stands on Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Received:
    """What came with a message or request: the sender's trace, the id of the run that sent it, where it stands."""

    trace: TraceContext | None = None
    run: bytes | None = None
    message: Taken | None = None

    @property
    def link(self) -> Link | None:
        """The contract's Link to it; None where nothing is known of it."""
        if self.trace is None and self.run is None and self.message is None:
            return None
        topic, partition, offset = self.message or (None, None, None)
        return {
            "run_id": self.run,
            "trace_id": self.trace.trace_id if self.trace else None,
            "span_id": self.trace.span_id if self.trace else None,
            "topic": topic,
            "partition": partition,
            "offset": offset,
        }


@dataclass(frozen=True, slots=True)
class _Here:
    trace: TraceContext | None
    sender: bytes | None
    message: Taken | None
    links: tuple[Link, ...]
    #: The run around it: only runs right below have taken the messages, their children have them from their parents.
    around: RunReference | None


_here: contextvars.ContextVar[_Here | None] = contextvars.ContextVar("headwater_received", default=None)


class Within:
    """A context manager (also `async with`): what is told within came from what was received."""

    def __init__(self, *received: Received) -> None:
        self._links = tuple(link for one in received if (link := one.link) is not None)
        # Several messages that are worked on together belong to no one trace: they are linked, none is joined.
        only = received[0] if len(received) == 1 else Received()
        self._trace, self._sender, self._message = only.trace, only.run, only.message
        self._token: contextvars.Token[_Here | None] | None = None
        self._attached: tuple[Any, Any] | None = None

    def __enter__(self) -> Within:
        self._token = _here.set(_Here(self._trace, self._sender, self._message, self._links, current.get()))
        if self._trace is not None:
            self._attached = _attach(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        if self._attached is not None:
            _detach(*self._attached)
            self._attached = None
        if self._token is not None:
            with contextlib.suppress(ValueError):  # a generator may be closed in another context than it began in
                _here.reset(self._token)
            self._token = None

    async def __aenter__(self) -> Within:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def within(*received: Received) -> Within:
    """What is told in this `with` came from what was received: one message or request, or several together."""
    return Within(*received)


def current_trace() -> TraceContext | None:
    """The trace that this code is in: OpenTelemetry's span where there is one, else what was extracted."""
    api = sys.modules.get("opentelemetry.trace")
    if api is not None and (joined := _of_opentelemetry(api)) is not None:
        return joined
    here = _here.get()
    return None if here is None else here.trace


def nothing_received() -> bool:
    """Whether this code is in no trace and works on no message, told cheaply; False where that is not certain."""
    return _here.get() is None and "opentelemetry.trace" not in sys.modules


def current_message() -> Taken | None:
    """The message that this code works on."""
    here = _here.get()
    return None if here is None else here.message


def of_run(run_id: bytes) -> tuple[bytes | None, bytes | None, tuple[Link, ...]]:
    """Trace id, span id and links of a run that begins here."""
    if nothing_received():
        return NOTHING
    trace, here = current_trace(), _here.get()
    if here is None and trace is None:
        return NOTHING
    links = here.links if here is not None and here.around == current.get() else ()
    if trace is None:
        return None, None, links
    return trace.trace_id, trace.span_id if trace.local else span_of(run_id), links


def outgoing() -> tuple[TraceContext, bytes | None]:
    """What goes out with a message or request that is sent here: the trace, begun where there is none, and the run.

    In no run of its own, a service passes on the run that its request or message came from.
    """
    trace, here, inner = current_trace(), _here.get(), current.get()
    run = inner or process_run()
    if inner is None and here is not None and here.sender is not None:
        sender: bytes | None = here.sender
    else:
        sender = run.run_id if run is not None else None
    if trace is None:
        if run is None:
            return TraceContext.begin(), sender
        # The root's id, so that all runs below it, in whatever process, are in one trace.
        return TraceContext(usable((run.root or run).run_id), span_of(run.run_id), SAMPLED), sender
    if inner is not None and not trace.local and (here is None or here.around != inner):
        trace = replace(trace, span_id=span_of(inner.run_id))
    return trace, sender


def span_of(run_id: bytes) -> bytes:
    """The span id of a run that no tracing library gave one: a digest of its id, never all zero."""
    return hashlib.blake2b(run_id, digest_size=7, person=b"hw-span-of-a-run").digest() + b"\x01"


@cache
def process_run() -> RunReference | None:
    """The run that started this process; looked up once."""
    return RunReference.from_variables(os.environ)


# OpenTelemetry, where the host has imported it. Whatever it raises, the host must not notice.


def _of_opentelemetry(api: Any) -> TraceContext | None:
    try:
        span = api.get_current_span().get_span_context()
        if not span.is_valid:
            return None
        return TraceContext(
            span.trace_id.to_bytes(16, "big"),
            span.span_id.to_bytes(8, "big"),
            int(span.trace_flags),
            span.trace_state.to_header(),
            local=not span.is_remote,
        )
    except Exception:
        return None


def _attach(trace: TraceContext) -> tuple[Any, Any] | None:
    """Make it OpenTelemetry's context, so that the host's spans continue it; not where a span runs already."""
    api, context = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.context")
    if api is None or context is None:
        return None
    try:
        if api.get_current_span().get_span_context().is_valid:
            return None
        sender = api.SpanContext(
            int.from_bytes(trace.trace_id, "big"),
            int.from_bytes(trace.span_id, "big"),
            is_remote=True,
            trace_flags=api.TraceFlags(trace.flags),
            trace_state=api.TraceState.from_header([trace.state]),
        )
        attached = api.set_span_in_context(api.NonRecordingSpan(sender))
        return context.attach(attached), attached
    except Exception:
        return None


def _detach(token: Any, attached: Any) -> None:
    context: Any = sys.modules.get("opentelemetry.context")
    # Elsewhere than it was attached (a generator closed from another task) it is not ours to take off.
    with contextlib.suppress(Exception):
        if context.get_current() is attached:
            context.detach(token)
