"""A rebuild from beginning to end; each step says what it leaves when the process dies in it.

| step | killed in it |
|---|---|
| work tables; the stream writes into the new ones too | the old tables serve; the next rebuild drops these |
| wait for the cut, stage the events, derive, merge, compare | the same |
| exchange | some tables are new, some old; the next rebuild finishes the exchange before anything else |
| drop | the new tables serve; the next rebuild drops what is left |
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from headwater.audit.connection import connect
from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.migrations import database_name
from headwater.migrations.lock import LEASE, lease
from headwater.rebuild.cut import Places, cut
from headwater.rebuild.deriving import MakeStep, derive
from headwater.rebuild.differences import Difference, difference
from headwater.rebuild.events import PAGE, stage
from headwater.rebuild.merging import find_unjudged, keep_nodes, merge, slices
from headwater.rebuild.work_tables import DERIVED, Work
from headwater.settings import Settings
from headwater.stitching import StitchingStep

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a rebuild did. `unjudged`: events that edges name and that were not read again; their edges stay."""

    events: int
    edge_sets: int
    unjudged: int
    differences: list[Difference] = field(default_factory=list[Difference])
    exchanged: bool = False
    seconds: float = 0.0


def rebuild(
    settings: Settings,
    tell: Tell,
    *,
    places: Places | None = None,
    generation: str | None = None,
    dry_run: bool = False,
    patience: float = 600.0,
    make_step: MakeStep = StitchingStep,
    page: int = PAGE,
) -> Outcome:
    """Derive all edges again and let them serve; with `dry_run` only say what would differ.

    `places`: asks the broker how far the workers are; None: none runs, so nothing is waited for and nothing comes
    meanwhile. `generation`: the life of a broker whose offsets restart with it.

    Raises StateError, Unavailable; the old tables serve then.
    """
    if settings.store_sharded:
        raise StateError("a rebuild exchanges tables of one server; over several shards (store_sharded) it cannot")
    began = time.monotonic()
    with _held(settings) as work:
        _clear(work, tell)
        try:
            work.create(live=places is not None and not dry_run)
            until = None if places is None else cut(settings, places, tell, patience)
            events = stage(work, generation, until)
            tell(f"{events} events to derive edges of")
            sets = derive(work, settings, _progress(tell, events), make_step, page)
            parts = slices(work)
            unjudged = find_unjudged(work, parts)
            merge(work, parts, lambda table: tell(f"{table}: merged"))
            differences = [difference(work, table, parts) for table in DERIVED]
            if not dry_run:
                keep_nodes(work)
                work.exchange()
            return Outcome(events, sets, unjudged, differences, not dry_run, time.monotonic() - began)
        finally:
            if not work.exchanging:
                work.clear()


def abandon(settings: Settings, tell: Tell) -> None:
    """Drop what a rebuild left that ended early; one that had begun to exchange is finished."""
    with _held(settings) as work:
        _clear(work, tell)


def _clear(work: Work, tell: Tell) -> None:
    if work.exchanging:
        tell("the rebuild before this one died while it exchanged the tables: finishing that")
        work.finish()
    elif left := work.left():
        tell(f"dropping {len(left)} tables of a rebuild that ended early")
        work.clear()


def _progress(tell: Tell, total: int) -> Callable[[int, int], None]:
    began = last = time.monotonic()

    def told(events: int, sets: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 2.0 and events < total:
            return
        last = now
        rate = events / max(now - began, 1e-6)
        left = f", about {(total - events) / rate:.0f} s left" if events < total else ""
        tell(f"{events} of {total} events, {sets} edge sets, {rate:.0f} events/s{left}")

    return told


@contextlib.contextmanager
def _held(settings: Settings) -> Generator[Work]:
    """The history, with the lease that keeps migrations and other rebuilds away."""
    client, keeper = connect(settings), connect(settings)
    try:
        with _lease(keeper, database_name(settings)):
            yield Work(client, database_name(settings))
    finally:
        client.close()
        keeper.close()


@contextlib.contextmanager
def _lease(client: Client, database: str) -> Generator[None]:
    ended = threading.Event()
    lost: list[Exception] = []
    with lease(client, database) as renew:

        def keep() -> None:
            while not ended.wait(LEASE / 8):
                try:
                    renew()
                except Exception as error:  # told at the end, where the rebuild is
                    lost.append(error)
                    return

        thread = threading.Thread(target=keep, name="lease", daemon=True)
        thread.start()
        try:
            yield
            if lost:
                raise StateError(f"the lease was lost, so a migration may have run beside: {lost[0]}")
        finally:
            ended.set()
            thread.join()
