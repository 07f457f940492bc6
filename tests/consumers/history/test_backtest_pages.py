"""The history read page by page for a backtest: each message once, in the order of its time."""

from __future__ import annotations

import random

import pytest

from headwater.detection import backtest
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, run_event

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_each_message_is_read_once(history: History, monkeypatch: pytest.MonkeyPatch, seed: int, page: int) -> None:
    """Many at one time, hours without any, what lies before and behind the window; pages of any size."""
    chance = random.Random(seed)
    minutes = [chance.choice([0, 59, 60, 61, 5_000, chance.randrange(10_000)]) for _ in range(80)]
    events = [
        run_event(f"r {number}", "COMPLETE", at(minute), outputs=[dataset("t", str(number))])
        for number, minute in enumerate(minutes)
    ]
    history.keep(batch(topics.RUNS.name, [*events, *events[:9]]))
    monkeypatch.setattr(backtest, "_PAGE", page)
    raised = backtest.Raised()
    since, until = at(59), at(9_000)
    found = list(backtest.read(history.client, "run_event", "run_events", since, until, raised))
    times = [time for time, _, _ in found]
    assert times == sorted(times)
    wanted = sorted(event["event_id"] for event in events if since <= event["event_time"] < until)
    assert sorted(record["event_id"] for _, _, record in found) == wanted
    assert raised.unreadable == 0
