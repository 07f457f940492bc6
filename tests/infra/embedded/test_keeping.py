"""A process that ends is started again, later each time; one that ran well starts at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.embedded.home import Home, open_home
from headwater.embedded.keeping import Backoff, Kept
from headwater.embedded.processes import Child, Guardian
from headwater.errors import Unavailable


class _Ended(Child):
    """A child that has ended when it is looked at."""

    def __init__(self) -> None:  # no process stands behind it
        self.alive = True

    @property
    def running(self) -> bool:
        return self.alive

    @property
    def exit_code(self) -> int | None:
        return None if self.alive else -9


def test_it_waits_longer_after_each_failure_and_forgets_after_a_good_run() -> None:
    """0.4, 0.8, 1.6 s after ends in a row; the first wait again once it ran for long."""
    now = 0.0
    lines: list[str] = []
    children: list[_Ended] = []

    def start() -> Child:
        children.append(_Ended())
        return children[-1]

    kept = Kept("part", start, lines.append, Backoff(0.2, 30.0, 30.0), clock=lambda: now)
    kept.up()
    assert not kept.look()
    waits: list[float] = []
    for ran in (1.0, 1.0, 1.0, 60.0):
        now += ran
        children[-1].alive = False
        ended = now
        while not kept.look():
            now += 0.1
        waits.append(round(now - ended, 1))
    assert waits == pytest.approx([0.4, 0.8, 1.6, 0.2], abs=0.11)
    assert kept.restarts == 4
    assert lines[0] == "part ended (signal 9), starting it again in 0.4 s"


def test_one_that_does_not_start_is_tried_again() -> None:
    """The reason is told in a line, and the next try comes later."""
    now = 0.0
    lines: list[str] = []
    tries = 0

    def start() -> Child:
        nonlocal tries
        tries += 1
        if 1 < tries < 4:
            raise Unavailable("no luck")
        return _Ended()

    kept = Kept("part", start, lines.append, clock=lambda: now)
    kept.up()
    assert isinstance(kept.child, _Ended)
    kept.child.alive = False
    while tries < 4:
        kept.look()
        now += 0.1
    assert lines.count("part did not start: no luck") == 2
    assert kept.child.running


def test_a_home_keeps_its_password_and_its_state(tmp_path: Path) -> None:
    """One password for good; a half-written state is none."""
    home = open_home(tmp_path / "home")
    assert home.writer_password() == home.writer_password() == Home(home.path).writer_password()
    home.write_state("part", {"pid": 1})
    assert home.state("part") == {"pid": 1}
    (home.run / "part.json").write_text('{"pid"')
    assert home.state("part") is None
    home.forget_state("part")
    home.forget_state("part")


def test_a_guardian_may_outlive_its_words() -> None:
    """It ends with its stack, and words to it after that are no error."""
    guardian = Guardian()
    guardian.close()
    guardian.add(1 << 22)
    guardian.close()
