"""Trace context through the real libraries: OpenTelemetry, requests, httpx, WSGI, ASGI, aiokafka."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterable, Iterator
from typing import Any, cast
from wsgiref.util import FileWrapper

import confluent_kafka
import httpx
import pytest
import requests
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from requests.adapters import BaseAdapter

from headwater.producer import InMemoryProducer, trace
from headwater.producer.trace.context import span_of
from headwater.producer.trace.headers import KafkaHeaders, from_message
from headwater.settings import Settings
from tests.backends.clients import consumer as confluent_consumer
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"
RECEIVED = trace.from_headers({"traceparent": PARENT, "tracestate": "v=1"})
TRACER = TracerProvider().get_tracer("tests")


def ids(span: otel.Span) -> tuple[bytes, bytes]:
    context = span.get_span_context()
    return context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")


def run_of(producer: InMemoryProducer) -> dict[str, Any]:
    run: dict[str, Any] = producer.events[-1]["run"]
    return run


# OpenTelemetry.


def test_spans_of_the_host_continue_the_senders_trace() -> None:
    """Within what was received its spans are children of the sender's; afterwards its context is as it was before."""
    before = otel_context.get_current()
    with trace.within(RECEIVED), TRACER.start_as_current_span("work") as span:
        parent = cast("Any", span).parent
        assert (parent.trace_id, parent.span_id, parent.is_remote) == (int(TRACE, 16), int(SPAN, 16), True)
        assert parent.trace_state.to_header() == "v=1"
        here = trace.current_trace()
        assert here is not None
        assert (here.trace_id, here.span_id, here.state, here.local) == (*ids(span), "v=1", True)
    assert otel_context.get_current() is before
    assert trace.current_trace() is None


def test_a_run_in_a_span_has_the_spans_ids() -> None:
    """And so has what goes out of it; the link says what came in."""
    producer = InMemoryProducer(Settings())
    answering = producer.predictions(deployment=producer.deployment("n", "d"), model=producer.model("n", "m"))
    with (
        trace.within(RECEIVED),
        TRACER.start_as_current_span("work") as span,
        producer.run(producer.job("a", "b")) as run,
    ):
        out = trace.from_headers(trace.http_headers())
        answering.emit("k")
    told = producer.events[0]["run"]
    assert (told["trace_id"], told["span_id"]) == ids(span)
    assert (told["links"][0]["trace_id"].hex(), told["links"][0]["span_id"].hex()) == (TRACE, SPAN)
    assert out.trace is not None
    assert (out.trace.trace_id, out.trace.span_id, out.run) == (*ids(span), run.run_id)
    assert (producer.predicted[0]["trace_id"], producer.predicted[0]["span_id"]) == ids(span)


def test_a_span_that_runs_is_joined_not_replaced() -> None:
    """Where the host's own instrumentation began a span, its trace stands, and the message is linked to."""
    producer = InMemoryProducer(Settings())
    with TRACER.start_as_current_span("theirs") as span, trace.within(RECEIVED):
        assert otel.get_current_span() is span
        with producer.run(producer.job("a", "b")):
            pass
    assert (run_of(producer)["trace_id"], run_of(producer)["span_id"]) == ids(span)
    assert run_of(producer)["links"][0]["trace_id"].hex() == TRACE


def test_without_a_span_of_the_host_the_senders_counts() -> None:
    """OpenTelemetry is imported and no span runs: the run has a span id of its own in the sender's trace."""
    producer = InMemoryProducer(Settings())
    with trace.within(RECEIVED), producer.run(producer.job("a", "b")) as run:
        out = trace.from_headers(trace.http_headers()).trace
    assert (run_of(producer)["trace_id"].hex(), run_of(producer)["span_id"]) == (TRACE, span_of(run.run_id))
    assert out is not None
    assert (out.trace_id.hex(), out.span_id) == (TRACE, span_of(run.run_id))


def test_a_library_that_raises_does_not_hurt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever OpenTelemetry does, what was extracted stands."""

    def broken(*_: object) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(otel, "get_current_span", broken)
    with trace.within(RECEIVED):
        assert trace.current_trace() == RECEIVED.trace


# HTTP clients.


class Answering(BaseAdapter):
    """An adapter of requests that answers by itself and keeps the headers."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, str | bytes]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.seen.append(dict(request.headers))
        response = requests.Response()
        response.status_code, response.request = 200, request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Nothing to close."""


def test_requests_takes_trace_and_run_along() -> None:
    """Each request of the session, and once however often it is asked for; old headers are replaced."""
    session, answering = requests.Session(), Answering()
    session.mount("https://", answering)
    assert trace.with_requests(trace.with_requests(session)) is session
    producer = InMemoryProducer(Settings())
    with trace.within(RECEIVED), producer.run(producer.job("a", "b")) as run:
        session.get("https://example.test/a", headers={"TraceParent": "old"})
        session.post("https://example.test/b", json={})
    for seen in answering.seen:
        received = trace.from_headers(seen)
        assert received.trace is not None
        assert (received.trace.trace_id.hex(), received.trace.state, received.run) == (TRACE, "v=1", run.run_id)
    assert len(answering.seen) == 2
    copied = pickle.loads(pickle.dumps(trace.with_requests(requests.Session())))
    assert copied.get_adapter("https://example.test").max_retries.total == 0
    session.close()


def test_httpx_takes_trace_and_run_along() -> None:
    """The synchronous and the asynchronous client, beside hooks that were there."""
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200)

    async def both() -> None:
        async with trace.with_httpx(httpx.AsyncClient(transport=httpx.MockTransport(answer))) as client:
            await client.get("https://example.test")

    theirs: list[httpx.Request] = []
    with trace.within(RECEIVED):
        hooks: dict[str, list[Any]] = {"request": [theirs.append]}
        with httpx.Client(transport=httpx.MockTransport(answer), event_hooks=hooks) as client:
            trace.with_httpx(client, run=False).get("https://example.test", headers={"Traceparent": "old"})
        asyncio.run(both())
    assert [trace.from_headers(headers.multi_items()).trace for headers in seen] == [RECEIVED.trace] * 2
    assert len(theirs) == 1


# Web applications.


class Streamed:
    """A body made bit by bit, as WSGI allows it."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(2):
            self.told.append(trace.current_trace())
            yield b"x"

    def close(self) -> None:
        self.told.append(trace.current_trace())


def wsgi(body: Any, told: list[Any], environ: dict[str, Any], **options: Any) -> Iterable[bytes]:
    def application(_: dict[str, Any], start_response: Any) -> Any:
        told.append(trace.current_trace())
        start_response("200 OK", [])
        return body

    return trace.WSGIMiddleware(application, **options)(environ, lambda *_: None)


def test_a_wsgi_request_is_answered_within_its_context() -> None:
    """The call, each bit of the body and its end; nothing of it stays behind on the server's thread."""
    told: list[Any] = []
    environ = {"HTTP_TRACEPARENT": PARENT, "HTTP_TRACESTATE": "v=1", "HTTP_HEADWATER_RUN": "nonsense"}
    answer = wsgi(Streamed(told), told, environ)
    assert trace.current_trace() is None
    parts: list[bytes] = []
    for part in answer:
        assert trace.current_trace() is None
        parts.append(part)
    cast("Any", answer).close()
    assert (parts, told) == ([b"x", b"x"], [RECEIVED.trace] * 4)


def test_a_wsgi_body_that_is_made_goes_through_unchanged(tmp_path: Any) -> None:
    """Lists and files: servers treat them specially."""
    ready = [b"a", b"b"]
    assert wsgi(ready, [], {}) is ready
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with path.open("rb") as stream:
        file = FileWrapper(stream)
        assert wsgi(file, [], {"wsgi.file_wrapper": FileWrapper}) is file


def test_a_request_without_a_trace_begins_one() -> None:
    """All that is told while it is answered is one trace; each request has its own."""
    told: list[Any] = []
    for _ in range(2):
        wsgi([], told, {"HTTP_TRACEPARENT": PARENT + "," + PARENT})
    assert len({one.trace_id for one in told}) == 2


def test_an_asgi_request_is_answered_within_its_context() -> None:
    """HTTP and websockets; lifespan events pass; at the edge the run's header is not believed."""
    producer = InMemoryProducer(Settings())
    sender = producer.run(producer.job("a", "sender"))
    scopes: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope["type"])
        async with producer.run(producer.job("a", scope["type"])):
            await send({"type": "done"})

    async def receive() -> Any:
        raise AssertionError("nobody asks")

    async def send(_: Any) -> None:
        await asyncio.sleep(0)

    headers = [(b"traceparent", PARENT.encode()), (b"headwater-run", str(sender.id).encode())]

    async def serve() -> None:
        for kind in ("lifespan", "http", "websocket"):
            await trace.ASGIMiddleware(application)({"type": kind, "headers": headers}, receive, send)
        await trace.ASGIMiddleware(application, run=False)({"type": "http", "headers": headers}, receive, send)

    asyncio.run(serve())
    starts = [event["run"] for event in producer.events if event["run"]["state"] == "START"]
    assert scopes == ["lifespan", "http", "websocket", "http"]
    assert starts[0]["trace_id"] is None
    assert [run["trace_id"].hex() for run in starts[1:]] == [TRACE] * 3
    assert [run["links"][0]["run_id"] for run in starts[1:]] == [sender.run_id, sender.run_id, None]


# Kafka.


def test_messages_of_aiokafka_are_read() -> None:
    """Its records have attributes; of several headers with one name the last counts; a null header is none."""
    old = PARENT.replace(SPAN, "f" * 16).encode()
    headers = (("traceparent", old), ("traceparent", PARENT.encode()), ("tracestate", None))
    record: Any = ConsumerRecord("orders", 2, 9, 0, 0, b"k", b"v", None, 1, 1, cast("Any", headers))
    producer = InMemoryProducer(Settings())
    with trace.taken(record), producer.run(producer.job("a", "b")):
        pass
    (link,) = run_of(producer)["links"]
    assert (link["topic"], link["partition"], link["offset"], link["span_id"].hex()) == ("orders", 2, 9, SPAN)


async def sent_by_aiokafka(bootstrap: str, topic: str, run_headers: list[KafkaHeaders]) -> None:
    """A message with each of these headers, to partition 2."""
    client: Any = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with client as sender:
        for headers in run_headers:
            await sender.send_and_wait(topic, b"order", partition=2, headers=headers)


async def read_by_aiokafka(bootstrap: str, topic: str, count: int) -> list[Any]:
    """So many messages, by a group of its own."""
    found: list[Any] = []
    reader: Any = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=f"{topic}-aiokafka", auto_offset_reset="earliest"
    )
    async with reader:
        async with asyncio.timeout(60):
            while len(found) < count:
                found.append(await reader.getone())
    return found


@pytest.mark.integration
def test_aiokafka_takes_trace_and_run_through_a_topic(kafka: Kafka, prefix: str) -> None:
    """Its producer sends our headers beside the service's; its consumer's messages give the link, and a prediction its
    message; a batch links to each. confluent-kafka reads the same of them."""
    topic = prefix + "orders"
    create_topics(kafka.bootstrap, {topic: 3})
    producer = InMemoryProducer(Settings())
    with trace.within(RECEIVED), producer.run(producer.job("shop", "sender")) as sender:
        in_a_run = trace.kafka_headers([("mine", b"x"), ("none", None), ("traceparent", b"old")])
    with trace.within(RECEIVED):
        in_none = trace.kafka_headers()
    asyncio.run(sent_by_aiokafka(kafka.bootstrap, topic, [in_a_run, in_none, []]))

    messages = asyncio.run(read_by_aiokafka(kafka.bootstrap, topic, 3))
    assert [(name, value) for name, value in messages[0].headers if name in {"mine", "none"}] == [
        ("mine", b"x"), ("none", None),
    ]  # fmt: skip
    predicting = producer.predictions(
        deployment=producer.deployment("shop", "fares-live"), model=producer.model("shop", "fares"), public_keys=True
    )
    reader = producer.job("shop", "reader")
    for message in messages:
        with trace.taken(message), producer.run(reader):
            predicting.emit(f"order-{message.offset}")
    with trace.taken(*messages), producer.run(reader):
        pass

    runs = [event["run"] for event in producer.events if event["run"]["state"] == "START"][1:]
    places = [{"topic": topic, "partition": 2, "offset": offset} for offset in range(3)]
    links = [[{name: link[name] for name in places[0]} for link in run["links"]] for run in runs]
    assert links == [[places[0]], [places[1]], [places[2]], places]
    assert [told["message"] for told in producer.predicted] == places
    first, second, bare = (run["links"][0] for run in runs[:3])
    assert (first["trace_id"].hex(), first["span_id"]) == (TRACE, span_of(sender.run_id))
    assert first["run_id"] == sender.run_id
    assert (second["trace_id"].hex(), second["span_id"].hex(), second["run_id"]) == (TRACE, SPAN, None)
    assert (bare["trace_id"], bare["run_id"]) == (None, None)
    assert [run["trace_id"] for run in runs[:2]] == [bytes.fromhex(TRACE)] * 2

    other = confluent_consumer(kafka.bootstrap, f"{topic}-confluent")
    other.assign([confluent_kafka.TopicPartition(topic, 2, 0)])
    same = other.consume(3, timeout=30)
    other.close()
    assert list(map(from_message, same)) == list(map(from_message, messages))


@pytest.mark.integration
def test_aiokafka_reads_what_confluent_kafka_sent(kafka: Kafka, prefix: str) -> None:
    """Trace, state and run go from one client to the other."""
    topic = prefix + "orders"
    create_topics(kafka.bootstrap, {topic: 1})
    producer = InMemoryProducer(Settings())
    sending: Any = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    with trace.within(RECEIVED), producer.run(producer.job("shop", "sender")) as sender:
        sending.produce(topic, b"order", headers=trace.kafka_headers())
    assert sending.flush(30) == 0
    (message,) = asyncio.run(read_by_aiokafka(kafka.bootstrap, topic, 1))
    received = from_message(message)
    assert received.trace is not None
    assert (received.trace.trace_id.hex(), received.trace.state) == (TRACE, "v=1")
    assert (received.trace.span_id, received.run) == (span_of(sender.run_id), sender.run_id)
