"""What the producer does when things go wrong: the rows of the fault table in producers/README.md."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from headwater.errors import SettingsError
from headwater.producer import InMemoryProducer, Job, Producer
from headwater.producer._core import Core
from headwater.settings import Settings
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.producers.test_kafka import TOPICS, read_all

pytestmark = pytest.mark.integration

NOBODY = "127.0.0.1:9"


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that accepts connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"127.0.0.1:{server.getsockname()[1]}"


def emit(producer: Producer, runs: int) -> float:
    """Emit so many runs; returns the longest that one call took, seconds."""
    job, data = producer.job("tests", "faults"), producer.dataset("tests", "data")
    longest = 0.0
    for _ in range(runs):
        start = time.perf_counter()
        with producer.run(job, inputs=[data]):
            pass
        longest = max(longest, time.perf_counter() - start)
    return longest


def test_a_call_that_is_interrupted_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signal handler raises amid a call goes on to the host; the number that was given out is explained."""

    def interrupt(core: Core, job: Job) -> bytes:
        raise KeyboardInterrupt

    producer = InMemoryProducer()
    job = producer.job("tests", "faults")
    with monkeypatch.context() as patch:
        patch.setattr(Core, "job", interrupt)
        run = producer.run(job)
        for call in (producer.run(job).whole, run.start, run.report, run.complete):
            with pytest.raises(KeyboardInterrupt):
                call()
    producer.run(job).whole()
    assert len(producer.events) == 1
    assert producer.stats().drops == {"interrupted": 4}
    assert producer.stats().emitted == producer.events[0]["sequence"] == 6


@pytest.mark.parametrize("kind", ["dead", "hanging"])
@pytest.mark.parametrize("spooling", [True, False], ids=["spool", "no spool"])
def test_without_a_broker_callers_never_wait(kind: str, spooling: bool, hanging: str, tmp_path: Path) -> None:
    """Calls return at once, memory stays in its bound, what does not fit is counted, and close keeps its deadline."""
    brokers = NOBODY if kind == "dead" else hanging
    spool_bytes = 2**30 if spooling else 0
    settings = Settings(brokers=brokers, queue_bytes=2**21, spool_dir=str(tmp_path), spool_bytes=spool_bytes)
    producer = Producer(settings)
    longest = emit(producer, 3000)
    assert longest < 1.0  # a busy machine may hold anyone up; a wait for a broker takes longer
    stats = producer.stats()
    assert stats.queued_bytes <= settings.queue_bytes
    assert set(stats.drops) <= {"queue_full"}
    assert spooling or stats.drops
    assert stats.emitted == 6001
    start = time.monotonic()
    producer.close(0.5)
    assert time.monotonic() - start < 5
    stats = producer.stats()
    assert stats.delivered == 0
    # Nothing is lost without being counted: the rest stands in the spool.
    assert sum(stats.drops.values()) + stats.spooled == stats.emitted
    assert stats.spooled == stats.pending
    assert bool(stats.spooled) == spooling
    assert producer.flush(0) is False or stats.pending == 0


def test_what_waited_is_sent_when_the_broker_comes(kafka: Kafka, prefix: str) -> None:
    """Events from the time when the topics were not there yet arrive, in order."""
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix))
    emit(producer, 20)
    assert not producer.flush(0.5) or kafka.kind == "embedded"  # Tansu makes topics as they are named
    if kafka.kind != "embedded":
        create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    assert producer.flush(30)
    producer.close()
    assert producer.stats().drops == {}
    assert len(read_all(kafka, prefix, {"lineage.runs": 40})["lineage.runs"]) == 40


@pytest.mark.backends("local")
def test_a_broker_that_hangs_and_comes_back_gets_everything(kafka: Kafka, prefix: str) -> None:
    """Stopped with SIGSTOP in the middle: nothing is lost or doubled."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix))
    emit(producer, 10)
    assert producer.flush(20)
    kafka.pause()
    try:
        emit(producer, 10)
        assert not producer.flush(1)
    finally:
        kafka.resume()
    assert producer.flush(30)
    producer.close()
    assert len(read_all(kafka, prefix, {"lineage.runs": 40})["lineage.runs"]) == 40


def test_after_close_events_are_counted(kafka: Kafka, prefix: str) -> None:
    """A service that emits after its producer was closed is not harmed, and it shows."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix))
    emit(producer, 1)
    producer.close()
    producer.close()
    emit(producer, 1)
    stats = producer.stats()
    assert (stats.delivered, stats.drops) == (4, {"closed": 2})


@pytest.mark.parametrize("spooling", [True, False], ids=["spool", "no spool"])
def test_a_registry_that_answers_500_holds_events_back(spooling: bool, tmp_path: Path) -> None:
    """Without their ids events wait, and stand in the spool or are counted at the end; nobody waits, nothing raises."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        do_POST = do_PUT = do_GET  # noqa: N815 — the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the name that http.server gives
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        registry_url = f"http://127.0.0.1:{server.server_port}"
        spool = Settings(spool_dir=str(tmp_path), spool_bytes=2**20 if spooling else 0)
        producer = Producer(dataclasses.replace(spool, brokers=NOBODY, registry_url=registry_url))
        assert emit(producer, 10) < 1.0
        assert not producer.flush(1)
        assert producer.stats().last_error
        producer.close(0.5)
        stats = producer.stats()
        assert (stats.spooled, stats.drops) == ((22, {}) if spooling else (0, {"exit": 22}))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("setting", ["no-equals-sign", "no.such.setting=1", "acks=sometimes"])
def test_wrong_settings_are_refused_at_start(setting: str) -> None:
    """The reason names the setting, never a value that may be a secret."""
    with pytest.raises(SettingsError) as caught:
        Producer(Settings(kafka=f"{setting},sasl.password=hunter2"))
    assert "hunter2" not in str(caught.value)


FORKED = """
import os, sys
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "fork")
with producer.run(job):
    pass
child = os.fork()
with producer.run(job):
    pass
if not child:
    assert producer.flush(20), producer.stats()
    sys.exit(0)  # runs the interpreter's whole end, as a web server's worker does
assert os.waitpid(child, 0)[1] == 0
assert producer.flush(20)
print(producer.stats().drops)
"""

POOLED = """
import multiprocessing
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "pool")

def work(number):
    with producer.run(job):
        return number

if __name__ == "__main__":
    with producer.run(job):
        context = multiprocessing.get_context({method!r})
        children = [context.Process(target=work, args=(n,)) for n in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
"""


def script(text: str, kafka: Kafka, prefix: str, tmp_path: str) -> subprocess.CompletedProcess[str]:
    path = os.path.join(tmp_path, "script.py")  # noqa: PTH118 — a plain text for a plain script
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 — as above
        file.write(text)
    return subprocess.run(
        [sys.executable, path],
        env={
            **os.environ,
            "HEADWATER_BROKERS": kafka.bootstrap,
            "HEADWATER_PREFIX": prefix,
            "HEADWATER_EXIT_SECONDS": "30",  # eight processes at once on a busy machine
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_a_producer_of_its_own(kafka: Kafka, prefix: str, tmp_path: str) -> None:
    """Both sides go on; the child has its own id, numbers, thread and client, and ends as usual."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    done = script(FORKED, kafka, prefix, str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "{}\n"), done.stderr
    found = read_all(kafka, prefix, {"lineage.runs": 6, "lineage.producers": 4})
    assert len(found["lineage.runs"]) == 6
    assert len({message.key() for message in found["lineage.producers"]}) == 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_send_what_they_have(method: str, kafka: Kafka, prefix: str, tmp_path: str) -> None:
    """They end without atexit; what they emitted arrives nevertheless."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    done = script(POOLED.format(method=method), kafka, prefix, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(read_all(kafka, prefix, {"lineage.runs": 8})["lineage.runs"]) == 8


AT_EXIT = """
from headwater.producer import Producer
producer = Producer()
with producer.run(producer.job("tests", "exit")):
    pass
"""


def test_the_end_of_the_process_sends_what_is_left(kafka: Kafka, prefix: str, tmp_path: str) -> None:
    """No flush, no close: the interpreter's end waits for the broker, up to the deadline."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    done = script(AT_EXIT, kafka, prefix, str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    found = read_all(kafka, prefix, {"lineage.runs": 2, "lineage.producers": 2})
    assert [len(found[name]) for name in ("lineage.runs", "lineage.producers")] == [2, 2]
