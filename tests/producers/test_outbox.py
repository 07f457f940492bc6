"""The queue between callers and the sending thread."""

from __future__ import annotations

import pytest

from headwater.producer._outbox import OVERHEAD, Outbox


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, as callers see it who are in a hurry: it stands where a test does not move it."""
    told = [100.0]
    monkeypatch.setattr("headwater.producer._outbox.time.monotonic", lambda: told[0])
    return told


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> list[float]:
    """How long callers waited, in seconds."""
    taken: list[float] = []
    monkeypatch.setattr("headwater.producer._outbox.time.sleep", taken.append)
    return taken


def outbox_of(messages: int) -> Outbox:
    return Outbox(messages * (16 + 100 + OVERHEAD))


def put(outbox: Outbox) -> bool:
    return outbox.put("t", b"k" * 16, b"v" * 100)


def test_callers_give_way_the_more_the_fuller_it_is(naps: list[float]) -> None:
    """Below a quarter nobody waits; above, far fewer than one call in a hundred, 20 ms at most; refused: none."""
    outbox, waited = outbox_of(10_000), list[int]()
    calls = 0
    while put(outbox):
        calls += 1
        waited.append(len(naps))
    assert calls == 10_000
    assert 0 < len(naps) < calls / 250
    assert waited[calls // 4 - 1] == 0
    assert naps == sorted(naps)
    assert naps[0] < 0.002 < naps[-1] <= 0.02
    taken = len(naps)
    for _ in range(1000):
        assert not put(outbox)
    assert len(naps) == taken


def test_callers_who_pause_by_themselves_never_wait(naps: list[float], now: list[float]) -> None:
    """4,000 calls a second are no reason to, however full it is."""
    outbox = outbox_of(10_000)
    while put(outbox):
        now[0] += 1 / 4000
    assert not naps


def test_batches_that_leave_do_not_begin_the_count_anew(naps: list[float]) -> None:
    """Also where each batch that is taken is smaller than what one call in so many is."""
    outbox = outbox_of(1000)
    for _ in range(600):
        put(outbox)
    outbox.take()
    for _ in range(100):
        for _ in range(10):
            put(outbox)
        outbox.take()
        outbox.release(10 * (16 + 100 + OVERHEAD))
    assert len(naps) == 1600 // 300 - 1  # the first tells the time only
