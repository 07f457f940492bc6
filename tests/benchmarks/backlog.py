"""What the worker benchmarks share: a broker, a backlog on its topics, workers, and what the broker says of them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import confluent_kafka

from headwater.schemas import plain, records
from headwater.schemas.topics import STITCHING
from tests.backends import clients
from tests.backends.local_kafka import LocalKafka
from tests.consumers.stitching import reference

PARTITIONS = 4
RUNS, EDGES = "lineage.runs", "lineage.edges"
Messages = Sequence[tuple[bytes, bytes]]


@contextmanager
def broker() -> Generator[str]:
    """A real broker of one's own, and its address."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap_mb=1024, throughput=True)
        kafka.start()
        try:
            yield kafka.bootstrap
        finally:
            kafka.stop()


def topics(bootstrap: str) -> str:
    """Topics of their own, empty; their prefix."""
    prefix = f"b{secrets.token_hex(4)}."
    names = (RUNS, EDGES, "lineage.dead-letters")
    append_time = {"message.timestamp.type": "LogAppendTime"}
    clients.create_topics(bootstrap, {f"{prefix}{name}": PARTITIONS for name in names}, **append_time)
    state = {f"{prefix}{STITCHING.name}": PARTITIONS, f"{prefix}lineage.schemas": 1}
    clients.create_topics(bootstrap, state, **{"cleanup.policy": "compact"})
    return prefix


def fill(bootstrap: str, prefix: str, messages: Messages) -> None:
    """Put the messages on the topic of run events."""
    clients.produce(bootstrap, prefix + RUNS, messages, **{"queue.buffering.max.messages": 1_000_000})


class Running(Protocol):
    """A process whose CPU is counted."""

    def cpu_seconds(self) -> float:
        """CPU that it has used so far, user and system."""
        ...

    def check(self) -> None:
        """Raise RuntimeError where it has ended."""
        ...


class Worker:
    """A contender's process; `core`: the only one that it may use."""

    def __init__(self, name: str, bootstrap: str, prefix: str, core: int | None = None) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.contenders", name, bootstrap, prefix]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    def cpu_seconds(self) -> float:
        """CPU that it has used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        """Raise RuntimeError where it has ended."""
        if self.process.poll() is not None:
            error = (self.process.stderr.read() if self.process.stderr else b"").decode()
            raise RuntimeError(f"the worker ended with {self.process.returncode}: {error[-2000:]}")

    def stop(self) -> None:
        """End it, in order where it can."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def divided(bootstrap: str, prefix: str, many: int) -> bool:
    """Whether so many stitching workers have the same number of partitions each."""
    client: Any = clients.admin(bootstrap)
    [asked] = client.describe_consumer_groups([f"{prefix}headwater-stitching"]).values()
    try:
        members = asked.result(5).members
    except confluent_kafka.KafkaException:  # nobody has joined yet
        return False
    return [len(member.assignment.topic_partitions) for member in members] == [PARTITIONS // many] * many


def count(reader: Any, topic: str) -> int:
    """How many messages stand on a topic."""
    places = [confluent_kafka.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    return sum(int(reader.get_watermark_offsets(place, timeout=10)[1]) for place in places)


def _count(reader: Any, topic: str) -> int:
    """As `count`; 0 while a new topic's leader is not known everywhere."""
    try:
        return count(reader, topic)
    except confluent_kafka.KafkaException as error:
        if error.args[0].code() != confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION:
            raise
        return 0


def wait(bootstrap: str, topic: str, wanted: int, workers: Sequence[Running], seconds: float = 300) -> float:
    """Until so many edge sets stand on the topic; the workers' CPU seconds an edge set, from the first ones seen on."""
    reader: Any = clients.consumer(bootstrap, "headwater-bench-ends")
    deadline = time.monotonic() + seconds
    began: tuple[int, float] | None = None
    try:
        while True:
            there = _count(reader, topic)
            if began is None and there:
                began = there, sum(worker.cpu_seconds() for worker in workers)
            if there >= wanted and began is not None:
                spent = sum(worker.cpu_seconds() for worker in workers) - began[1]
                return spent / max(there - began[0], 1)
            for worker in workers:
                worker.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {wanted} edge sets after {seconds:g} s")
            time.sleep(0.05)
    finally:
        reader.close()


def read(bootstrap: str, topic: str, wanted: int) -> tuple[list[int], list[bytes]]:
    """Append times (ms) and values of so many messages of a topic."""
    reader = clients.consumer(bootstrap, "headwater-bench-read")
    times: list[int] = []
    values: list[bytes] = []
    try:
        reader.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        while len(values) < wanted:
            for message in reader.consume(10_000, 1.0):
                times.append(message.timestamp()[1])
                values.append(message.value())
    finally:
        reader.close()
    return times, values


def rate(times: list[int]) -> float:
    """Messages a second by the broker's append times (ms), from the one at 5 % to the one at 95 %."""
    times = sorted(times)
    low, high = int(len(times) * 0.05), int(len(times) * 0.95) - 1
    return (high - low) / (max(times[high] - times[low], 1) / 1000)


def expected(messages: Messages) -> set[reference.Fact]:
    """The reference's edges."""
    schema = records.current("run_event")
    return reference.current(plain.decode(schema, value[10:]) for _, value in messages)


def check(name: str, sets: list[bytes], wanted: set[reference.Fact]) -> None:
    """Raise AssertionError where edge sets do not say what the reference says."""
    schema = records.current("edge_set")
    said = reference.said(plain.decode(schema, value[10:]) for value in sets)
    assert reference.standing(said) == wanted, f"{name}: other edges than the reference"
