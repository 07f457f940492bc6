"""Headers of Kafka messages and HTTP requests: what goes out with them, and what is read from them."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, cast

from headwater.producer.trace.context import Received, Taken, Within, outgoing
from headwater.producer.trace.w3c import TraceContext

_log: Final = logging.getLogger("headwater.producer")

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
#: Holds the id of the run that sends: a UUID; what a later version may put behind it comes after a semicolon.
RUN_HEADER: Final = "headwater-run"
OURS: Final = frozenset({TRACEPARENT, TRACESTATE, RUN_HEADER})

#: As confluent-kafka and aiokafka take and give them.
KafkaHeaders = list[tuple[str, bytes]]


def http_headers(headers: MutableMapping[str, str] | None = None, *, run: bool = True) -> MutableMapping[str, str]:
    """The headers of a request that is sent here, with trace and run; a given mapping is filled and returned.

    `run=False`: without the run's id, for requests to people who need not know it.
    """
    headers = {} if headers is None else headers
    for name in [name for name in headers if name.lower() in OURS]:
        del headers[name]
    for name, value in _outgoing(run):
        headers[name] = value
    return headers


def kafka_headers(
    headers: Iterable[tuple[str, bytes | None]] | Mapping[str, bytes | None] | None = None, *, run: bool = True
) -> KafkaHeaders:
    """The headers of a message that is sent here: the given ones, with trace and run in place of older ones.

    For confluent-kafka's `produce(headers=…)` and aiokafka's `send(headers=…)`.
    """
    given = cast("Any", headers).items() if isinstance(headers, Mapping) else headers or ()
    # A value may be None on Kafka; the clients' types are stricter than they are.
    kept = [(name, value) for name, value in cast("KafkaHeaders", given) if name not in OURS]
    return [*kept, *((name, value.encode()) for name, value in _outgoing(run))]


def _outgoing(run: bool) -> list[tuple[str, str]]:
    trace, sender = outgoing()
    found = [(TRACEPARENT, trace.traceparent)]
    if trace.state:
        found.append((TRACESTATE, trace.state))
    if run and sender is not None:
        found.append((RUN_HEADER, str(uuid.UUID(bytes=sender))))
    return found


def from_headers(headers: Any, *, run: bool = True) -> Received:
    """What HTTP headers tell: a mapping (of any web framework) or pairs, names in any case, text or bytes.

    Malformed headers count as missing, and so does traceparent where it is there twice. `run=False`: the run's
    header is not believed, for services at the edge of a network.
    """
    try:
        return _received(_by_name(headers), believe_run=run)
    except Exception as error:  # a framework's headers may be anything
        _log.debug("headers cannot be read: %s", type(error).__name__)
        return Received()


def from_message(message: Any) -> Received:
    """What a message tells: one of confluent-kafka's, aiokafka's or kafka-python's."""
    try:
        headers = _of(message, "headers") or ()
        # Of several headers with one name the last counts, as everywhere on Kafka.
        by_name = {name: values[-1:] for name, values in _by_name(headers).items()}
        received = _received(by_name, believe_run=True)
    except Exception as error:  # a message may be anything
        _log.debug("headers of a message cannot be read: %s", type(error).__name__)
        received = Received()
    try:
        topic, partition, offset = (_of(message, name) for name in ("topic", "partition", "offset"))
        return Received(received.trace, received.run, Taken(str(topic), int(partition), int(offset)))
    except Exception as error:  # as above
        _log.debug("a message does not say where it stands: %s", type(error).__name__)
        return received


def taken(*messages: Any) -> Within:
    """What is told in this `with` came from the message; with several, from all of them.

    Messages of confluent-kafka, aiokafka or kafka-python. A run that begins within links to them: topic, partition,
    offset, the sender's trace and run. A prediction names its message. One message's trace is joined.
    """
    return Within(*map(from_message, messages))


def _of(message: Any, name: str) -> Any:
    """confluent-kafka has methods where others have attributes."""
    value = getattr(message, name)
    return value() if callable(value) else value


def _by_name(headers: Any) -> dict[str, list[str]]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        text = _text(name).lower()
        if text in OURS and value is not None:
            found.setdefault(text, []).append(_text(value))
    return found


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else bytes(value).decode("latin-1")


def _received(headers: Mapping[str, list[str]], *, believe_run: bool) -> Received:
    parents = headers.get(TRACEPARENT, [])
    trace = TraceContext.parse(parents[0], headers.get(TRACESTATE, [])) if len(parents) == 1 else None
    runs = headers.get(RUN_HEADER, []) if believe_run else []
    return Received(trace, _run_id(runs[0]) if len(runs) == 1 else None)


def _run_id(text: str) -> bytes | None:
    try:
        return uuid.UUID(text.partition(";")[0].strip()).bytes
    except ValueError:
        return None
