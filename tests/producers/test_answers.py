"""Profiles that a predictor tells beside its predictions: windows, what is in them, forks, the end."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import numpy as np
import pytest

from headwater.errors import SettingsError
from headwater.producer import InMemoryProducer, Predictor, _answers
from headwater.settings import Settings
from tests.backends.processes import wait_until

HOUR_US = 3_600_000_000
DEFAULTS: dict[str, Any] = {"values": ["fare", "distance"], "profile_seconds": 3600.0}


def predictor(producer: InMemoryProducer, **fields: Any) -> Predictor:
    return producer.predictions(
        deployment=producer.deployment("ns", "fares"),
        model=producer.model("ns", "fare", version="7"),
        **DEFAULTS | fields,
    )


def told(producer: InMemoryProducer) -> list[tuple[str, str, int, tuple[str, ...]]]:
    return [
        (profile["role"], profile["partitions"][0], profile["rows"], tuple(c["name"] for c in profile["columns"]))
        for profile in producer.profiles
    ]


def test_each_window_is_told_as_it_ends() -> None:
    """Two profiles an hour, of what was answered and of what was asked, about the stream; only the values that leave
    as they are stand in them.
    """
    producer = InMemoryProducer(Settings())
    answering = predictor(producer)
    for number in range(300):
        answering.emit(
            number,
            features={"distance": number, "age": 41},
            outputs={"fare": np.float32(number), "why": "secret", "rows": [1]},
            event_time=number * HOUR_US // 100,
        )
    producer.close()
    windows = [f"window=1970-01-01T0{hour}:00:00Z" for hour in range(3)]
    assert told(producer) == [
        (role, window, 100, (column,))
        for window in windows
        for role, column in (("output", "fare"), ("serving", "distance"))
    ]
    first = producer.profiles[0]
    assert (first["namespace"], first["name"], first["version"], first["kind"]) == (
        "ns", "fares.predictions", None, "prediction_stream",
    )  # fmt: skip
    assert (first["event_time"], first["window_start"], first["window_end"]) == (0, 0, 99 * HOUR_US // 100)
    assert (first["columns"][0]["minimum"], first["columns"][0]["maximum"]) == (0.0, 99.0)
    assert producer.stats().dropped == 0


def test_a_window_ends_though_nothing_comes_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock closes it, a moment after its end."""
    monkeypatch.setattr(_answers, "_EVERY", 0.01)
    now = [HOUR_US]
    producer = InMemoryProducer(Settings(), clock=lambda: now[0])
    predictor(producer).emit("a", outputs={"fare": 1.0})
    time.sleep(0.1)
    assert producer.profiles == []
    now[0] = 2 * HOUR_US + 1_000_000
    wait_until(lambda: bool(producer.profiles), 5, "the window's profile")
    producer.close()
    assert told(producer) == [("output", "window=1970-01-01T01:00:00Z", 1, ("fare",))]


def test_who_tells_the_past_tells_whole_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ago they were, in the order of event time; one that is ahead of the clock shuts out no other."""
    monkeypatch.setattr(_answers, "_EVERY", 60.0)
    producer = InMemoryProducer(Settings(), clock=lambda: 100 * HOUR_US)
    answering = predictor(producer)
    for time_us in (10**6 * HOUR_US, 3, 2 * HOUR_US, 1, 2):
        answering.emit(time_us, outputs={"fare": 1.0}, event_time=time_us)
    producer.close()
    sampled = [(p["partitions"][0][7:20], p["rows"], p["sampled_rows"]) for p in producer.profiles]
    assert sampled == [("1970-01-01T00", 4, 3), ("1970-01-01T02", 1, None)]


def test_a_window_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes for it afterwards is counted in the next one, which says that it is of a sample."""
    monkeypatch.setattr(_answers, "_EVERY", 0.01)
    producer = InMemoryProducer(Settings(), clock=lambda: 100 * HOUR_US)
    answering = predictor(producer)
    answering.emit("a", outputs={"fare": 1.0}, event_time=1)
    wait_until(lambda: len(producer.profiles) == 1, 5, "the first window")
    answering.emit("late", outputs={"fare": 1.0}, event_time=5)
    answering.emit("now", outputs={"fare": 1.0})
    producer.close()
    assert [(p["rows"], p["sampled_rows"]) for p in producer.profiles] == [(1, None), (2, 1)]


def test_what_cannot_be_taken_in_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than wait, or of a window that was told: the profile says that it is of a sample."""
    monkeypatch.setattr(_answers, "_MOST_WAITING", 10)
    monkeypatch.setattr(_answers, "_EVERY", 60.0)
    producer = InMemoryProducer(Settings())
    answering = predictor(producer)
    for number in range(25):
        answering.emit(number, outputs={"fare": number}, event_time=number)
    producer.close()
    (profile,) = producer.profiles
    assert (profile["rows"], profile["sampled_rows"]) == (25, 10)


def test_without_plain_values_there_is_nothing_to_tell() -> None:
    """Digests have no distribution; and without the option nothing is profiled."""
    producer = InMemoryProducer(Settings(digest_key="team"))
    predictor(producer, values=False).emit("a", outputs={"fare": 1.0})
    predictor(producer, profile_seconds=None).emit("a", outputs={"fare": 1.0})
    producer.close()
    assert producer.profiles == []
    assert len(producer.predicted) == 2


def test_a_window_below_a_second_is_refused() -> None:
    """When the predictor is made, not later."""
    with pytest.raises(SettingsError, match="profile_seconds"):
        predictor(InMemoryProducer(Settings()), profile_seconds=0.1)


def _in_a_child(producer: InMemoryProducer, answering: Predictor, answers: Any) -> None:
    answering.emit("child", outputs={"fare": 2.0}, event_time=HOUR_US)
    producer.close()
    answers.put([(p["rows"], p["columns"][0]["maximum"]) for p in producer.profiles])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_child_of_a_fork_tells_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits belongs to the parent; both tell what each answered."""
    monkeypatch.setattr(_answers, "_EVERY", 0.05)
    producer = InMemoryProducer(Settings())
    answering = predictor(producer)
    answering.emit("parent", outputs={"fare": 1.0}, event_time=HOUR_US)
    forking = multiprocessing.get_context("fork")
    answers = forking.Queue()
    child = forking.Process(target=_in_a_child, args=(producer, answering, answers))
    child.start()
    assert answers.get(timeout=20) == [(1, 2.0)]
    child.join(20)
    producer.close()
    assert [(p["rows"], p["columns"][0]["maximum"]) for p in producer.profiles] == [(1, 1.0)]
