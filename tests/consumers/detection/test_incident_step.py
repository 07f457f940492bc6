"""The incident step's clock: an alarm is told as soon as it has settled."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.detection.incidents.book import Book
from headwater.detection.steps import ChecksStep, IncidentsStep
from headwater.detection.verdicts import Verdict
from headwater.settings import Settings
from headwater.streams.step import tick_seconds

_SECOND = 1_000_000
_START = 1_700_000_000 * _SECOND


def test_what_has_settled_is_asked_for_more_often_than_what_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due five times a second, what all runs and the graph say once; also with a clock that goes back."""
    due: list[int] = []
    judged: list[int] = []

    def tick(_: Book, now: int) -> list[dict[str, Any]]:
        due.append(now)
        return []

    def judge(_: Book, now: int, *, absent: bool = True) -> list[Verdict]:
        del absent
        judged.append(now)
        return []

    monkeypatch.setattr(Book, "tick", tick)
    monkeypatch.setattr(Book, "judged", judge)
    step = IncidentsStep(Settings(), clock=lambda: _START)
    assert (tick_seconds(step), tick_seconds(ChecksStep())) == (0.2, 1.0)
    for fifth in range(11):
        step.tick(_START + fifth * _SECOND // 5)
    assert len(due) == 11
    assert judged == [_START, _START + _SECOND, _START + 2 * _SECOND]
    step.tick(_START - 3_600 * _SECOND)
    assert judged[-1] == _START - 3_600 * _SECOND
