"""A worker dies between any two records of state: what stood before stands until what replaces it is there whole."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.stitching import parked
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import STATE, Lives
from tests.consumers.stitching.test_examples import dataset, event

Event = dict[str, Any]
#: So small that a run of one event is in one record, and one of three in several.
PART_BYTES = 400
RUN = worlds.RUNS[0]


def wide(number: int) -> Event:
    return event(number, "RUNNING", [dataset(f"{number}-{i}-" + "x" * 100) for i in range(6)], [])


def other(number: int) -> Event:
    """Of another run: time goes on."""
    return event(number, "START", [dataset(f"q{number}")], [], run={"run_id": worlds.RUNS[1], "state": "START"})


COMPLETE = event(50, "COMPLETE", [], [dataset("y", "1")])
#: In one record, in several, in more of them, ended, and once more.
GROWS = [
    event(1, "START", [dataset("x")], []),
    *(other(2), wide(3), other(4), wide(5), wide(6), other(7)),
    *(COMPLETE, other(51), event(52, "RUNNING", [dataset("late")], []), other(53), other(54)),
]
#: Never ended, and forgotten.
EXPIRES = [wide(1), wide(2), *(other(number) for number in range(3, 12))]


class Torn:
    """Lives of one history of events, an hour between two, each with one worker's death."""

    def __init__(self, events: list[Event], folder: Path, **further: Any) -> None:
        self.events = events
        self._settings = Settings(stitching_folder=str(folder), **further)
        self._arrivals = [worlds.ARRIVAL + 3_600_000 * at for at in range(len(events))]

    def live(
        self, dies_at: int, kept: int, compacted: bool, between: Callable[[], None] = lambda: None
    ) -> tuple[Lives, int]:
        """All events. The worker dies behind one of them, with so many records of state on the topic that were not
        confirmed; how many there were. `between`: called before the next one begins.
        """
        chance = random.Random(kept)
        there = 0
        with Lives(self._settings, self.events, self._arrivals) as lives:
            while lives.position < len(self.events):
                lives.take(1)
                dies = lives.position == dies_at + 1
                lives.commit()
                lives.tick()
                if dies:
                    there = len(lives.sent(STATE))
                    lives.lose(chance, kept)
                    if compacted:
                        lives.compact()
                    between()
                    lives.restart(chance)
            lives.commit()
            lives.tick()
            lives.commit()
            return lives, there


@pytest.mark.parametrize("compacted", [False, True])
def test_no_edge_is_lost_wherever_a_write_is_torn(
    compacted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every boundary of two records, compacted or not; and nothing of it is left once the run ended."""
    monkeypatch.setattr(parked, "PART_BYTES", PART_BYTES)
    torn = Torn(GROWS, tmp_path, stitching_horizon_seconds=86_400)
    expected = reference.history(GROWS)
    most = 0
    for dies_at in range(len(GROWS) - 1):
        kept, count = 0, 0
        while kept <= count:
            lives, count = torn.live(dies_at, kept, compacted)
            assert reference.said(lives.said()) == expected, (dies_at, kept)
            assert lives.writes().get(RUN, []) == [], (dies_at, kept)
            kept += 1
        most = max(most, count)
    assert most > 10, "no write had several records"


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_forgotten_leaves_nothing_on_the_topic(
    compacted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open run in several records whose horizon passes, wherever the worker dies."""
    monkeypatch.setattr(parked, "PART_BYTES", PART_BYTES)
    torn = Torn(EXPIRES, tmp_path, stitching_horizon_seconds=3600, stitching_open_seconds=4 * 3600)
    for dies_at in range(len(EXPIRES) - 1):
        kept, count = 0, 0
        while kept <= count:
            lives, count = torn.live(dies_at, kept, compacted)
            assert lives.writes().keys() == {worlds.RUNS[1]}, (dies_at, kept)
            kept += 1


def test_a_run_that_fits_one_record_again_replaces_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where records hold more since; and back. Wherever the worker dies meanwhile."""
    events = [wide(1), other(2), wide(3), other(4), wide(5), other(6), COMPLETE, other(51), other(52)]
    torn = Torn(events, tmp_path)
    expected = reference.history(events)
    for before, since in ((PART_BYTES, 1 << 20), (1 << 20, PART_BYTES)):

        def switch(since: int = since) -> None:
            monkeypatch.setattr(parked, "PART_BYTES", since)

        for dies_at in range(len(events) - 1):
            kept, count = 0, 0
            while kept <= count:
                monkeypatch.setattr(parked, "PART_BYTES", before)
                lives, count = torn.live(dies_at, kept, True, switch)
                assert reference.said(lives.said()) == expected, (dies_at, kept)
                assert lives.writes().get(RUN, []) == [], (dies_at, kept)
                kept += 1


def test_a_run_in_several_records_stands_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write takes the one before back; one that ended, and one whose worker died, leave nothing."""
    monkeypatch.setattr(parked, "PART_BYTES", PART_BYTES)
    events = [wide(1), other(2), wide(3), other(4), wide(5), other(6)]
    settings = Settings(stitching_folder=str(tmp_path))
    with Lives(settings, events, [worlds.ARRIVAL + 3_600_000 * at for at in range(len(events))]) as lives:
        counts: list[int] = []
        for at in range(len(events)):
            lives.take(1)
            lives.commit()
            lives.tick()
            lives.commit()
            if at % 2:
                ((there, count),) = lives.writes()[RUN]
                assert there == count
                counts.append(count)
        assert counts == sorted(set(counts))
        assert counts[0] > 1
