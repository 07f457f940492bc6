"""What detection's state is made from again when a worker starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headwater.detection.policy import Policy
from headwater.detection.steps import ChecksStep, IncidentsStep
from headwater.schemas.topics import DECISIONS, PREDICTIONS, TOPICS
from headwater.settings import Settings
from headwater.streams.step import Step

#: Predictions only count whom an incident reached, and are many: the broker keeps them for a week.
SHORTER = {PREDICTIONS.name}


@pytest.mark.parametrize("step", [ChecksStep(), IncidentsStep(Settings())], ids=lambda step: step.name)
def test_topics_hold_what_a_start_reads_again(step: Step) -> None:
    """Each input is kept for as long as the step looks back: else baselines are short after a restart."""
    assert step.lookback is not None
    kept = {name: TOPICS[name].retention_ms for name in step.inputs if name not in SHORTER}
    assert {name for name, ms in kept.items() if 0 <= ms < step.lookback / timedelta(milliseconds=1)} == set()
    assert kept[DECISIONS.name] == -1


def test_a_start_finds_enough_history_to_alarm() -> None:
    """Of a daily dataset at least the rolling baseline, the own history of gate 4 and four of each weekday."""
    policy, lookback = Policy(), ChecksStep().lookback
    assert lookback is not None
    assert lookback.days >= max(policy.rolling, policy.least_history, 7 * policy.season)
