"""Message-level lineage through real processes: a client, the README's HTTP front and its consumer, a real topic."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.audit import ask, explain_prediction
from headwater.producer import trace
from headwater.producer.trace.context import span_of
from headwater.schemas import framing, plain, records, topics
from headwater.schemas.topics import PREDICTIONS, RUNS
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port
from tests.consumers.history.conftest import History, history, migrated
from tests.consumers.history.messages import batch
from tests.producers.test_kafka import TOPICS, read_all
from tests.snippets import snippet

pytestmark = pytest.mark.integration

__all__ = ["history", "migrated"]  # fixtures of the history's own tests

CLIENT = """
import sys, requests
from headwater.producer import Producer, trace
with Producer() as producer, producer.run(producer.job("shop", "order")) as run:
    session = trace.with_requests(requests.Session())
    answer = session.post(sys.argv[1], json={"id": "order-1", "distance": 12.5}, timeout=30)
    assert answer.status_code == 202, answer
    print(run.id)
"""


@contextmanager
def service(text: str, environment: dict[str, str], folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """A process of its own; Ctrl-C ends it, and it must have ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in complaints, complaints.decode()


def test_a_prediction_is_tied_to_the_message_it_came_from(
    kafka: Kafka, prefix: str, tmp_path: Path, history: History
) -> None:
    """Client in a run → HTTP front → topic → predicting consumer; the history then answers for the prediction."""
    orders = prefix + "orders"
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in (*TOPICS, "lineage.predictions")} | {orders: 3})
    environment = {
        "HEADWATER_BROKERS": kafka.bootstrap, "HEADWATER_PREFIX": prefix, "HEADWATER_EXIT_SECONDS": "30",
    }  # fmt: skip
    port = free_port()
    front = snippet("producers/README.md", "front").text.replace("8001", str(port)).replace('"orders"', f'"{orders}"')
    consumer = snippet("producers/README.md", "consumer").text.replace('"orders"', f'"{orders}"')
    consumer = consumer.replace('"group.id": "fares"', f'"group.id": "{prefix}fares", "session.timeout.ms": 6000')
    with service(front, environment, tmp_path) as serving, service(consumer, environment, tmp_path):
        assert serving.stdout is not None
        assert serving.stdout.readline() == b"serving\n"
        client = subprocess.run(
            [sys.executable, "-c", CLIENT, f"http://127.0.0.1:{port}/"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert client.returncode == 0, client.stderr
        found = read_all(kafka, prefix, {"lineage.predictions": 1, "lineage.runs": 2, "orders": 1})

    # What stands on the topics.
    (message,) = found["orders"]
    sent = trace.from_headers(message.headers())
    bodies = {
        name: [m.value()[framing.SINGLE_OBJECT_HEADER :] for m in found[name]] for name in (RUNS.name, PREDICTIONS.name)
    }
    (prediction,) = (plain.decode(records.current(PREDICTIONS.record or ""), body) for body in bodies[PREDICTIONS.name])
    order = plain.decode(records.current(topics.RUNS.record or ""), bodies[RUNS.name][0])["run"]
    assert re.fullmatch(r"[0-9a-f-]{36}", client.stdout.strip())
    assert sent.trace is not None
    # The front is in no run and passes the client's context on: a root run's id is the trace's.
    assert (sent.trace.trace_id, sent.trace.span_id) == (order["run_id"], span_of(order["run_id"]))
    assert sent.run == order["run_id"]
    assert (prediction["trace_id"], prediction["span_id"]) == (sent.trace.trace_id, sent.trace.span_id)
    assert prediction["message"] == {"topic": orders, "partition": message.partition(), "offset": message.offset()}
    assert json.loads(message.value())["id"] == prediction["key"] == "order-1"

    # What the history answers.
    history.keep(*(batch(name, [], bodies=raw) for name, raw in bodies.items()))
    (row,) = ask(history.client, "prediction", key="order-1").dicts()
    assert (row["message_topic"], row["message_partition"], row["message_offset"]) == (
        orders, message.partition(), message.offset(),
    )  # fmt: skip
    assert row["trace_id"] == sent.trace.trace_id.hex()
    explained = explain_prediction(history.client, "order-1").prediction
    assert explained.message == f"{orders}[{message.partition()}]@{message.offset()}"
    assert explained.trace_id == sent.trace.trace_id.hex()
