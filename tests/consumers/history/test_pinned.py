"""A reference that a rules file pins, from the history."""

from __future__ import annotations

import pytest

from headwater.detection.backtest import Replay
from headwater.detection.checker import Checker
from headwater.detection.pinned import profiles
from headwater.detection.policy import Policy
from tests.consumers.detection.making import profile_record
from tests.consumers.detection.test_reference import data, day, pinned, record, rules
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch


@pytest.mark.integration
def test_the_reference_comes_from_the_history(history: History) -> None:
    """It is older than anything the topics hold: asked of the history, by a worker that starts and by a backtest."""
    training = [record(0, 70.0), profile_record("t", day(0), data(0, 70.0), version="other")]
    history.keep(batch("lineage.profiles", training))
    wanted = rules(str(day(0)))
    parts = list(profiles(history.client, wanted))
    assert [part["version"] for part in parts] == [str(day(0))]
    checker = Checker(Policy(), wanted)
    for part in parts:
        checker.pin(part)
    found = [v for n in range(100, 110) for v in checker.profile(record(n, 100.0))]
    assert ("amount", "alarm") in pinned(found)
    replay = Replay(Policy(), wanted, 0)
    replay.pin(profiles(history.client, wanted))
    written = [record(n, 100.0) for n in range(100, 110)]
    raised = replay.feed((one["event_time"], "profile", one) for one in written)
    assert [message["title"] for message in raised.incidents.values()] == ["amount of lake/t left the reference"]
