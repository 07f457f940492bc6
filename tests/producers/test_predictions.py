"""Predictions: what each record holds, and in which form keys and values leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.producer import InMemoryProducer, Predictor, Taken, _json
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


class Name(str):
    """A host's names may be of a type of its own that shows itself otherwise."""

    def __str__(self) -> str:
        return "shown"

    def __format__(self, spec: str) -> str:
        return "shown"


_TEXTS = st.text(max_size=5) | st.sampled_from(["é", "\n", "\0", "x" * 63, "x" * 64, "x" * 61, "\U0001f600" * 70])
_VALUES = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), _TEXTS, st.sampled_from([10**30, [1.5, None], {"a": "é"}])
)
_FEATURES = st.dictionaries(_TEXTS | _TEXTS.map(Name) | st.integers(0, 3), _VALUES, max_size=5)


@given(
    told=st.lists(_FEATURES, min_size=1, max_size=4),
    many=st.integers(0, 130),
    digest_key=st.sampled_from(["", "team"]),
    values=st.sampled_from([True, False, frozenset({"", "é", "x" * 63})]),
)
def test_each_feature_leaves_in_its_form(
    told: list[dict[Any, Any]], many: int, digest_key: str, values: bool | frozenset[str]
) -> None:
    """Whatever its name and value, said once or again: its JSON where it is declared plain, else its digest."""
    producer = InMemoryProducer(Settings(digest_key=digest_key))
    answering = predictor(producer, values=values)
    features = [*told, *told, {f"f{number}": number for number in range(many)}]
    for one in features:
        answering.emit("k", features=one, outputs=one)
    for one, record in zip(features, producer.predicted, strict=True):
        expected = [
            {"name": _plain(name), "value": _json.text(value), "digest": None}
            if values is True or (values and name in values)
            else {"name": _plain(name), "value": None, "digest": _digest(digest_key, _json.text(value))}
            for name, value in one.items()
            if digest_key or values is True or (values and name in values)
        ]
        assert record["features"] == record["outputs"] == expected
        every = "\n".join(map(_json.text, one.values()))
        assert record["features_digest"] == (_digest(digest_key, every) if digest_key and one else None)


def _plain(name: object) -> str:
    return str.__str__(name) if isinstance(name, str) else str(name)


def _digest(key: str, text: str) -> bytes:
    return digests.digest(key, digests.VALUE, text)
