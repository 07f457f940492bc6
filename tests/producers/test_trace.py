"""W3C trace context: what the headers may hold, what goes out, and what is told within an extracted context."""

from __future__ import annotations

import asyncio
import contextvars
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.producer import InMemoryProducer, Taken, carry, trace
from headwater.producer.trace import context
from headwater.producer.trace.context import span_of
from headwater.settings import Settings

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Message:
    """As confluent-kafka gives it: everything is a method."""

    def __init__(self, headers: Any, offset: int = 7) -> None:
        self._headers, self._offset = headers, offset

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return self._offset


def parsed(*tracestate: str) -> str:
    """What becomes of tracestate headers beside a good traceparent."""
    pairs = [("traceparent", PARENT), *(("tracestate", value) for value in tracestate)]
    found = trace.from_headers(pairs).trace
    assert found is not None
    assert found.trace_id.hex() == TRACE
    return found.state


# The cases of the specification's own suite.


@pytest.mark.parametrize("flags", ["00", "01"])
@pytest.mark.parametrize(
    "text", ["00-{}-{}-{}", "cc-{}-{}-{}", "cc-{}-{}-{}-what-the-future-will-be-like", " 00-{}-{}-{}\t"]
)
def test_traceparents_that_count(text: str, flags: str) -> None:
    """Version 00, later versions with or without more behind it, spaces around it."""
    found = trace.from_headers({"traceparent": text.format(TRACE, SPAN, flags)}).trace
    assert found is not None
    assert found.traceparent == f"00-{TRACE}-{SPAN}-{flags}"


@pytest.mark.parametrize(
    "text",
    [
        PARENT + ".", PARENT + "-what-the-future-will-be-like", f"cc-{TRACE}-{SPAN}-01.what", f"ff-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01", f"0.-{TRACE}-{SPAN}-01", f"000-{TRACE}-{SPAN}-01", f"0000-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-.{TRACE[1:]}-{SPAN}-01", f"00-{TRACE[1:]}.-{SPAN}-01",
        f"00-{TRACE}3-{SPAN}-01", f"00-{TRACE[1:]}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-.{SPAN[1:]}-01", f"00-{TRACE}-{SPAN[1:]}.-01",
        f"00-{TRACE}-{SPAN}7-01", f"00-{TRACE}-{SPAN[1:]}-01", f"00-{TRACE}-{SPAN}-.0",
        f"00-{TRACE}-{SPAN}-0.", f"00-{TRACE}-{SPAN}-001", f"00-{TRACE}-{SPAN}-1", PARENT.replace("1", "A"), "",
        f"00-{TRACE}-{SPAN}", PARENT.replace("1", "١"), PARENT + "\n",
    ],
)  # fmt: skip
def test_traceparents_that_do_not(text: str) -> None:
    """Each is as if it was not there, and tracestate then counts nothing."""
    assert trace.from_headers({"traceparent": text, "tracestate": "foo=1"}) == trace.Received()


def test_names_of_headers() -> None:
    """In any case; no other names; traceparent twice is as none."""
    for name in ("TraceParent", "TrAcEpArEnT", "TRACEPARENT"):
        assert trace.from_headers([(name, PARENT)]).trace is not None
    for name in ("trace-parent", "trace.parent"):
        assert trace.from_headers([(name, PARENT)]).trace is None
    assert trace.from_headers([("traceparent", PARENT), ("traceparent", PARENT)]).trace is None
    assert trace.from_headers([(b"traceparent", PARENT.encode())]).trace is not None
    assert trace.from_headers({"tracestate": "foo=1"}).trace is None


@pytest.mark.parametrize(
    ("given_values", "kept"),
    [
        (["foo=1,bar=2"], "foo=1,bar=2"),
        (["foo=1", ""], "foo=1"),
        (["foo=1,bar=2", "rojo=1"], "foo=1,bar=2,rojo=1"),
        (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (["\t foo=1 \t"], "foo=1"),
        (["foo=1,foo=2"], "foo=1,foo=2"),
        (["a-_*/0@b-_*/0=1"], "a-_*/0@b-_*/0=1"),
        (["0tenant@system=1"], "0tenant@system=1"),
        (["foo= !\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"], "foo= !\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"),
        ([",".join(f"k{n}=1" for n in range(32))], ",".join(f"k{n}=1" for n in range(32))),
        (["z" * 256 + "=1"], "z" * 256 + "=1"),
        (["t" * 241 + "@" + "v" * 14 + "=1"], "t" * 241 + "@" + "v" * 14 + "=1"),
        (["foo=" + "v" * 256], "foo=" + "v" * 256),
    ],
)
def test_tracestates_that_go_on(given_values: list[str], kept: str) -> None:
    """All members, in order, of all headers, without the spaces around them."""
    assert parsed(*given_values) == kept


@pytest.mark.parametrize(
    "text",
    [
        "foo =1", "FOO=1", "foo.bar=1", "foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2",
        ",".join(f"k{n}=1" for n in range(33)), "z" * 257 + "=1", "t" * 242 + "@v=1", "t@" + "v" * 15 + "=1",
        "foo=bar=baz", "foo=,bar=3", "foo=" + "v" * 257, "foo", "foo=ä",
    ],
)  # fmt: skip
def test_tracestates_that_are_left_away(text: str) -> None:
    """As a whole; the trace goes on."""
    assert parsed(text) == ""


_KEYS = st.from_regex(r"[a-z][a-z0-9_*/-]{0,20}", fullmatch=True)
_VALUES = st.from_regex(r"[\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,20}", fullmatch=True)
_IDS = st.binary(min_size=16, max_size=16).filter(any)


@given(
    _IDS,
    st.binary(min_size=8, max_size=8).filter(any),
    st.integers(0, 3),
    st.dictionaries(_KEYS, _VALUES, max_size=32),
    st.none() | st.binary(min_size=16, max_size=16),
)
def test_what_goes_out_comes_in(
    trace_id: bytes, span_id: bytes, flags: int, state: dict[str, str], run: bytes | None
) -> None:
    """Through HTTP and Kafka headers, whatever the ids, flags and state."""
    sent = trace.TraceContext(trace_id, span_id, flags, ",".join(f"{k}={v}" for k, v in state.items()))
    with trace.within(trace.Received(sent, run)):
        over_http, over_kafka = trace.http_headers(), trace.kafka_headers()
    assert trace.from_headers(over_http) == trace.from_headers(over_kafka) == trace.Received(sent, run)


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "headwater-run"]), st.text() | st.binary()))
def test_nothing_in_a_header_raises(headers: dict[str, str | bytes]) -> None:
    """Whatever stands in it."""
    received = trace.from_headers(headers)
    assert received.message is None
    with trace.taken(Message([*headers.items()])), trace.within(received):
        pass


@pytest.mark.parametrize("odd", [None, 5, {"traceparent": object()}, [("a",)], object()])
def test_no_headers_at_all_raise(odd: Any) -> None:
    """Something that is no headers, and no message, tells nothing."""
    assert trace.from_headers(odd) == trace.Received()
    with trace.taken(odd), trace.taken(Message(odd)):
        pass


# What goes out.


def test_a_message_takes_trace_and_run_along() -> None:
    """In a run without a trace one begins: it is the same in all runs below the root, and the span is the run's."""
    producer = InMemoryProducer(Settings())
    with producer.run(producer.job("a", "outer")) as outer, producer.run(producer.job("a", "inner")) as inner:
        headers = dict(trace.kafka_headers([("mine", b"1"), ("traceparent", b"old"), ("traceparent", b"older")]))
        request = trace.http_headers({"Traceparent": "old", "accept": "*"})
    assert headers == {
        "mine": b"1",
        "traceparent": f"00-{outer.run_id.hex()}-{span_of(inner.run_id).hex()}-01".encode(),
        "headwater-run": str(inner.id).encode(),
    }
    assert request == {
        "accept": "*", "traceparent": headers["traceparent"].decode(), "headwater-run": str(inner.id),
    }  # fmt: skip
    assert "headwater-run" not in trace.http_headers(run=False)
    assert trace.from_headers(headers).run == inner.run_id
    assert trace.from_headers(headers, run=False).run is None


def test_outside_everything_a_message_begins_a_trace() -> None:
    """Without a run; each message one of its own."""
    first, second = trace.from_headers(trace.kafka_headers()), trace.from_headers(trace.kafka_headers({"a": b"b"}))
    assert first.run is None
    assert first.trace is not None
    assert second.trace is not None
    assert first.trace.trace_id != second.trace.trace_id


def test_a_child_process_sends_the_run_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run handed down by the environment goes along where the code opens none of its own."""
    producer = InMemoryProducer(Settings())
    run = producer.run(producer.job("a", "b"))
    for name, value in run.reference.variables().items():
        monkeypatch.setenv(name, value)
    # It is looked up once a process; here anew.
    monkeypatch.setattr(context, "process_run", context.process_run.__wrapped__)
    assert trace.from_headers(trace.http_headers()).run == run.run_id


# What is told within.


def test_what_is_told_within_a_message_is_tied_to_it() -> None:
    """The run links to the message and to the run that sent it; the prediction names it; children have it from them."""
    sender = uuid.uuid4()
    message = Message(
        [("traceparent", PARENT.encode()), ("tracestate", b"v=1"), ("headwater-run", str(sender).encode())]
    )
    producer = InMemoryProducer(Settings())
    answering = producer.predictions(deployment=producer.deployment("n", "d"), model=producer.model("n", "m"))
    with trace.taken(message), producer.run(producer.job("a", "outer")) as outer:
        answering.emit("k")
        with producer.run(producer.job("a", "inner")) as inner:
            out = trace.from_headers(trace.kafka_headers())
    assert trace.current_trace() is None
    told = {event["job"]["name"]: event["run"] for event in producer.events}
    link = {
        "run_id": sender.bytes, "trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN),
        "topic": "orders", "partition": 3, "offset": 7,
    }  # fmt: skip
    assert (told["outer"]["links"], told["inner"]["links"]) == ([link], [])
    for run in (outer, inner):
        assert told[run.job.name]["trace_id"].hex() == TRACE
        assert told[run.job.name]["span_id"] == span_of(run.run_id)
    (prediction,) = producer.predicted
    assert (prediction["trace_id"].hex(), prediction["span_id"].hex()) == (TRACE, SPAN)
    assert prediction["message"] == {"topic": "orders", "partition": 3, "offset": 7}
    assert out.trace == trace.TraceContext(bytes.fromhex(TRACE), span_of(inner.run_id), 1, "v=1")


def test_several_messages_are_linked_and_none_is_joined() -> None:
    """A batch belongs to no one trace; a message taken inside the batch's run ties the prediction made of it."""
    producer = InMemoryProducer(Settings())
    answering = producer.predictions(deployment=producer.deployment("n", "d"), model=producer.model("n", "m"))
    messages = [Message([("traceparent", PARENT.encode())], offset) for offset in (1, 2)]
    with trace.taken(*messages), producer.run(producer.job("a", "batch")):
        for message in messages:
            with trace.taken(message):
                answering.emit("k")
        answering.emit("whole")
    run = producer.events[0]["run"]
    assert [link["offset"] for link in run["links"]] == [1, 2]
    assert run["trace_id"] is None
    assert [p["message"] and p["message"]["offset"] for p in producer.predicted] == [1, 2, None]


def test_what_the_caller_says_stands() -> None:
    """Trace, span, links and message given by hand are taken as they are."""
    producer = InMemoryProducer(Settings())
    mine = {"topic": "t", "partition": 0, "offset": 1}
    with trace.taken(Message([("traceparent", PARENT.encode())])):
        with producer.run(producer.job("a", "b"), trace_id=b"t" * 16, span_id=b"s" * 8, links=[mine]):
            pass
        answering = producer.predictions(deployment=producer.deployment("n", "d"), model=producer.model("n", "m"))
        answering.emit("k", trace=(b"t" * 16, b"s" * 8), message=Taken("x", 0, 9))
    run = producer.events[0]["run"]
    assert (run["trace_id"], run["span_id"]) == (b"t" * 16, b"s" * 8)
    assert [link["topic"] for link in run["links"]] == ["t", "orders"]
    assert (producer.predicted[0]["trace_id"], producer.predicted[0]["message"]["offset"]) == (b"t" * 16, 9)


def test_tasks_and_threads_have_their_own() -> None:
    """Messages worked on side by side do not mix; `carry` takes the context into a thread."""

    async def work(number: int) -> int:
        async with trace.within(trace.from_headers({"traceparent": f"00-{number:032x}-{SPAN}-00"})):
            await asyncio.sleep(0.001 * (5 - number))
            here = trace.current_trace()
            assert here is not None
            return int.from_bytes(here.trace_id, "big")

    async def together() -> list[int]:
        return await asyncio.gather(*(work(number) for number in range(1, 5)))

    assert asyncio.run(together()) == [1, 2, 3, 4]
    with ThreadPoolExecutor(1) as pool, trace.taken(Message([("traceparent", PARENT.encode())])):
        assert pool.submit(trace.current_trace).result() is None
        assert pool.submit(carry(trace.current_trace)).result() is not None


def test_a_generator_closed_elsewhere_does_not_hurt() -> None:
    """Its end in another context than its beginning raises nothing."""

    def generator() -> Any:
        with trace.taken(Message([("traceparent", PARENT.encode())])):
            yield 1

    begun = generator()
    contextvars.copy_context().run(next, begun)
    begun.close()
    assert trace.current_trace() is None
