"""The workers that the stitching benchmark compares, each a process: `python -m tests.benchmarks.contenders NAME …`.

`ours` is the product; `plain-loop` its reading, step and sender behind a bare confluent consumer; the two `stock` ones
are what one writes with Faust's documentation at hand: an agent, fastavro, a dict.
"""

from __future__ import annotations

import atexit
import io
import shutil
import sys
import tempfile
from typing import Any, cast

import confluent_kafka
import fastavro as _fastavro

from headwater.schemas import records
from headwater.settings import Settings

fastavro: Any = _fastavro
EVENT = records.current("run_event")
EDGE_SET = records.current("edge_set")
_COLUMN = ("column", "target_column", "transformation", "subtype", "description", "masking", "confidence", "captured")


class Simple:
    """As much of the rules as the workload needs: inputs × outputs, column lineage, repeated events."""

    def __init__(self) -> None:
        self._runs: dict[bytes, dict[str, Any]] = {}

    def process(self, message: bytes) -> tuple[bytes, bytes] | None:
        """Key and edge set of what this event makes known."""
        event: Any = fastavro.schemaless_reader(io.BytesIO(message[10:]), EVENT.parsed, None)
        run_id = event["run"]["run_id"]
        run = self._runs.setdefault(run_id, {"events": {}, "inputs": {}, "outputs": {}, "said": set()})
        if event["event_id"] in run["events"]:
            return None
        run["events"][event["event_id"]] = event["event_time"]
        for kind in ("inputs", "outputs"):
            for dataset in event[kind]:
                run[kind][dataset["namespace"], dataset["name"], dataset["version"]] = dataset
        nodes: dict[tuple[str, str, str | None], int] = {}
        edges: list[dict[str, Any]] = []
        columns: list[dict[str, Any]] = []

        def add(source: Any, target: Any) -> None:
            if (source, target) not in run["said"]:
                run["said"].add((source, target))
                at, to = nodes.setdefault(source, len(nodes)), nodes.setdefault(target, len(nodes))
                edges.append({"source": at, "target": to, "known_by": 0})

        for target, dataset in run["outputs"].items():
            for source in run["inputs"]:
                add(source, target)
            for row in dataset["column_lineage"]:
                source = row["namespace"], row["name"], row["version"]
                add(source, target)
                fields = tuple(row[name] for name in _COLUMN)
                if (source, target, fields) not in run["said"]:
                    run["said"].add((source, target, fields))
                    at, to = nodes.setdefault(source, len(nodes)), nodes.setdefault(target, len(nodes))
                    columns.append(
                        {**dict(zip(_COLUMN, fields, strict=True)), "source": at, "target": to, "known_by": 0}
                    )
        if not edges and not columns:
            return None
        out = io.BytesIO()
        out.write(b"\xc3\x01" + EDGE_SET.fingerprint_bytes)
        fastavro.schemaless_writer(
            out,
            EDGE_SET.parsed,
            {
                "emit_time": event["emit_time"],
                "producer_id": bytes(16),
                "sequence": 0,
                "event_id": event["event_id"],
                "event_time": event["event_time"],
                "run_id": run_id,
                "job_namespace": event["job"]["namespace"],
                "job_name": event["job"]["name"],
                "state": event["run"]["state"],
                "events": [{"event_id": event["event_id"], "event_time": event["event_time"]}],
                "datasets": [{"namespace": a, "name": b, "version": c} for a, b, c in nodes],
                "edges": edges,
                "column_edges": columns,
            },
        )
        return run_id, out.getvalue()


def stock(bootstrap: str, prefix: str, *, send: bool) -> None:
    """Faust, an event at a time. What was tried and is left at its default, since it brought nothing: Faust's optional
    Cython path, larger buffers; with `topic.send` waiting 20 ms for a fuller batch brought 8 %.
    """
    import faust

    folder = tempfile.mkdtemp(prefix="headwater-stock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    app: Any = cast("Any", faust).App(
        f"{prefix}stock",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        producer_linger=0.02,
        datadir=folder,
    )
    source = app.topic(f"{prefix}lineage.runs", value_serializer="raw", key_serializer="raw")
    target = app.topic(f"{prefix}lineage.edges", value_serializer="raw", key_serializer="raw")
    producer: Any = None if send else confluent_kafka.Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    simple = Simple()

    async def agent(stream: Any) -> None:
        async for message in stream:
            made = simple.process(message)
            if made is None:
                continue
            if send:
                await target.send(key=made[0], value=made[1])
            else:
                producer.produce(f"{prefix}lineage.edges", made[1], made[0])
                producer.poll(0)

    app.agent(source, name="stock")(agent)
    sys.argv = ["stock", "worker", "-l", "error", "--without-web"]
    app.main()


def plain_loop(settings: Settings) -> None:
    """Our reading, step and sender without Faust: one thread, offsets committed after each confirmed chunk."""
    from headwater.stitching import StitchingStep
    from headwater.streams.reading import read
    from headwater.streams.schemas import SchemaBook
    from headwater.streams.sending import Sender
    from tests.benchmarks.looping import chunks_of

    step, sender, book = StitchingStep(settings), Sender(settings), SchemaBook(settings)
    consumer: Any = confluent_kafka.Consumer(
        {
            "bootstrap.servers": settings.brokers,
            "group.id": f"{settings.prefix}plain",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([f"{settings.prefix}lineage.runs"])
    while True:
        for chunk in chunks_of(consumer.consume(4000, 0.2)):
            sender.send(step.process(read(chunk, book).batch))
        while not sender.confirm(1.0):
            pass
        if consumer.assignment():
            try:
                consumer.commit(asynchronous=True)
            except confluent_kafka.KafkaException:  # nothing read so far
                continue


def ours(settings: Settings) -> None:
    """The product."""
    from headwater.stitching import StitchingStep
    from headwater.streams import run

    run([StitchingStep(settings)], settings)


def main() -> None:
    name, bootstrap, prefix = sys.argv[1:4]
    settings = Settings(brokers=bootstrap, prefix=prefix)
    if name == "ours":
        ours(settings)
    elif name == "plain-loop":
        plain_loop(settings)
    else:
        stock(bootstrap, prefix, send=name == "stock-send")


if __name__ == "__main__":
    main()
