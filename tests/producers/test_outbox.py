"""The queue between callers and the sending thread."""

from __future__ import annotations

import pytest

from headwater.producer._outbox import OVERHEAD, Outbox


def test_callers_give_way_the_more_the_fuller_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a quarter nobody waits; above, fewer than one call in a hundred, never as long as 5 ms; refused: none."""
    naps: list[tuple[int, float]] = []
    calls = 0

    def sleep(seconds: float) -> None:
        naps.append((calls, seconds))

    monkeypatch.setattr("headwater.producer._outbox.time.sleep", sleep)
    outbox = Outbox(10_000 * (16 + 100 + OVERHEAD))
    while outbox.put("t", b"k" * 16, b"v" * 100):
        calls += 1
    assert calls == 10_000
    assert 0 < len(naps) < calls / 100
    assert min(call for call, _ in naps) >= calls / 4
    lengths = [seconds for _, seconds in naps]
    assert lengths == sorted(lengths)
    assert lengths[0] < 0.001 < lengths[-1] <= 0.005
    taken = len(naps)
    for _ in range(1000):
        assert not outbox.put("t", b"k" * 16, b"v" * 100)
    assert len(naps) == taken
