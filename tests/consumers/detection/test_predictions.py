"""Drift of what a deployment answers: from a predictor to an alert that names the models behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from headwater.detection.incidents.graph import Node
from headwater.detection.verdicts import Subject, Verdict
from headwater.producer import Producer
from headwater.settings import Settings
from tests.backends.processes import wait_until
from tests.consumers.detection.making import NAMESPACE, an_id, dataset, edge_set, profile_record, use
from tests.consumers.detection.telling import START, Told, at, day
from tests.consumers.detection.test_skew import columns
from tests.consumers.detection.test_worker import Detection, settings, told

__all__ = ["settings"]
STREAM = "fares-live.predictions"
HOUR_US = 3_600_000_000
SINCE = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def alarm(number: int, outcome: str = "alarm") -> Verdict:
    subject = Subject(at(number), NAMESPACE, STREAM, None, "fare")
    evidence = {"unusual": "9.0", "role": '"output"'}
    return Verdict("drift", outcome, subject, "fare drifted", 0.5, at(number), evidence=evidence)  # type: ignore[arg-type]  # a literal


def test_the_models_that_answer_are_named() -> None:
    """Those of the time since it began, with how many predictions each made; a new one that joins is told."""
    told = Told()
    answered = told.book.world.predictions
    for number, version, count in ((0, "6", 1_000), (5, "7", 900), (5, "6", 30)):
        answered.add((NAMESPACE, STREAM), None, at(number), count, Node(NAMESPACE, "fares", version))
    told.verdict(alarm(5))
    (opened,) = told.wait(15)
    assert opened["title"] == f"fare of {NAMESPACE}/{STREAM} drifted"
    assert "predictions since then by lake/fares@7 (900), lake/fares@6 (30)" in opened["explanation"]
    assert json.loads(opened["evidence"]["models"]) == [[NAMESPACE, "fares", "7", 900], [NAMESPACE, "fares", "6", 30]]
    answered.add((NAMESPACE, STREAM), None, at(6), 10, Node(NAMESPACE, "fares", "7"))
    assert told.wait(15) == []
    answered.add((NAMESPACE, STREAM), None, at(6), 10, Node(NAMESPACE, "fares", "8"))
    (updated,) = told.wait(15)
    assert updated["state"] == "updated"
    assert [model[2] for model in json.loads(updated["evidence"]["models"])] == ["7", "6", "8"]
    again = Told()  # a worker that takes over tells none of it twice
    for model, count in answered.models((NAMESPACE, STREAM), at(5), at(6)).items():
        again.book.world.predictions.add((NAMESPACE, STREAM), None, at(5), count, model)
    again.book.told(updated)
    assert again.wait(15) == []


def test_models_of_old_hours_are_forgotten() -> None:
    """With everything else that lies further back than is kept."""
    told = Told()
    answered = told.book.world.predictions
    answered.add((NAMESPACE, STREAM), None, at(0), 5, Node(NAMESPACE, "fares", "1"))
    answered.forget(at(1))
    assert answered.models((NAMESPACE, STREAM), 0, at(9)) == {}


def test_what_a_service_is_asked_is_held_against_training() -> None:
    """It has no run: its predictions name the model, whose training is known."""
    told = Told()
    read, model = dataset("features", "f1"), dataset("fares", "7", "model")
    for access, node in (("read", read), ("write", model)):
        told.book.use(use("train", START, access, node))
    told.book.edges(edge_set("train", START, [read], model))
    trained = profile_record(
        "features", START, columns(0), version="f1", role="input", run=an_id("run", "train", START)
    )
    told.book.profile(trained, told.now)
    told.book.world.predictions.add((NAMESPACE, STREAM), None, at(1), 5, Node(NAMESPACE, "fares", "7"))
    asked = profile_record(STREAM, day(1), columns(1, distance=1.609), role="serving", window_end=at(1) + HOUR_US)
    told.book.profile({**asked, "version": None}, told.now)
    found = told.book.judged(told.now, absent=False)
    assert [(v.check, v.subject.column, v.outcome) for v in found] == [("skew", "distance", "alarm")]


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Detection]:
    found = Detection(settings, tmp_path)
    found.start()
    yield found
    if found.running:
        found.stop()


@pytest.mark.integration
@pytest.mark.usefixtures("worker")
def test_a_service_that_answers_otherwise_is_told(settings: Settings) -> None:
    """Hour after hour a service answers fares; then a new version of its model does, and answers twice as much: one
    incident of the stream, on the column, since that hour, which names the version.
    """

    def deployed(version: str, hours: range, factor: float) -> None:
        """A process of the service, from its start to its end."""
        producer = Producer(settings)
        answering = producer.predictions(
            deployment=producer.deployment("shop", "fares-live"),
            model=producer.model("shop", "fares", version=version),
            values=["fare", "distance"],
            profile_seconds=3600,
        )
        for hour in hours:
            distances = np.random.default_rng(hour).gamma(4, 250, 400)
            for number, distance in enumerate(distances):
                answering.emit(
                    f"{hour}/{number}",
                    features={"distance": distance},
                    outputs={"fare": factor * (20 + 0.1 * distance)},
                    event_time=SINCE + hour * HOUR_US + number,
                )
        producer.close(60)  # the last window ends here
        assert producer.stats().dropped == 0

    deployed("7", range(40), 1.0)
    deployed("8", range(40, 43), 2.0)
    wait_until(lambda: bool(told(settings)), 90, "an alert")
    alert = told(settings)[0]
    assert (alert.check, alert.dataset.name, alert.column, alert.page) == ("drift", STREAM, "fare", True)
    assert alert.onset == datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=40)
    assert "shop/fares@8 (1,200)" in alert.explanation
    assert "shop/fares@7" not in alert.explanation
