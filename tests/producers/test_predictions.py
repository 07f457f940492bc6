"""Predictions: what each record holds, and in which form keys and values leave."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.producer import InMemoryProducer, Predictor, Taken
from headwater.schemas import digests
from headwater.settings import Settings


def predictor(producer: InMemoryProducer, **fields: Any) -> Predictor:
    return producer.predictions(
        deployment=producer.deployment("ns", "fares"), model=producer.model("ns", "fare", version="7"), **fields
    )


def test_a_prediction_names_all_that_stands_behind_it() -> None:
    """Deployment, stream, model version, run, trace, message, sources and times."""
    producer = InMemoryProducer(Settings())
    features = producer.dataset("ns", "features", version="3")
    answering = predictor(producer, public_keys=True, values=True, sources=[features], actor="svc", purpose="fares")
    with producer.run(producer.job("ns", "serve")) as run:
        recorded = answering.emit(
            "booking-1",
            features={"distance": 12.5, "stops": 1, "carrier": "AA", "late": None, "odd": float("nan")},
            outputs={"fare": 99.5},
            trace=(b"t" * 16, b"s" * 8),
            message=Taken("orders", 3, 42),
            facets={"shadow": True},
            event_time=1_000_000,
        )
    (told,) = producer.predicted
    assert recorded == told["key"] == "booking-1"
    assert (told["key_form"], told["event_time"], told["actor"], told["purpose"]) == (
        "public", 1_000_000, "svc", "fares",
    )  # fmt: skip
    assert told["deployment"] == {"namespace": "ns", "name": "fares", "version": None}
    assert told["stream"] == {"namespace": "ns", "name": "fares.predictions", "version": None}
    assert told["model"] == {"namespace": "ns", "name": "fare", "version": "7"}
    assert (told["run_id"], told["trace_id"], told["span_id"]) == (run.run_id, b"t" * 16, b"s" * 8)
    assert told["message"] == {"topic": "orders", "partition": 3, "offset": 42}
    assert {f["name"]: f["value"] for f in told["features"]} == {
        "distance": "12.5", "stops": "1", "carrier": '"AA"', "late": "null", "odd": '"NaN"',
    }  # fmt: skip
    assert told["outputs"] == [{"name": "fare", "value": "99.5", "digest": None}]
    assert told["sources"] == [{"namespace": "ns", "name": "features", "version": "3"}]
    assert (told["features_digest"], told["facets"]) == (None, {"shadow": "true"})
    assert producer.messages[-2][1] == b"booking-1"


def test_with_a_key_keys_and_values_leave_as_digests() -> None:
    """Who has the key finds a prediction by its plain key, and can check a value; nobody else can."""
    producer = InMemoryProducer(Settings(digest_key="team"))
    recorded = predictor(producer, values=["fare"]).emit(
        "ann", features={"age": 41, "x": 1}, outputs={"fare": 9}, subject="ann"
    )
    (told,) = producer.predicted
    assert recorded == told["key"] == digests.digest("team", digests.PREDICTION_KEY, "ann").hex()
    assert told["key_form"] == "digest"
    assert told["subject"] == digests.digest("team", digests.SUBJECT, "ann").hex()
    assert told["subject"] != told["key"]
    age, _ = told["features"]
    assert age == {"name": "age", "value": None, "digest": digests.digest("team", digests.VALUE, "41")}
    assert told["features_digest"] == digests.digest("team", digests.VALUE, "41\n1")
    assert told["outputs"] == [{"name": "fare", "value": "9", "digest": None}]


def test_without_a_key_nothing_private_leaves() -> None:
    """Keys are random, values that were not declared public are left out, and so are subjects."""
    producer = InMemoryProducer(Settings())
    answering = predictor(producer, values=["fare"])
    keys = {answering.emit("ann", features={"age": 41}, outputs={"fare": 9}, subject="ann") for _ in range(10)}
    assert len(keys) == 10
    for told in producer.predicted:
        assert (told["key_form"], told["subject"], told["features"], told["features_digest"]) == (
            "random",
            None,
            [],
            None,
        )
        assert len(told["outputs"]) == 1


def test_what_cannot_be_encoded_is_counted(internal_errors: list[BaseException]) -> None:
    """The service gets an empty key and goes on."""
    producer = InMemoryProducer(Settings(), strict=False)
    assert predictor(producer).emit("k", message=("t", 1, 2**70)) == ""
    assert producer.stats().drops == {"encoding": 1}
    assert internal_errors


@pytest.mark.parametrize("value", [object(), {"a": [1, {2}]}, b"x", "a\ud800"])
def test_odd_values_are_told_as_text(value: object) -> None:
    """A feature of any type has some text."""
    producer = InMemoryProducer(Settings())
    predictor(producer, values=True, public_keys=True).emit(1, features={"v": value})
    assert producer.predicted[0]["features"][0]["value"]
