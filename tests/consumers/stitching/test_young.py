"""Young runs as columns: many at once, segments that are given back and moved, runs that leave to go by themselves."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.stitching import StitchingStep, young
from headwater.stitching.hashing import identities
from headwater.stitching.kept import HEAD
from headwater.stitching.runs import Runs
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import Lives
from tests.consumers.stitching.test_examples import dataset, event

Event = dict[str, Any]


def runs_of(step: StitchingStep) -> Runs:
    """The state of partition 0."""
    partitions: dict[int, Runs] = vars(step)["_partitions"]
    return partitions[0]


def some_runs(count: int, chance: random.Random) -> list[Event]:
    """Short runs, of which some have links, another job or a long pause, so that all ways of keeping a run are met."""
    events: list[Event] = []
    for number in range(count):
        run = chance.randbytes(16)

        def told(
            place: int,
            state: str,
            inputs: list[Event],
            outputs: list[Event],
            number: int = number,
            run: bytes = run,
            **more: Any,
        ) -> Event:
            more.setdefault("run", {"run_id": run, "state": state})
            return event(8 * number + place, state, inputs, outputs, **more)

        mine = [
            told(1, "START", [dataset(f"in-{number % 7}", str(number))], []),
            told(2, "COMPLETE", [], [dataset(f"out-{number % 5}", str(number))]),
        ]
        if number % 4 == 0:
            mine.append(told(3, "RUNNING", [dataset("more", "1")], []))
        if number % 9 == 0:
            mine.append(told(4, "RUNNING", [dataset("other", "1")], [], job="two"))
        if number % 6 == 0:
            mine.append(mine[0])
        events += mine
    # Near one another, as events of a run are, and some far away.
    return [
        one
        for _, one in sorted(enumerate(events), key=lambda pair: pair[0] + chance.random() * chance.choice([9, 9, 300]))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_segments_are_moved_and_given_back_and_no_edge_is_another(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With segments that hold a few messages only, whatever is swept, parked, marked, revived and folded between."""
    chance = random.Random(seed)
    monkeypatch.setattr(young, "SEGMENT_BYTES", 2_000)
    monkeypatch.setattr(young, "_SLACK", 0)
    moved: list[bool] = []
    move_out: Any = vars(young.Young)["_move_out"]

    def counted(self: young.Young) -> bool:
        moved.append(bool(move_out(self)))
        return moved[-1]

    monkeypatch.setattr(young.Young, "_move_out", counted)
    events = some_runs(80, chance)
    arrivals = [worlds.ARRIVAL + 500 * n for n in range(len(events))]
    settings = Settings(stitching_young_seconds=20, stitching_folder=str(tmp_path))
    with Lives(settings, events, arrivals) as lives:
        while lives.position < len(events):
            lives.take(chance.randint(1, 12))
            if chance.random() < 0.7:
                lives.commit()
            lives.tick()
            if chance.random() < 0.05:
                lives.die(chance)
        lives.commit()
        assert reference.standing(reference.said(lives.said())) == reference.current(events)
    assert any(moved)


def test_a_segment_is_given_back_once_nothing_in_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs come and go; what they took is there for the next ones."""
    monkeypatch.setattr(young, "SEGMENT_BYTES", 50_000)
    chance = random.Random(1)
    events: list[Event] = []
    for number in range(600):
        run = {"run_id": chance.randbytes(16), "state": "START"}
        events.append(event(2 * number, "START", [dataset("x")], [], run=run))
        events.append(event(2 * number + 1, "COMPLETE", [], [dataset("y", "1")], run={**run, "state": "COMPLETE"}))
    arrivals = [worlds.ARRIVAL + 10 * n for n in range(len(events))]
    most = 0
    with Lives(Settings(stitching_young_seconds=2, stitching_folder=str(tmp_path)), events, arrivals) as lives:
        while lives.position < len(events):
            lives.take(100)
            lives.commit()
            lives.tick()
            state = runs_of(lives.step)
            most = max(most, len(vars(state.young)["_segments"]))
            assert len(state.young.messages) < 1_600
            assert state.open == sum(not int(run[1]) & 1 for _, run in state.young.items())
        state = runs_of(lives.step)
        assert len(state.young) + len(state.finished) == 600
    assert 1 < most < 6


def test_a_run_taken_out_is_as_it_was_told() -> None:
    """Its messages in order of arrival, each once; and it is not among the others any more."""
    step = StitchingStep(Settings())
    start, more = event(1, "START", [dataset("x")], []), event(2, "RUNNING", [dataset("z")], [])
    end = event(3, "COMPLETE", [], [dataset("y", "1")])
    worlds.feed(step, [[start, more, start], [end]])
    state = runs_of(step)
    slots = state.young.find(identities([worlds.RUNS[0], worlds.RUNS[1]]))
    assert [slot >= 0 for slot in slots.tolist()] == [True, False]
    state.by_themselves([worlds.RUNS[0], worlds.RUNS[1], b"no run id"])
    [(key, run)] = state.kept.items()
    values = list(worlds.batch([start, more, end]).values)
    assert key == worlds.RUNS[0]
    assert isinstance(run, tuple)
    assert [run[1], *run[HEAD:]] == [1, 0, 1, 3, *values]
    assert len(state.young) == 0
