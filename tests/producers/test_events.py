"""What handles, runs and predictors put together from ready bytes is, byte for byte, what fastavro writes."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.producer import Column, Dataset, InMemoryProducer, Job, RunReference, Taken
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings
from tests.schemas.values import Values

#: Fields of a dataset that a caller gives as the contract has them.
_AS_THEY_ARE = (
    "version", "version_origin", "kind", "rows", "bytes", "partitions", "offset_ranges", "subjects", "lifecycle",
    "columns_read", "description", "source_name", "source_uri", "origin", "retention_class", "fingerprint",
    "assertions",
)  # fmt: skip
#: Fields that are made anew for each message.
_MADE = ("emit_time", "producer_id", "sequence", "event_id", "event_time")


def told(producer: InMemoryProducer, topic: str) -> list[bytes]:
    return [value for of, _, value in producer.messages if of == topic]


def same(message: bytes, record: str, expected: dict[str, Any]) -> None:
    """The message is its header and fastavro's bytes of what is expected, with the fields that were made just now."""
    schema = records.current(record)
    body = message[framing.SINGLE_OBJECT_HEADER :]
    made = plain.decode(schema, body)
    for name in _MADE:
        expected[name] = made[name]
    assert made == made  # noqa: PLR0124 — no NaN among the values, else what follows says nothing
    assert message[: framing.SINGLE_OBJECT_HEADER] == framing.single_object_header(schema)
    assert body == plain.encode(schema, expected)


class Random:
    """Random values as a caller gives them, beside the contract's."""

    def __init__(self, seed: int, fullness: float) -> None:
        self.source = random.Random(seed)
        self.values = Values(records.current("run_event"), self.source, fullness, longest=3)
        self.event: dict[str, Any] = self.values.record()
        self.names = iter(range(10_000))

    def of(self, name: str) -> dict[str, Any]:
        """Any value of one of the records in a run event."""
        (kind,) = (kind for full, kind in self.values.types.named.items() if full.rpartition(".")[2] == name)
        value: dict[str, Any] = self.values.of(kind)
        return value

    def name(self) -> str:
        return f"{self.source.choice(('n', 'ä ', '日'))}{next(self.names)}" + "x" * self.source.choice((0, 0, 70))

    def json(self) -> tuple[Any, str]:
        """A value and its JSON."""
        value = self.source.choice(
            (None, True, -5, 2**70, 1.5, 1e300, "", 'a"b\n', "µ" * 100, [1, ["x"]], {"a": {"b": None}})
        )
        return value, json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def texts(self) -> tuple[dict[str, Any], dict[str, str]]:
        """A mapping of names to values, and to their JSON."""
        pairs = {self.name(): self.json() for _ in range(self.source.choice((0, 0, 1, 3)))}
        return {name: value for name, (value, _) in pairs.items()}, {name: text for name, (_, text) in pairs.items()}

    def job(self, producer: InMemoryProducer) -> tuple[Job, dict[str, Any]]:
        value: dict[str, Any] = self.of("Job")
        given, facets = self.texts()
        value |= {"namespace": self.name(), "name": self.name(), "facets": facets, "tags": _tags(value["tags"])}
        made = producer.job(
            value["namespace"],
            value["name"],
            owners=[(one["name"], one["type"]) for one in value["owners"]],
            tags={one["key"]: one["value"] for one in value["tags"]},
            facets=given,
            **{field: value[field] for field in ("kind", "processing", "integration", "description", "code")},
        )
        return made, value

    def dataset(self, producer: InMemoryProducer) -> tuple[Dataset, dict[str, Any]]:
        value: dict[str, Any] = self.of("Dataset")
        given, facets = self.texts()
        value |= {"namespace": self.name(), "name": self.name(), "facets": facets, "tags": _tags(value["tags"])}
        value |= {"edges": [], "edges_complete": False, "column_lineage": []}
        for column in value["columns"]:
            column["tags"] = _tags(column["tags"])
        for alias in value["aliases"]:
            alias["type"] = None
        made = producer.dataset(value["namespace"], value["name"]).at(
            columns=[
                Column(
                    column["name"],
                    column["type"],
                    column["nullable"],
                    column["description"],
                    {tag["key"]: tag["value"] for tag in column["tags"]},
                )
                for column in value["columns"]
            ],
            owners=[(one["name"], one["type"]) for one in value["owners"]],
            tags={one["key"]: one["value"] for one in value["tags"]},
            aliases=[(one["namespace"], one["name"]) for one in value["aliases"]],
            facets=given,
            **{field: value[field] for field in _AS_THEY_ARE},
        )
        return made, value

    def datasets(self, producer: InMemoryProducer) -> tuple[list[Dataset], list[dict[str, Any]]]:
        pairs = [self.dataset(producer) for _ in range(self.source.choice((0, 1, 1, 3)))]
        return [made for made, _ in pairs], [value for _, value in pairs]


def _tags(tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a mapping of tags holds them: each key once, and nothing of where they come from."""
    return [{"key": key, "value": value, "source": None} for key, value in {t["key"]: t["value"] for t in tags}.items()]


def reference(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in ("namespace", "name", "version")}


EMPTY: dict[str, Any] = {
    "part": 1, "parts": 1, "inputs": [], "outputs": [], "parameters": {}, "environment": {}, "metrics": [],
    "resources": None, "error": None,
}  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64), fullness=st.sampled_from((0.0, 0.3, 0.6)))
def test_a_run_is_written_as_by_fastavro(seed: int, fullness: float) -> None:
    """START, RUNNING and the end of a run that says everything that can be said in one."""
    drawn = Random(seed, fullness)
    source, event = drawn.source, drawn.event
    producer = InMemoryProducer(Settings())
    job, of_job = drawn.job(producer)
    inputs, of_inputs = drawn.datasets(producer)
    outputs, of_outputs = drawn.datasets(producer)
    late, of_late = drawn.dataset(producer)
    parameters, of_parameters = drawn.texts()
    more, of_more = drawn.texts()
    facets, of_facets = drawn.texts()
    run: dict[str, Any] = drawn.of("Run")
    nominal = None if run["nominal_start"] is None else (run["nominal_start"], run["nominal_start"] // 2)
    parent: RunReference | None = None
    run |= {"parent": None, "root": None, "facets": of_facets}
    run |= {"nominal_start": nominal[0] if nominal else None, "nominal_end": nominal[1] if nominal else None}
    if source.random() < 0.5:
        root = RunReference(source.randbytes(16), drawn.name(), drawn.name())
        parent = RunReference(source.randbytes(16), drawn.name(), drawn.name(), root)
        run["parent"], run["root"] = (
            {"run_id": one.run_id, "job_namespace": one.job_namespace, "job_name": one.job_name}
            for one in (parent, root)
        )
    made = producer.run(
        job,
        inputs=inputs,
        outputs=outputs,
        parameters=parameters,
        facets=facets,
        environment=more,
        nominal=nominal,
        parent=parent,
        actor=event["actor"],
        purpose=event["purpose"],
        **{field: run[field] for field in ("run_id", "trace_id", "span_id", "links")},
    ).start()
    made.output(late)
    metrics: list[dict[str, Any]] = []
    drawn_metrics: list[dict[str, Any]] = event["metrics"]
    for metric in drawn_metrics:
        about = source.choice((None, late))
        if metric["value"] == metric["value"]:  # not NaN
            made.metric(metric["name"], metric["value"], step=metric["step"], split=metric["split"], about=about)
            metrics.append({**metric, "about": reference(of_late) if about else None})
    made.report()
    lineage: list[dict[str, Any]] = []
    drawn_lineage: list[dict[str, Any]] = event["outputs"][0]["column_lineage"] if event["outputs"] else []
    for drawn_entry in drawn_lineage:
        entry: dict[str, Any] = {**drawn_entry, **reference(of_late), "captured": "parsed", "confidence": 0.25}
        names = ("transformation", "subtype", "description", "masking", "confidence", "captured")
        made.lineage(late, entry["target_column"], late, entry["column"], **{name: entry[name] for name in names})
        lineage.append(entry)
    made.edges(late, inputs, complete=True)
    if event["resources"] is not None:
        event["resources"]["cost"] = 0.5
        made.resources(**{name: value for name, value in event["resources"].items() if value is not None})
    made.fail("it broke")

    start, running, end = told(producer, topics.RUNS.name)
    common = {**EMPTY, "kind": "run", "job": of_job, "parameters": of_parameters}
    common |= {"actor": event["actor"] or None, "purpose": event["purpose"] or None}
    known = {
        name: value
        for name, value in plain.decode(records.current("run_event"), start[framing.SINGLE_OBJECT_HEADER :])[
            "environment"
        ].items()
        if name not in of_more
    }
    assert set(known) >= {"python", "platform", "packages_digest"}
    same(start, "run_event", {
        **common, "run": {**run, "state": "START"}, "inputs": of_inputs, "outputs": of_outputs,
        "environment": known | of_more,
    })  # fmt: skip
    same(running, "run_event", {
        **common, "run": {**run, "state": "RUNNING"}, "outputs": [of_late], "metrics": metrics,
    })  # fmt: skip
    bare = {**reference(of_late), "version_origin": of_late["version_origin"], "kind": of_late["kind"]}
    same(end, "run_event", {
        **common,
        "run": {**run, "state": "FAIL"},
        "outputs": [{
            **bare, "column_lineage": lineage, "edges": [reference(one) for one in of_inputs], "edges_complete": True,
        }],
        "resources": event["resources"],
        "error": {"type": "", "message": "it broke", "stack_trace": None, "language": "python"},
    })  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**64), fullness=st.sampled_from((0.0, 0.3, 0.6)))
def test_what_needs_no_run_is_written_as_by_fastavro(seed: int, fullness: float) -> None:
    """Job events, dataset events, reads without a write and writes without a read."""
    drawn = Random(seed, fullness)
    producer = InMemoryProducer(Settings(actor="service:x"))
    job, of_job = drawn.job(producer)
    dataset, of_dataset = drawn.dataset(producer)
    producer.describe_job(job, inputs=[dataset])
    producer.describe_dataset(dataset)
    producer.reads(job, dataset, actor="ann", purpose="audit")
    producer.writes(job, dataset)
    described, changed, read, written = told(producer, topics.RUNS.name)
    common = {**EMPTY, "actor": "service:x", "purpose": None, "run": None}
    same(described, "run_event", {**common, "kind": "job", "job": of_job, "inputs": [of_dataset]})
    same(changed, "run_event", {**common, "kind": "dataset", "job": None, "outputs": [of_dataset]})
    for message, said in (
        (read, {"inputs": [of_dataset], "actor": "ann", "purpose": "audit"}),
        (written, {"outputs": [of_dataset]}),
    ):
        event = plain.decode(records.current("run_event"), message[framing.SINGLE_OBJECT_HEADER :])
        run = {"run_id": event["run"]["run_id"], "state": "COMPLETE"}
        environment = event["environment"]
        expected = {**common, "kind": "run", "job": of_job, "run": run, "environment": environment, **said}
        same(message, "run_event", expected)


@settings(max_examples=30, deadline=None)
@given(
    key=st.text(st.characters(exclude_categories=["Cs"])),
    features=st.dictionaries(
        st.text(string.ascii_letters, min_size=1), st.none() | st.booleans() | st.integers() | st.text('aµ"\\\n')
    ),
    data=st.data(),
)
def test_a_prediction_is_written_as_by_fastavro(key: str, features: dict[str, Any], data: st.DataObject) -> None:
    """Public keys and values, with whatever else is known of the request."""
    producer = InMemoryProducer(Settings())
    sources = [producer.dataset("s3", f"source {i}", version=str(i)) for i in range(data.draw(st.integers(0, 70)))]
    answering = producer.predictions(
        deployment=producer.deployment("ns", "fares"),
        model=producer.model("ns", "fare", version="7"),
        public_keys=True,
        values=True,
        sources=sources,
    )
    trace = data.draw(st.none() | st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8)))
    message = data.draw(
        st.none() | st.tuples(st.text("abc"), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1))
    )
    run = data.draw(st.none() | st.binary(min_size=16, max_size=16))
    taken = None if message is None else Taken(*message)
    answering.emit(key, features=features, outputs={"fare": 9.5}, trace=trace, message=taken, run=run)

    def plainly(values: dict[str, Any]) -> list[dict[str, Any]]:
        texts = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
        return [{"name": name, "value": text, "digest": None} for name, text in texts.items()]

    same(told(producer, topics.PREDICTIONS.name)[0], "prediction", {
        "actor": None, "purpose": None, "key": key, "key_form": "public",
        "deployment": {"namespace": "ns", "name": "fares", "version": None},
        "stream": {"namespace": "ns", "name": "fares.predictions", "version": None},
        "model": {"namespace": "ns", "name": "fare", "version": "7"},
        "run_id": run,
        "trace_id": trace[0] if trace else None, "span_id": trace[1] if trace else None,
        "message": taken._asdict() if taken else None,
        "subject": None, "features_digest": None,
        "features": plainly(features), "outputs": plainly({"fare": 9.5}),
        "sources": [{"namespace": "s3", "name": one.name, "version": one.version} for one in sources],
        "facets": {},
    })  # fmt: skip


def test_every_other_message_is_written_as_by_fastavro() -> None:
    """Profiles and the producer's own events: decoded and encoded again they are the same bytes."""
    pytest.importorskip("numpy")
    producer = InMemoryProducer(Settings(digest_key="team"))
    data = {"x": [1.0, 2.0, None], "name": ["a", "b", None]}
    dataset = producer.dataset("s3", "t", columns=[Column("name", tags=["pii"])])
    with producer.run(producer.job("a", "b")) as run:
        run.profile(dataset, data, partitions=["day=1"])
    producer.close()
    seen: set[str] = set()
    for topic, _, message in producer.messages:
        record = topics.TOPICS[topic].record or ""
        schema = records.current(record)
        body = message[framing.SINGLE_OBJECT_HEADER :]
        assert plain.encode(schema, plain.decode(schema, body)) == body
        seen.add(record)
    assert seen == {"run_event", "profile", "producer_event"}


@pytest.mark.parametrize(
    "said",
    [
        {"trace": (b"short", b"s" * 8)},
        {"trace": (b"t" * 16, b"")},
        {"run": b"short"},
        {"message": ("t", 2**31, 0)},
        {"message": ("t", 0, 2**63)},
    ],
)
def test_a_prediction_with_what_does_not_fit_is_counted_not_written(
    said: dict[str, Any], internal_errors: list[Any]
) -> None:
    """No message leaves whose bytes its readers would take for something else."""
    producer = InMemoryProducer(Settings(), strict=False)
    answering = producer.predictions(deployment=producer.deployment("n", "d"), model=producer.model("n", "m"))
    assert answering.emit("key", **said) == ""
    assert told(producer, topics.PREDICTIONS.name) == []
    assert producer.stats().drops == {"encoding": 1}
    assert len(internal_errors) == 1


def test_what_a_run_cannot_tell_costs_its_first_event_only(internal_errors: list[Any]) -> None:
    """With a parent whose id is none, START is counted as lost; the end tells the inputs and outputs."""
    producer = InMemoryProducer(Settings(), strict=False)
    ran = False
    source, target = producer.dataset("a", "source"), producer.dataset("a", "target")
    with producer.run(producer.job("a", "b"), inputs=[source], outputs=[target], parent=RunReference(b"short")):
        ran = True
    assert ran
    (end,) = producer.events
    assert (end["run"]["state"], end["run"]["parent"]) == ("COMPLETE", None)
    assert [[one["name"] for one in end[side]] for side in ("inputs", "outputs")] == [["source"], ["target"]]
    assert producer.stats().drops == {"encoding": 1}
    assert len(internal_errors) == 1
