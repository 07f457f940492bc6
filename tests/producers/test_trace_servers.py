"""Trace context through a real ASGI server: uvicorn on a socket, httpx as its client."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from headwater.producer import InMemoryProducer, trace
from headwater.producer.trace.context import span_of
from headwater.settings import Settings
from tests.backends.processes import until

pytestmark = pytest.mark.integration

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"
SECONDS = 30


class Application:
    """Answers within a run and with what it would send on; `together` requests wait until all of them are there."""

    def __init__(self, together: int = 1) -> None:
        self.producer = InMemoryProducer(Settings())
        self.predicting = self.producer.predictions(
            deployment=self.producer.deployment("shop", "fares-live"),
            model=self.producer.model("shop", "fares"),
            public_keys=True,
        )
        self.scopes: list[str] = []
        self._job = self.producer.job("shop", "answer")
        self._together = together
        self._there = 0
        self._all_there = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope["type"])
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        async with self.producer.run(self._job) as run:
            self._there += 1
            if self._there >= self._together:
                self._all_there.set()
            await asyncio.wait_for(self._all_there.wait(), SECONDS)
            # As frameworks call functions that are no coroutines.
            await asyncio.to_thread(self.predicting.emit, scope["path"])
            onward = dict(trace.http_headers())
        answer = json.dumps({"run": str(run.id), "onward": onward}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        for state in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{state}"
            await send({"type": f"lifespan.{state}.complete"})

    def started(self) -> list[dict[str, Any]]:
        """The runs that answered, in the order of their start."""
        return [event["run"] for event in self.producer.events if event["run"]["state"] == "START"]


@contextmanager
def served(app: Any, http: Any) -> Generator[str]:
    """The address at which uvicorn serves it, on a thread; at the end it has ended."""
    config = uvicorn.Config(app, http=http, ws="none", lifespan="on", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = until(SECONDS)
            while not server.started:
                assert thread.is_alive(), "uvicorn did not start"
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(SECONDS)
    assert not thread.is_alive()


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_a_request_is_answered_in_its_senders_trace(http: str) -> None:
    """traceparent, state and run come in; run, prediction and what is sent on have them; the next has none."""
    app = Application()
    asked = InMemoryProducer(Settings())
    received = trace.from_headers({"traceparent": PARENT, "tracestate": "v=1"})
    with served(trace.ASGIMiddleware(app), http) as address:
        with (
            trace.with_httpx(httpx.Client()) as client,
            trace.within(received),
            asked.run(asked.job("a", "b")) as asking,
        ):
            answers = [client.get(address + "/in-a-run", timeout=SECONDS).json()]
        with httpx.Client() as client:  # one connection
            for path, headers in (("/by-hand", {"TraceParent": PARENT}), ("/bare", {}), ("/bare", {})):
                answers.append(client.get(address + path, headers=headers, timeout=SECONDS).json())
    runs, predicted = app.started(), app.producer.predicted
    sent = [trace.from_headers(answer["onward"]) for answer in answers]

    # What came in: to runs a link to the sender, to predictions its span.
    sender = (TRACE, span_of(asking.run_id).hex())
    for run, prediction, (trace_id, span_id), by in zip(
        runs[:2], predicted[:2], [sender, (TRACE, SPAN)], [asking.run_id, None], strict=True
    ):
        (link,) = run["links"]
        assert run["trace_id"].hex() == trace_id
        assert (link["trace_id"].hex(), link["span_id"].hex(), link["run_id"]) == (trace_id, span_id, by)
        assert (prediction["trace_id"].hex(), prediction["span_id"].hex()) == (trace_id, span_id)
    # Without one each request begins its own.
    assert len({run["trace_id"] for run in runs}) == 3
    # All that is told and sent in a request is one trace, in threads too.
    assert [prediction["trace_id"] for prediction in predicted] == [run["trace_id"] for run in runs]
    assert [(one.trace.trace_id, one.trace.span_id, one.run) for one in sent if one.trace is not None] == [
        (run["trace_id"], run["span_id"], run["run_id"]) for run in runs
    ]
    assert [one.trace.state for one in sent if one.trace is not None] == ["v=1", "", "", ""]
    assert app.scopes == ["lifespan", *["http"] * 4]


def test_requests_at_one_time_keep_their_own_contexts() -> None:
    """On one thread, each waiting in the middle of its run until all others are there."""
    traces = [f"{n:032x}" for n in range(1, 9)]
    app = Application(together=len(traces))

    async def ask(client: httpx.AsyncClient, url: str, one: str) -> Any:
        return (await client.get(url, headers={"traceparent": f"00-{one}-{SPAN}-01"}, timeout=SECONDS)).json()

    async def ask_all(address: str) -> list[Any]:
        async with httpx.AsyncClient() as client:
            return await asyncio.gather(*(ask(client, f"{address}/{one}", one) for one in traces))

    with served(trace.ASGIMiddleware(app), "h11") as address:
        answers = asyncio.run(ask_all(address))
    assert [answer["onward"]["traceparent"].split("-")[1] for answer in answers] == traces
    assert {told["key"]: told["trace_id"].hex() for told in app.producer.predicted} == {
        f"/{one}": one for one in traces
    }


def test_at_the_edge_no_stranger_names_a_run() -> None:
    """The trace is joined, the run's header is not believed."""
    app = Application()
    headers = {"traceparent": PARENT, "headwater-run": "01941f29-7c00-7d38-9a4f-d3b0c1f4a001"}
    with served(trace.ASGIMiddleware(app, run=False), "h11") as address:
        httpx.get(address, headers=headers, timeout=SECONDS)
    (run,) = app.started()
    (link,) = run["links"]
    assert (link["trace_id"].hex(), link["span_id"].hex(), link["run_id"]) == (TRACE, SPAN, None)
