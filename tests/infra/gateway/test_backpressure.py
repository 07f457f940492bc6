"""What the gateway cannot take now: each such answer provoked, and official clients that come again."""

from __future__ import annotations

import gzip
import json
import re
import socket
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Barrier
from typing import Any, Final

import httpx
import pytest

from headwater.gateway import keys
from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import run_peer
from tests.consumers.openlineage.samples import CLIENT
from tests.infra.gateway.conftest import Gateway, serving
from tests.infra.gateway.real_clients import environment
from tests.infra.gateway.test_requests import BATCH, SINGLE, run

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

#: The largest body here; the gateway holds four times as much.
MOST: Final = 8192
#: The smallest queue that may be set.
QUEUE: Final = 2 * 1024 * 1024
JSON: Final = {"content-type": "application/json"}
#: No request is given up for being slow while a test goes on.
PATIENT: Final = 600.0


def figure(gateway: Gateway, name: str) -> float:
    """One of the gateway's metrics; 0 where it is not told yet."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", httpx.get(gateway.url + "/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def refused(gateway: Gateway) -> float:
    """Requests with a single event that were told to come again."""
    return figure(gateway, f'headwater_gateway_requests_total{{path="{SINGLE}",status="503"}}')


def event(number: int, size: int) -> bytes:
    """An event of a run of its own, as a body of so many bytes."""
    body = json.dumps(run(number)).encode()
    assert len(body) <= size
    return body.ljust(size)


def key(number: int) -> bytes:
    return uuid.UUID(run(number)["run"]["runId"]).bytes


class Chunked:
    """A request without Content-Length, sent piece by piece."""

    def __init__(self, gateway: Gateway) -> None:
        host, port = gateway.url.removeprefix("http://").split(":")
        self._connection = HTTPConnection(host, int(port), timeout=60)
        self.begin()

    def begin(self) -> None:
        self._connection.putrequest("POST", SINGLE)
        self._connection.putheader("Content-Type", "application/json")
        self._connection.putheader("Transfer-Encoding", "chunked")
        self._connection.endheaders()

    def send(self, piece: bytes) -> None:
        self._connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end(self) -> None:
        self._connection.send(b"0\r\n\r\n")

    def answer(self) -> HTTPResponse:
        found = self._connection.getresponse()
        found.read()
        return found

    def close(self) -> None:
        self._connection.close()


@contextmanager
def held(gateway: Gateway, sizes: Sequence[int]) -> Generator[None]:
    """Requests of these lengths whose bodies do not come."""
    host, port = gateway.url.removeprefix("http://").split(":")
    before = figure(gateway, "headwater_gateway_body_bytes")
    with ExitStack() as stack:
        for size in sizes:
            one = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
            one.sendall(b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (SINGLE.encode(), size))
        holds = before + sum(sizes)
        wait_until(lambda: figure(gateway, "headwater_gateway_body_bytes") == holds, 60, "the requests")
        yield


@contextmanager
def full_of_bodies(kafka: Kafka, settings: Settings, folder: Path) -> Generator[tuple[Gateway, Callable[[], object]]]:
    """As many and as large requests as may be, whose bodies do not come."""
    del kafka
    with serving(replace(settings, gateway_body_bytes=MOST, gateway_seconds=PATIENT), folder) as gateway:
        gateway.wait_for_broker()
        with ExitStack() as stack:
            stack.enter_context(held(gateway, [MOST] * 4))
            yield gateway, stack.close


@contextmanager
def full_queue(kafka: Kafka, settings: Settings, folder: Path) -> Generator[tuple[Gateway, Callable[[], object]]]:
    """A broker that hangs, for longer than the test, with events that take all of the queue."""
    hangs = replace(settings, queue_bytes=QUEUE, kafka="message.timeout.ms=300000")
    many = [run(1000 + number) for number in range(QUEUE // 1000)]
    with serving(hangs, folder) as gateway, ThreadPoolExecutor(1) as threads:
        gateway.wait_for_broker()
        kafka.pause()
        try:
            threads.submit(httpx.post, gateway.url + BATCH, json=many, timeout=60)
            wait_until(lambda: figure(gateway, "headwater_gateway_outstanding_bytes") >= QUEUE, 60, "a full queue")
            yield gateway, kafka.resume
        finally:
            kafka.resume()


@contextmanager
def nowhere_to_keep(kafka: Kafka, settings: Settings, folder: Path) -> Generator[tuple[Gateway, Callable[[], object]]]:
    """A broker that hangs since before the gateway was there, and no disk."""
    kafka.pause()
    try:
        with serving(replace(settings, spool_bytes=0), folder) as gateway:
            yield gateway, kafka.resume
    finally:
        kafka.resume()


REASONS = {
    full_of_bodies: "too many large requests at once",
    full_queue: "too much is on its way to the broker",
    nowhere_to_keep: "neither the broker nor the spool has it yet",
}


@pytest.fixture
def alone(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a gateway that shares its spool with no other."""
    return replace(settings, spool_dir=str(tmp_path / "spool"))


@pytest.mark.parametrize("fault", REASONS, ids=lambda fault: fault.__name__)
def test_what_cannot_be_taken_now_is_told_to_come_again(
    kafka: Kafka, alone: Settings, tmp_path: Path, fault: Callable[..., Any]
) -> None:
    """503 with Retry-After whatever the reason, never 429: openlineage-python's asynchronous transport drops an event
    after that. The same request is taken once the reason is gone.
    """
    with fault(kafka, alone, tmp_path) as (gateway, mend):
        body = event(11, MOST)

        def ask() -> httpx.Response:
            return httpx.post(gateway.url + SINGLE, content=body, headers=JSON, timeout=60)

        answer = ask()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json() == {"code": 503, "message": REASONS[fault]}
        mend()
        wait_until(lambda: ask().status_code == 201, 60, "the event to be taken")


@pytest.mark.parametrize("way", ["http", "async_http"])
@pytest.mark.parametrize("fault", REASONS, ids=lambda fault: fault.__name__)
def test_an_official_client_that_is_refused_comes_again(
    kafka: Kafka, alone: Settings, tmp_path: Path, fault: Callable[..., Any], way: str
) -> None:
    """openlineage-python, refused at least once: it says that the event was sent, and the event is on its topic once.
    It is as installed: it comes again for about five seconds.
    """
    python = environment("openlineage", CLIENT)
    asked = uuid.uuid4()
    with fault(kafka, alone, tmp_path) as (gateway, mend), ThreadPoolExecutor(1) as threads:
        client = threads.submit(run_peer, python, "openlineage_retried.py", way, gateway.url, str(asked), seconds=300)
        try:
            wait_until(lambda: refused(gateway) > 0 or client.done(), 120, "a refused event")
        finally:
            mend()
        assert client.result() == "sent"
        assert refused(gateway) > 0
        wait_until(lambda: asked.bytes in {found for found, _ in gateway.sent()}, 60, "the event")
        assert [found for found, _ in gateway.sent()].count(asked.bytes) == 1


@pytest.mark.parametrize("way", ["http", "async_http"])
def test_an_official_client_that_is_not_let_in_asks_once(alone: Settings, tmp_path: Path, way: str) -> None:
    """401 is for good: openlineage-python says that the event was not sent, and does not come again."""
    file = tmp_path / "keys"
    keys.add(file, "another")
    asked = uuid.uuid4()
    python = environment("openlineage", CLIENT)
    with serving(replace(alone, gateway_keys=str(file)), tmp_path) as gateway:
        gateway.wait_for_broker()
        told = run_peer(python, "openlineage_retried.py", way, gateway.url, str(asked), seconds=300)
        assert told != "sent"
        assert "401" in told or "'failed': 1" in told
        assert figure(gateway, f'headwater_gateway_requests_total{{path="{SINGLE}",status="401"}}') == 1
        assert asked.bytes not in {found for found, _ in gateway.sent()}


def test_a_body_without_a_length_is_taken_and_bounded(gateway: Gateway) -> None:
    """As OpenLineage's Java client sends gzip: in pieces, of which nobody says how many there are."""
    body = gzip.compress(json.dumps(run(21)).encode())
    whole: Iterator[bytes] = iter([body[:100], body[100:]])
    answer = httpx.post(gateway.url + SINGLE, content=whole, headers={**JSON, "content-encoding": "gzip"})
    assert answer.status_code == 201
    assert [found for found, _ in gateway.sent()].count(key(21)) == 1
    large: Iterator[bytes] = iter([bytes(1024 * 1024)] * 17)
    assert httpx.post(gateway.url + SINGLE, content=large, headers=JSON, timeout=60).status_code == 413


def test_sixteen_bodies_without_a_length_are_taken_at_once(gateway: Gateway) -> None:
    """Each has begun before any ends; what they might yet become counts for nothing."""
    together = Barrier(16, timeout=60)

    def pieces(number: int) -> Iterator[bytes]:
        body = json.dumps(run(number)).encode()
        yield body[:100]
        together.wait()
        yield body[100:]

    def post(number: int) -> int:
        return httpx.post(gateway.url + SINGLE, content=pieces(number), headers=JSON, timeout=120).status_code

    numbers = range(40, 56)
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(post, numbers)) == [201] * 16
    there = [found for found, _ in gateway.sent()]
    assert [there.count(key(number)) for number in numbers] == [1] * 16


def test_bodies_without_a_length_count_as_they_arrive(alone: Settings, tmp_path: Path) -> None:
    """Four that hold nearly all there is go on; the one for which no room is left is refused in its middle, without
    harm to its connection, and taken when it comes again.
    """
    small = replace(alone, gateway_body_bytes=MOST, gateway_seconds=PATIENT)
    with serving(small, tmp_path) as gateway, ExitStack() as stack:
        gateway.wait_for_broker()
        first, last = MOST - 1000, 1000
        bodies = [event(60 + number, MOST) for number in range(5)]
        requests = [Chunked(gateway) for _ in bodies]
        for one in requests:
            stack.callback(one.close)
        for one, body in zip(requests[:4], bodies, strict=False):
            one.send(body[:first])
        wait_until(lambda: figure(gateway, "headwater_gateway_body_bytes") == 4 * first, 60, "the bodies")
        requests[4].send(bodies[4][:first])
        answer = requests[4].answer()
        assert (answer.status, answer.getheader("retry-after")) == (503, "1")
        assert figure(gateway, "headwater_gateway_body_bytes") == 4 * first
        for one, body in zip(requests[:4], bodies, strict=False):
            one.send(body[-last:])
            one.end()
        assert [one.answer().status for one in requests[:4]] == [201] * 4
        assert figure(gateway, "headwater_gateway_body_bytes") == 0
        requests[4].send(bodies[4][-last:])
        requests[4].end()
        requests[4].begin()
        requests[4].send(bodies[4])
        requests[4].end()
        assert requests[4].answer().status == 201


def test_what_a_gzip_holds_counts(alone: Settings, tmp_path: Path) -> None:
    """Few bytes that become many find no room beside others, and find it later."""
    small = replace(alone, gateway_body_bytes=MOST, gateway_seconds=PATIENT)
    with serving(small, tmp_path) as gateway:
        gateway.wait_for_broker()
        packed = gzip.compress(event(80, MOST))
        assert len(packed) < MOST // 2

        def post() -> int:
            headers = {**JSON, "content-encoding": "gzip"}
            return httpx.post(gateway.url + SINGLE, content=packed, headers=headers, timeout=60).status_code

        with held(gateway, [MOST, MOST, MOST, MOST // 2]):
            assert post() == 503
        wait_until(lambda: post() == 201, 60, "the event to be taken")
