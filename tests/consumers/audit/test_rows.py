"""Statements side by side."""

from __future__ import annotations

import threading

import pytest

from headwater.audit.rows import together

#: For what never comes, seconds.
LONG = 60


def test_both_run_at_the_same_time() -> None:
    """Each waits for the other; one behind the other they would never end."""
    meeting = threading.Barrier(2, timeout=LONG)
    assert sorted(together(meeting.wait, meeting.wait)) == [0, 1]


@pytest.mark.parametrize("fails", ["first", "second"])
def test_both_have_ended_when_one_failed(fails: str) -> None:
    """Nobody is left who writes into what the caller goes on with."""
    ended: list[str] = []
    begun = threading.Barrier(2, timeout=LONG)

    def one(name: str) -> None:
        begun.wait()
        if name == fails:
            raise ValueError(name)
        threading.Event().wait(0.05)
        ended.append(name)

    with pytest.raises(ValueError, match=fails):
        together(lambda: one("first"), lambda: one("second"))
    assert ended == [{"first": "second", "second": "first"}[fails]]
