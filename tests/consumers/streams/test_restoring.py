"""A step that judges one topic by another: nothing new, and no time, before all is fed again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from headwater.detection.steps import ChecksStep, IncidentsStep
from headwater.schemas.topics import DECISIONS, PROFILES, RUNS, USES
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.streams.metrics import Tally
from headwater.streams.restore import others_fed
from headwater.streams.step import Output, Step
from headwater.streams.work import Worker

Place = tuple[str, int]


def waits(step: Step, place: Place, restoring: set[Place]) -> bool:
    """Whether a partition waits while these are fed again; it must not once they are."""

    async def asked() -> bool:
        waiting = asyncio.ensure_future(others_fed(step, place, restoring, lambda: True))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        restoring.clear()
        await asyncio.wait_for(waiting, 5)
        return not done

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("step", "restoring", "expected"),
    [
        (ChecksStep(), (PROFILES.name, 1), True),
        (ChecksStep(), (DECISIONS.name, 1), True),
        (ChecksStep(), (PROFILES.name, 2), False),
        (IncidentsStep(Settings()), (PROFILES.name, 2), True),
        (StitchingStep(Settings()), (RUNS.name, 1), False),
    ],
    ids=["profiles of the number", "decisions of the number", "another number", "one state", "one topic"],
)
def test_what_is_new_waits_for_what_it_is_judged_by(step: Step, restoring: Place, expected: bool) -> None:
    """Checks keep a dataset's state by the partitions' number, incidents all in one; stitching has one topic."""
    place = (USES.name, 1) if len(step.inputs) > 1 else (RUNS.name, 0)
    assert waits(step, place, {restoring}) is expected


def test_a_partition_that_is_taken_away_waits_no_more() -> None:
    """Whatever is still fed again elsewhere."""
    asyncio.run(asyncio.wait_for(others_fed(ChecksStep(), (USES.name, 1), {(PROFILES.name, 1)}, lambda: False), 5))


class _Sent:
    """As much of a sender as a worker asks for."""

    def send(self, outputs: Sequence[Output]) -> None:
        del outputs


def test_time_passes_when_all_is_fed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that tells what is missing or due is asked only then."""
    step, asked = ChecksStep(), list[int]()

    def tick(_: ChecksStep, now: int) -> Sequence[Output]:
        asked.append(now)
        return ()

    monkeypatch.setattr(ChecksStep, "tick", tick)
    tally = Tally(step.name)
    sender: Any = _Sent()
    worker = Worker(step, sender, tally)
    tally.restoring = {(PROFILES.name, 1)}
    worker.tick(1)
    tally.restoring = set()
    worker.tick(2)
    assert asked == [2]
