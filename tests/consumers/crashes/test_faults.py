"""What can be wrong around a stitching worker, each fault on real parts: nothing is lost, nothing is wrong."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.settings import Settings
from tests.backends import clients
from tests.backends.cache import java, kafka_jars
from tests.backends.local_kafka import LocalKafka
from tests.backends.pool import missing
from tests.backends.processes import wait_until
from tests.consumers.crashes.line import Line, Load
from tests.consumers.crashes.nursery import SESSION_SECONDS, Nursery, Worker
from tests.consumers.crashes.points import RESTING, SLOW_DISK, THROTTLED

pytestmark = pytest.mark.integration

Make = Callable[..., Line]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that the tests here may ruin."""
    if why := missing("kafka", "local"):
        pytest.skip(f"backend local: {why}")
    # Small files, so that a limit on their size is soon reached.
    made = LocalKafka(tmp_path_factory.mktemp("broker"), properties=("log.index.size.max.bytes=65536",))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def make(broker: LocalKafka, nursery: Nursery, prefix: str, seed: int) -> Iterator[Make]:
    """Makes lines whose workers end with the test."""
    lines: list[Line] = []
    broker.start()

    def make(**settings: object) -> Line:
        given = Settings(brokers=broker.bootstrap, prefix=f"{prefix}{len(lines)}.", **settings)  # type: ignore[arg-type]  # named by the test
        lines.append(Line(given, nursery, seed + len(lines)))
        return lines[-1]

    yield make
    for line in lines:
        line.end()


@pytest.fixture
def line(make: Make) -> Line:
    return make()


def resident_mb(worker: Worker) -> float:
    """Memory of the process, MB."""
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def delete_edges(line: Line) -> None:
    """The topic of edges is gone."""
    client = clients.admin(line.settings.brokers)
    client.delete_topics([line.topic("edges")])[line.topic("edges")].result()


def test_output_topic_missing(line: Line) -> None:
    """It says which topic is not there, waits, and goes on once it is created; nothing was lost."""
    delete_edges(line)
    worker = line.worker()
    line.feed(30)
    wait_until(lambda: worker.says(f"no topic {line.topic('edges')}"), 30, "the reason being told")
    clients.create_topics(line.settings.brokers, {line.topic("edges"): 2})
    line.settle()
    line.compare()


@pytest.mark.prove
def test_output_topic_deleted_under_way(line: Line) -> None:
    """What cannot be sent ends the process, nothing of it is committed, and the next worker sends it."""
    worker = line.worker("processed", action="hold")
    line.feed(30)
    wait_until(lambda: worker.reaches("processed"), 30, "the first chunk")
    delete_edges(line)
    worker.go_on()
    wait_until(lambda: worker.ended, 60, "the worker's end")
    assert worker.exit != 0
    assert worker.says("does not take a message")
    line.worker()
    clients.create_topics(line.settings.brokers, {line.topic("edges"): 2})
    line.settle()
    line.compare()


def test_quota_reached(line: Line, broker: LocalKafka) -> None:
    """A client quota throttles what is sent; all of it arrives."""
    quota(broker, "--add-config", "producer_byte_rate=60000")
    try:
        worker = line.worker(THROTTLED, action="tell")
        line.feed(300)
        line.settle()
        line.compare()
        assert worker.reaches(THROTTLED), "the quota throttled nothing that the worker sent"
    finally:
        quota(broker, "--delete-config", "producer_byte_rate")


def quota(broker: LocalKafka, *change: str) -> None:
    """Change the quota of every client."""
    command = [java(), "-cp", f"{kafka_jars()}/*", "kafka.admin.ConfigCommand", "--bootstrap-server", broker.bootstrap]
    command += ["--alter", *change, "--entity-type", "clients", "--entity-default"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Completed" in done.stdout, done.stdout + done.stderr


def test_disk_full_on_the_broker(line: Line, broker: LocalKafka) -> None:
    """The broker can write no further: the file size limit of its process stands for the full disk, which needs no
    root; it fails the same way, as an error of the write, and ends. With room again, all goes on, the worker too.
    """
    worker = line.worker()
    line.feed(40)
    line.settle()
    _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (4096, hard))
    with Load(line, runs=40, pause=0.1):
        wait_until(lambda: not broker.running, 60, "the broker's end")
        broker.start()
    line.settle()
    assert not worker.ended
    line.compare()


def away(line: Line, broker: LocalKafka, seconds: float) -> None:
    worker = line.worker()
    line.feed(500)
    line.settle()
    line.feed(1500)
    before = resident_mb(worker)
    broker.kill()
    time.sleep(seconds)
    grown = resident_mb(worker) - before
    broker.start()
    line.feed(50)
    line.settle()
    assert not worker.ended
    line.compare()
    assert grown < 100


def test_broker_away(line: Line, broker: LocalKafka) -> None:
    """For four seconds: the worker waits, grows by less than what it may have taken in, and goes on."""
    away(line, broker, 4)


@pytest.mark.prove
def test_broker_away_for_minutes(line: Line, broker: LocalKafka) -> None:
    """The same for ninety seconds."""
    away(line, broker, 90)


def test_hung_broker(line: Line, broker: LocalKafka) -> None:
    """It answers nothing for longer than a session, connections stay; the worker goes on with it."""
    worker = line.worker()
    line.feed(40)
    line.ready(worker)
    broker.pause()
    time.sleep(SESSION_SECONDS + 2)
    broker.resume()
    line.feed(40)
    line.settle()
    assert not worker.ended
    line.compare()


def test_chunks_that_come_before_they_may_flow(line: Line) -> None:
    """What is there as soon as partitions are assigned is not lost, also where nothing follows it."""
    worker = line.worker(RESTING, 2, "hold")
    line.ready(worker)
    line.worker()
    wait_until(lambda: worker.reaches(RESTING), 60, "the second assignment")
    line.feed(30)
    time.sleep(1)  # enough for a fetch
    worker.go_on()
    line.settle()
    line.compare()


@pytest.mark.prove
def test_slow_disk(line: Line, broker: LocalKafka) -> None:
    """A broker that stands still three quarters of the time, as one does whose disk is slow."""
    worker = line.worker()
    line.ready(worker)
    with Load(line, runs=20, pause=0.1):
        for _ in range(7):
            broker.pause()
            time.sleep(0.45)
            broker.resume()
            time.sleep(0.15)
    line.settle()
    assert not worker.ended
    line.compare()


@pytest.mark.prove
def test_slow_folder(make: Make) -> None:
    """The disk of the worker's own that takes runs which are young no longer (`stitching_folder`) needs 50 ms for each
    write and read: the worker falls behind, stays in its group, and loses nothing.
    """
    line = make(stitching_young_seconds=0.0)
    worker = line.worker(SLOW_DISK, action="tell")
    line.ready(worker)
    starts, ends, late = line.thirds(60)
    line.send(starts)
    with Load(line, runs=10, pause=0.2):  # runs move on behind what comes after them
        wait_until(lambda: worker.reaches(SLOW_DISK), 60, "a run on the slow disk", 0.2)
        line.send(ends)
        line.settle()
        line.send(late)
        time.sleep(5)
    line.settle()
    assert not worker.ended
    assert worker.log.read_text("utf-8").count("stitching has") == 1
    line.compare()


@pytest.mark.prove
@pytest.mark.parametrize("how", ["retry", "backpressure"])
def test_rebalance_while_the_step_waits(how: str, line: Line) -> None:
    """A step that is to be asked again holds up nobody: another worker joins and takes its share meanwhile."""
    waiting = line.worker("processed", action=how)
    line.feed(60)
    wait_until(lambda: waiting.reaches("processed"), 30, "the first chunk")
    line.feed(60)
    wait_until(lambda: waiting.says("waits: the test says so"), 30, "the step's waiting")
    other = line.worker()
    wait_until(lambda: other.says("stitching has 1 partitions"), 25, "the other's share")
    assert line.lag() > 0
    waiting.go_on()
    line.settle()
    line.compare()


@pytest.mark.prove
@pytest.mark.parametrize("how", ["retry", "backpressure"])
def test_sigterm_while_the_step_waits(how: str, line: Line) -> None:
    """It ends cleanly, and what was not done comes again."""
    waiting = line.worker("processed", action=how)
    line.feed(60)
    wait_until(lambda: waiting.reaches("processed"), 30, "the first chunk")
    line.feed(60)
    assert waiting.stop() == 0
    line.worker()
    line.settle()
    line.compare()


@pytest.mark.prove
@pytest.mark.parametrize("busy", [False, True])
def test_a_worker_thought_dead_does_no_harm(busy: bool, line: Line) -> None:
    """Stopped for longer than its session, it loses its partitions; awake again it sends and commits late. What it
    gets back it does not take for what it had, where it did not take in (`busy`) what the other did meanwhile.
    """
    asleep = line.worker("processed", 2, "retry") if busy else line.worker()
    line.ready(asleep)
    starts, ends = line.halves(400)
    line.send(starts[:100])
    wait_until(lambda: asleep.reaches("processed") if busy else line.lag() == 0, 30, "the first events done")
    line.send(starts[100:200])
    wait_until(lambda: asleep.says("waits") if busy else line.lag() == 0, 30, "the next events taken in")
    asleep.signal(signal.SIGSTOP)
    other = line.worker()
    line.send(starts[200:])
    line.settle()
    asleep.signal(signal.SIGCONT)
    other.kill()
    if busy:
        asleep.go_on()
    line.send(ends)
    line.settle()
    assert not asleep.ended
    line.compare()


@pytest.mark.prove
def test_sigterm_while_the_broker_hangs(line: Line, broker: LocalKafka) -> None:
    """Nothing can be confirmed or committed: it ends within its time, cleanly; the rest comes again."""
    worker = line.worker()
    line.ready(worker)
    line.feed(400)
    wait_until(lambda: line.lag() < len(line.sent), 30, "the first commit")
    broker.pause()
    code = worker.stop()
    broker.resume()
    assert code == 0
    line.worker()
    line.settle()
    line.compare()
