"""What state is kept of finished, parked and large runs; what a worker refuses."""

from __future__ import annotations

import errno
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import StateError
from headwater.settings import Settings
from headwater.stitching import parked
from headwater.stitching.writers import Writers
from headwater.streams import Backpressure, Retry
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import STATE, Lives
from tests.consumers.stitching.test_examples import dataset, event

Event = dict[str, Any]


def later(*events: Event, folder: Path, **further: Any) -> Lives:
    """Each event comes an hour after the one before, in a chunk of its own."""
    settings = Settings(stitching_folder=str(folder), stitching_horizon_seconds=86_400, **further)
    return Lives(settings, events, [worlds.ARRIVAL + 3_600_000 * n for n in range(len(events))])


def step_on(lives: Lives, count: int) -> None:
    for _ in range(count):
        lives.take(1)
        lives.commit()
        lives.tick()


OTHER: dict[str, Any] = {"run": {"run_id": worlds.RUNS[1], "state": "START"}}
START, COMPLETE = event(1, "START", [dataset("x")], []), event(2, "COMPLETE", [], [dataset("y", "1")])


def test_a_repeated_event_of_a_finished_run_is_told_by_its_digest(tmp_path: Path) -> None:
    """Sent again under another emit time, hours later and after a restart: nothing is read again, nothing is said."""
    repeated = {**COMPLETE, "emit_time": 9, "sequence": 77}
    with later(START, COMPLETE, event(3, "START", [], [], **OTHER), repeated, folder=tmp_path) as lives:
        step_on(lives, 3)
        lives.restart(random.Random(1))
        before = len(lives.edges)
        step_on(lives, 1)
        assert (lives.asked, len(lives.edges)) == (0, before)


def test_a_message_dated_years_ahead_makes_no_run_old(tmp_path: Path) -> None:
    """Where the broker does not stamp messages, their time is what a client's clock says. Of two runs one is open, one
    ended; both stay.
    """
    end = event(2, "COMPLETE", [], [dataset("y", "1")], **OTHER | {"run": {**OTHER["run"], "state": "COMPLETE"}})
    ahead = event(3, "START", [], [], run={"run_id": bytes([3]) * 16, "state": "START"})
    late = event(5, "RUNNING", [dataset("late")], [], **OTHER)
    events = [START, end, ahead, ahead, event(4, "COMPLETE", [], [dataset("y", "1")]), late]
    now = time.time_ns() // 1_000_000
    arrivals = [now - 7_200_000, now - 7_200_000, now + 3_650 * 86_400_000, now, now, now]
    with Lives(Settings(stitching_folder=str(tmp_path)), events, arrivals) as lives:
        step_on(lives, 4)
        lives.restart(random.Random(1))
        step_on(lives, 2)
        assert reference.said(lives.said()) == reference.history(events)


def test_something_new_of_a_finished_run_meets_what_it_said(tmp_path: Path) -> None:
    """Its messages are read again by their offsets, before and after a restart."""
    late = event(4, "RUNNING", [dataset("late")], [])
    events = [START, COMPLETE, event(3, "START", [], [], **OTHER), late]
    with later(*events, folder=tmp_path) as lives:
        step_on(lives, 3)
        lives.restart(random.Random(1))
        step_on(lives, 1)
        assert lives.asked == 1
        assert reference.said(lives.said()) == reference.history(events)


def test_two_jobs_of_a_run_id_are_both_there_after_a_restart(tmp_path: Path) -> None:
    """Also the one of which the first chunk after it says nothing."""
    two = event(2, "RUNNING", [dataset("z")], [], "two")
    further = [event(5, "RUNNING", [dataset("w")], []), event(6, "RUNNING", [], [dataset("v", "1")], "two")]
    events = [START, two, event(3, "START", [], [], **OTHER), *further]
    with later(*events, folder=tmp_path) as lives:
        step_on(lives, 3)
        lives.restart(random.Random(1))
        step_on(lives, 2)
        assert reference.said(lives.said()) == reference.history(events)


def test_a_run_larger_than_a_message_is_kept_in_parts(tmp_path: Path) -> None:
    """Two megabytes of one open run survive a restart; no record is above the topic's limit."""
    wide = [event(n, "RUNNING", [dataset(f"{n}-{i}-" + "x" * 900) for i in range(60)], []) for n in range(1, 40)]
    events = [*wide, event(90, "START", [], [], **OTHER), event(91, "COMPLETE", [], [dataset("y", "1")])]
    with later(*events, folder=tmp_path) as lives:
        step_on(lives, 40)
        assert max(len(value) for _, value in lives.state) < 1024 * 1024
        lives.compact()
        assert sum(key[:1] == b"r" for key, _ in lives.state) > 1
        lives.restart(random.Random(1))
        step_on(lives, 1)
        assert reference.standing(reference.said(lives.said())) == reference.current(events)


@pytest.mark.parametrize(("kind", "part_bytes"), [(b"r", 900_000), (b"r", 50), (b"f", 900_000), (b"w", 900_000)])
def test_state_of_another_version_is_refused(
    kind: bytes, part_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker says so, and does not go on as if there was none. Also of a run in several records."""
    monkeypatch.setattr(parked, "PART_BYTES", part_bytes)
    with later(START, COMPLETE, event(3, "START", [], [], **OTHER), START, folder=tmp_path) as lives:
        step_on(lives, 4)
        lives.commit()
        records = [(key, b"\x09" + value[1:]) for key, value in lives.state if key[:1] == kind and value]
        assert records
        with pytest.raises(StateError, match="version 9"):
            lives.step.restore(("lineage.runs", 0), 4, [key for key, _ in records], [value for _, value in records])


def test_a_run_that_ended_is_no_open_run_where_it_is_parked(tmp_path: Path) -> None:
    """Ended by its first message and moved on early, as memory is short: it may hear of its beginning soon. The gauge
    says so there, after a restart, and once it is back in memory.
    """
    end: dict[str, Any] = {"run": {"run_id": worlds.RUNS[1], "state": "COMPLETE"}}
    begin: dict[str, Any] = {"run": {"run_id": bytes([3]) * 16, "state": "START"}}
    events = [
        event(1, "COMPLETE", [], [dataset("y", "1")]),
        event(2, "COMPLETE", [], [], **end),
        event(3, "START", [dataset("x")], []),
        event(4, "START", [], [], **begin),
    ]
    with Lives(
        Settings(stitching_folder=str(tmp_path), stitching_memory_bytes=65_536), events, [worlds.ARRIVAL] * 4
    ) as lives:
        for upto in range(4):
            lives.take(1)
            assert lives.step.gauges()["open_runs"] == (upto == 3)
            lives.commit()
            if upto == 1:
                assert any(key[:1] == b"r" for key, _ in lives.state), "nothing was parked"
                lives.restart(random.Random(1))
                assert lives.step.gauges()["open_runs"] == 0


def test_a_full_disk_makes_the_worker_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, and it goes on once there is room."""
    write = os.pwrite
    full = True

    def pwrite(file: int, data: bytes, at: int) -> int:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    events = [START, event(3, "START", [], [], **OTHER), COMPLETE]
    with later(*events, folder=tmp_path, stitching_memory_bytes=65_536) as lives:
        lives.take(1)
        lives.commit()
        with pytest.raises(Backpressure, match="No space left"):
            lives.take(1)
        full = False
        step_on(lives, 2)
        assert reference.said(lives.said()) == reference.history(events)
        assert any(output.topic != STATE for output in lives.edges)


def test_a_schema_not_known_yet_leaves_no_old_state_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two kept runs in one chunk the second's schema is known only when asked again, as with a registry that is
    away; the first ends in that chunk. Hours later its last word meets what it said in the end, not what was kept then.
    """
    of = Writers.of
    unknown = [True]
    asked: list[bytes] = []

    def of_kept(writers: Writers, message: bytes) -> int:
        asked.append(message)
        if len(asked) == 2 and unknown.pop():
            raise Retry(1.0, "the schema of a kept message is not known yet")
        return of(writers, message)

    monkeypatch.setattr(Writers, "of", of_kept)
    begun = [START, event(3, "START", [dataset("z")], [], **OTHER)]
    third: dict[str, Any] = {"run": {"run_id": bytes([3]) * 16, "state": "START"}}
    end = [COMPLETE, event(4, "RUNNING", [dataset("w")], [], **OTHER)]
    late = event(9, "RUNNING", [dataset("late")], [])
    events = [*begun, event(5, "START", [], [], **third), *end, event(6, "START", [dataset("v")], [], **third), late]
    with later(*events, folder=tmp_path) as lives:
        step_on(lives, 3)
        with pytest.raises(Retry):
            lives.take(2)
        assert len(asked) == 2
        lives.take(2)
        lives.commit()
        lives.tick()
        step_on(lives, 2)
        assert reference.said(lives.said()) == reference.history(events)


def test_five_thousand_by_five_thousand_are_lists_within_the_size_of_a_message(tmp_path: Path) -> None:
    """25 million pairs, none left out, and state that comes back."""
    inputs = [dataset(f"in{i}", "1") for i in range(5000)]
    outputs = [dataset(f"out{i}", "1") for i in range(5000)]
    events = [event(1, "START", inputs, []), event(2, "COMPLETE", [], outputs)]
    with later(*events, folder=tmp_path) as lives:
        step_on(lives, 1)
        lives.restart(random.Random(1))
        step_on(lives, 1)
        assert max(len(output.value) for output in lives.edges) <= 256 * 1024
        products = [product for one in lives.said() for product in one["products"]]
        assert sum(len(one["sources"]) * len(one["targets"]) for one in products) == 25_000_000
