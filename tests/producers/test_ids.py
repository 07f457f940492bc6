"""Ids of runs and events: UUIDv7 that never go backwards within a process."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import random
import threading
import uuid

import pytest

from headwater.producer import _ids

NOW = 1_800_000_000_123_456


def ids(count: int, time_us: int = NOW) -> list[bytes]:
    return [_ids.uuid7(time_us) for _ in range(count)]


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of other tests, and the real one, stay out."""
    monkeypatch.setattr(_ids, "_latest", (0, 0))


def test_an_id_is_a_uuid_of_its_time() -> None:
    """Version 7, the RFC's variant, the milliseconds in front."""
    (made,) = ids(1)
    read = uuid.UUID(bytes=made)
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert read.int >> 80 == NOW // 1000


def test_ids_of_one_moment_rise() -> None:
    """Many in the same µs, and across many times: each is greater than all before it."""
    source = random.Random(3)
    made: list[bytes] = []
    time_us = NOW
    for _ in range(2000):
        made += ids(source.randrange(20), time_us)
        time_us += source.choice((0, 1, 1, 7, 999, 1000, 1_000_000))
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_clock_that_steps_back_holds_time_still() -> None:
    """Ids rise on; after a jump back of more than ten seconds the clock is believed again."""
    first = ids(3)
    second = ids(3, NOW - 9_000_000)
    assert first + second == sorted(first + second)
    (far,) = ids(1, NOW - 11_000_000)
    assert far < first[0]
    assert uuid.UUID(bytes=far).int >> 80 == (NOW - 11_000_000) // 1000


def test_threads_never_make_the_same_id() -> None:
    """Threads beside each other, in the same moment; each sees its own rise."""
    made: list[list[bytes]] = []
    threads = [threading.Thread(target=lambda: made.append(ids(20_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == sorted(each) for each in made)
    assert len({one for each in made for one in each}) == 80_000


def _in_child(pipe: multiprocessing.connection.Connection[list[bytes], None]) -> None:
    pipe.send(ids(1000))
    pipe.close()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_parent_and_child_never_make_the_same_id() -> None:
    """After a fork the child counts from a place of its own."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_in_child, args=(theirs,))
    child.start()
    theirs.close()
    received = mine.recv()
    child.join()
    assert len(set(received) | set(ids(1000))) == 2000
