"""State moves through memory, disk, state topic and packed memory, workers die anywhere: the edges stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.settings import Settings
from headwater.stitching import parked
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import Lives
from tests.consumers.stitching.test_rules import history

Event = dict[str, Any]
#: As it is outside of tests.
PART_BYTES = parked.PART_BYTES


@pytest.mark.parametrize("ordinary", [True, False])
@pytest.mark.parametrize("young", [0, 20, 10_000])
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_dies_and_moves_the_history_is_the_references(
    ordinary: bool, young: int, tmp_path: Path, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any cut, with any memory, restored at any point between sending and committing, compacted or not; runs in one
    record, in several, or in more and more of them. Of each run the state topic has one write in the end, whole.
    """
    monkeypatch.setattr(parked, "PART_BYTES", data.draw(st.sampled_from([100, 700, PART_BYTES])))
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=9))]
    chance = data.draw(st.randoms(use_true_random=False))
    expected = history(events)
    memory = data.draw(st.sampled_from([1 << 16, 1 << 30]))
    arrivals: list[int] = []
    for _ in events:
        arrivals.append((arrivals[-1] if arrivals else worlds.ARRIVAL) + chance.choice([0, 1, 5_000, 15_000, 60_000]))
    memory_and_disk = Settings(
        stitching_young_seconds=young, stitching_memory_bytes=memory, stitching_folder=str(tmp_path)
    )
    with Lives(memory_and_disk, events, arrivals) as lives:
        for _ in range(30):
            match chance.choice(["take", "take", "take", "tick", "commit", "commit", "die", "compact"]):
                case "take":
                    lives.take(chance.randint(1, 4))
                case "tick":
                    lives.tick()
                case "commit":
                    lives.commit()
                case "die":
                    lives.die(chance)
                case _:
                    lives.compact()
        while lives.position < len(events):
            lives.take(chance.randint(1, 4))
        lives.commit()
        assert reference.said(lives.said()) == expected
        lives.restart(chance)
        lives.tick()
        lives.commit()
        for (there, count), *others in lives.writes().values():
            assert (there, others) == (count, [])
