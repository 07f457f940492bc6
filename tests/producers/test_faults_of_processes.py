"""What a producer does when its process is signalled, ends or forks: rows of the fault table in producers/README.md."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from headwater.producer import Producer
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings
from tests.backends.clients import create_topics, read_all
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port, port_answers, wait_until
from tests.producers.test_kafka import TOPICS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks as POSIX has them"),
]

NOBODY = "127.0.0.1:9"


def variables(brokers: str, prefix: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HEADWATER_BROKERS": brokers,
        "HEADWATER_PREFIX": prefix,
        "HEADWATER_SPOOL_DIR": str(folder),
        "HEADWATER_EXIT_SECONDS": "20",
    }


def started(text: str, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def recovered(kafka: Kafka, prefix: str, folder: Path) -> int:
    """Send what was left in the spool; returns how many events that were."""
    heir = Producer(Settings(brokers=f"{NOBODY},{kafka.bootstrap}", prefix=prefix, spool_dir=str(folder)))
    heir.run(heir.job("tests", "heir")).whole()
    assert heir.flush(60), heir.stats()
    heir.close()
    assert heir.stats().drops == {}
    return heir.stats().recovered


def told(kafka: Kafka, prefix: str, topic: str) -> list[dict[str, Any]]:
    schema = records.current(topics.TOPICS[topic].record or "")
    return [
        plain.decode(schema, (record.value or b"")[framing.SINGLE_OBJECT_HEADER :])
        for record in read_all(kafka.bootstrap, prefix + topic, 60)
    ]


def lives(kafka: Kafka, prefix: str) -> dict[bytes, list[int]]:
    """The numbers of each producer, over all topics."""
    found: dict[bytes, list[int]] = {}
    for topic in ("lineage.runs", "lineage.producers"):
        for event in told(kafka, prefix, topic):
            found.setdefault(event["producer_id"], []).append(event["sequence"])
    return {producer: sorted(numbers) for producer, numbers in found.items()}


WORKING = """
import signal, sys, time
from headwater.producer import Producer
from headwater.settings import load
if "handled" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
producer = Producer(load())
job = producer.job("tests", "work")
number = 0
while True:
    producer.run(job).whole()
    number += 1
    if producer.stats().spooled > 100:
        print(number, flush=True)
    time.sleep(0.001)
"""


@pytest.mark.parametrize("kind", ["default", "handled"])
def test_sigterm(kind: str, kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """As Python leaves it, SIGTERM kills at once: what stands in the spool is sent by the next, the last moments are a
    gap at the end. A host that handles it by ending loses nothing, and its producer says goodbye.
    """
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    process = started(WORKING, variables(NOBODY, prefix, tmp_path), kind)
    assert process.stdout is not None
    emitted = int(process.stdout.readline())
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=30)
    assert process.returncode == (3 if kind == "handled" else -signal.SIGTERM)
    assert errors == ""
    emitted = max([emitted, *map(int, said.split())])
    count = recovered(kafka, prefix, tmp_path)
    dead = max(lives(kafka, prefix).values(), key=len)
    producers = told(kafka, prefix, "lineage.producers")
    kinds = [event["kind"] for event in producers]
    if kind == "handled":
        # The handler may raise amid a call, behind whose number it says so.
        interrupted = [drop for event in producers if event["kind"] == "closed" for drop in event["drops"]]
        missing = set(range(1, dead[-1] + 1)) - set(dead)
        assert len(missing) <= len(interrupted) <= 1, (missing, interrupted)
        assert all(drop == {"reason": "interrupted", "count": 1} for drop in interrupted)
        assert len(dead) == count >= emitted + 2
        assert kinds.count("closed") == 2  # the heir's, and the one of who was asked to end
    else:
        assert dead == list(range(1, count + 1))
        assert 100 < count <= emitted + 3
        assert kinds.count("closed") == 1


LATE = """
import atexit, sys, threading, time

@atexit.register
def later():  # runs after the producer's own end, for it was registered before
    producer.run(job).whole()
    print(dict(producer.stats().drops), flush=True)

from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "late")

def busy():
    while True:
        producer.run(job).whole()
        time.sleep(0.0001)

if "first" not in sys.argv:
    producer.run(job).whole()
if "threads" in sys.argv:
    for _ in range(6):
        threading.Thread(target=busy, daemon=True).start()
    time.sleep(0.3)

@atexit.register
def first():  # before the producer's own end; with "first" no thread was started yet
    producer.run(job).whole()
"""


@pytest.mark.parametrize("kind", ["one", "first", "threads"])
def test_the_interpreters_end(kind: str, kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Events in exit functions, the very first one among them, and from daemon threads: sent, or in the spool, or
    counted as closed; the host ends as it would.
    """
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    process = started(LATE, variables(NOBODY, prefix, tmp_path) | {"HEADWATER_EXIT_SECONDS": "1"}, kind)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert said.startswith("{'closed': ")
    count = recovered(kafka, prefix, tmp_path)
    assert count >= (4 if kind == "one" else 3)
    # `closed` came last, though daemon threads went on.
    assert max(lives(kafka, prefix).values(), key=len)[:count] == list(range(1, count + 1))


FORKING = """
import os, sys, time
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "fork")

def work(count):
    for _ in range(count):
        producer.run(job).whole()

work(50)
while producer.stats().spooled < 51:
    time.sleep(0.01)
children = []
for number in range(3):
    child = os.fork()
    if not child:
        work(20)
        sys.exit(0)
    children.append(child)
    work(10)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
work(10)
"""


def test_children_of_a_fork_leave_the_parents_spool_alone(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Without a broker, in the middle of spooling: parent and children each spool under their own id, gap and all."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    process = started(FORKING, variables(NOBODY, prefix, tmp_path) | {"HEADWATER_EXIT_SECONDS": "2"})
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    count = recovered(kafka, prefix, tmp_path)
    found = sorted(lives(kafka, prefix).values(), key=len)
    # The heir; three children: opened, 20 runs, closed; the parent: opened, 90 runs, closed.
    assert found == [list(range(1, 4)), *([list(range(1, 23))] * 3), list(range(1, 93))]
    assert count == 3 * 22 + 92


CONNECTING = """
import os, random, signal, socket, time
from headwater.producer import Producer
for _ in range(40):
    producer = Producer()
    producer.run(producer.job("tests", "fork")).whole()
    time.sleep(0.02 * random.random())
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        socket.getaddrinfo("127.0.0.1", 9, flags=socket.AI_ADDRCONFIG)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    producer.close()
"""


def test_a_fork_while_connections_are_made(tmp_path: Path) -> None:
    """The child can look names up, and collect garbage: no lock is held, no client is freed."""
    process = started(CONNECTING, variables(NOBODY, "", tmp_path) | {"HEADWATER_EXIT_SECONDS": "0"})
    _, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, "")


LOADING = """
import os, signal, sys, threading, time
import headwater.producer
assert "confluent_kafka" not in sys.modules
begun = threading.Event()
def first():
    begun.set()
    headwater.producer.Producer()
thread = threading.Thread(target=first)
thread.start()
begun.wait()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(20)
    producer = headwater.producer.Producer()
    producer.run(producer.job("tests", "fork")).whole()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
thread.join()
"""


@pytest.mark.parametrize("after", ["0", "0.005", "0.02", "0.06"])
def test_a_fork_while_the_first_producer_is_made(after: str, tmp_path: Path) -> None:
    """What it loads is loaded whole before the child begins: no module's lock is held by a thread that is not there."""
    settings = variables(NOBODY, "", tmp_path) | {"HEADWATER_EXIT_SECONDS": "0"}
    done = subprocess.run(
        [sys.executable, "-c", LOADING, after], env=settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


APPLICATION = """
import os
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load())
job = producer.job("tests", "web")
producer.run(job).whole()  # in the master, before it forks

def application(environ, start_response):
    if "kill" in environ["PATH_INFO"]:
        os.kill(os.getpid(), 9)
    producer.run(job).whole()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


@pytest.mark.parametrize("broker", ["there", "away"])
def test_under_gunicorn_with_a_preloaded_application(broker: str, kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Master and workers are producers of their own; SIGTERM to the master ends all in order, and nothing is lost."""
    pytest.importorskip("gunicorn")
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    (tmp_path / "service.py").write_text(APPLICATION)
    port = free_port()
    brokers = kafka.bootstrap if broker == "there" else NOBODY
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--preload",
            "--workers=2",
            f"--bind=127.0.0.1:{port}",
            "service:application",
        ],
        cwd=tmp_path,
        env=variables(brokers, prefix, tmp_path / "spool"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    workers: set[bytes] = set()
    answered = 0
    try:
        wait_until(lambda: port_answers(port), 30, "gunicorn")
        deadline = time.monotonic() + 20
        while (len(workers) < 2 or answered < 40) and time.monotonic() < deadline:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                workers.add(answer.read())
                answered += 1
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in errors
    count = recovered(kafka, prefix, tmp_path / "spool")
    assert (count > 0) == (broker == "away")
    found = sorted(lives(kafka, prefix).values(), key=len)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found)
    # The heir and the master tell opened, a run, closed; each worker opened, its answers, closed.
    assert len(found) == 2 + len(workers)
    assert sum(map(len, found)) == 6 + answered + 2 * len(workers)
