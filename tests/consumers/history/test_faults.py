"""The archive against a store that fails: whatever the server says or the network does, nothing is lost or doubled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from headwater.archive import ArchiveStep
from headwater.archive.codes import CODES, Fault
from headwater.archive.step import AHEAD_ROWS
from headwater.audit import connect
from headwater.ledger.keeping import Ledger
from headwater.schemas import topics
from headwater.streams.step import Output, Retry
from tests.backends.kinds import Store
from tests.consumers.history.conftest import History
from tests.consumers.history.faulty import Proxy, Trouble, proxy
from tests.consumers.history.messages import at, batch, run_event

pytestmark = pytest.mark.integration
RUNS = topics.RUNS.name
COUNT = "SELECT count(), uniqExact(event_id) FROM run_events FINAL"


@pytest.fixture
def faulty(store: Store) -> Iterator[Proxy]:
    """A proxy that fails as planned, before the store."""
    with proxy(store.url) as server:
        yield server


@pytest.fixture
def step(history: History, faulty: Proxy) -> Iterator[ArchiveStep]:
    """An archive step that reaches the store by the proxy, its schemas kept by a first round."""

    def send(outputs: Sequence[Output]) -> bool:
        history.letters.extend(outputs)
        return True

    client = connect(dataclasses.replace(history.settings, store_url=faulty.url))
    with closing(client):
        made = ArchiveStep(history.settings, connected=lambda: client, send=send, now=lambda: history.clock[0])
        made.process(batch(RUNS, [run_event("first", "START", at(0))]))
        made.flush()
        yield made


def insist(step: ArchiveStep) -> int:
    """Flush until it is taken; how often it said later."""
    for tries in range(50):
        try:
            step.flush()
        except Retry:
            continue
        return tries
    raise AssertionError("not taken after 50 tries")


def chained(history: History) -> list[int]:
    """The offsets that the ledger holds, in order, with repetitions."""
    rows = history.rows("SELECT arrayJoin(offsets) AS o FROM ledger ORDER BY o")
    return [int(row[0]) for row in rows]


LATER = [code for code, known in CODES.items() if known.fault is Fault.RETRY]


def test_every_code_that_means_later_is_waited_for(history: History, step: ArchiveStep, faulty: Proxy) -> None:
    """Each code of the table's RETRY class, and one of no table: the batch goes again, once it is there once."""
    events = [run_event(f"r {n}", "START", at(n)) for n in range(5)]
    for done in (False, True):
        step.process(batch(RUNS, events, first=1))
        faulty.planned += [Trouble(code, done=done) for code in LATER[:10] if not done] or [Trouble(319, done=True)]
        assert insist(step) >= 1
        assert not faulty.planned
    for code in (*LATER[10:], 77_777):
        faulty.planned.append(Trouble(code))
        step.process(batch(RUNS, events, first=1))
        assert insist(step) == 1, code
    assert step.unknown == 1
    assert history.rows(COUNT) == [(6, 6)]
    assert history.letters == []
    assert chained(history) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(cut=True),
        Trouble(cut=True, done=True),
        Trouble(short=True, done=True),
        Trouble(done=True, seconds=0.3),
    ],
    ids=["cut-before", "cut-after", "short-answer", "late"],
)
def test_a_network_that_fails_loses_and_doubles_nothing(
    history: History, step: ArchiveStep, faulty: Proxy, trouble: Trouble
) -> None:
    """Connections cut before and after the insert was done, an answer cut short, a late one; of rows and of ledger."""
    for first in (1, 4):
        faulty.planned += [trouble] * first
        step.process(batch(RUNS, [run_event(f"r {first + n}", "START", at(n)) for n in range(3)], first=first))
        insist(step)
    assert history.rows(COUNT) == [(7, 7)]
    assert chained(history) == [0, 1, 2, 3, 4, 5, 6]
    assert history.letters == []


def test_a_batch_at_fault_gives_up_its_bad_row_alone(history: History, step: ArchiveStep, faulty: Proxy) -> None:
    """The store's words on a batch's fault split it; a half that then fails for another reason is not lost."""
    faulty.planned += [Trouble(53), Trouble(53), Trouble(53), Trouble(241)]
    step.process(batch(RUNS, [run_event(f"r {n}", "START", at(n)) for n in range(4)], first=1))
    insist(step)
    kept = history.rows(COUNT)[0][0]
    assert kept + len(history.letters) == 5
    assert kept >= 4
    assert history.rows(COUNT) == [(kept, kept)]


def test_a_store_that_is_away_is_no_reason_to_take_more(history: History, step: ArchiveStep, faulty: Proxy) -> None:
    """What goes ahead fails, `flush` says so, and one round is all that is held; then each row is there once."""
    values = [run_event(f"r {n}", "START", at(n / 60)) for n in range(AHEAD_ROWS)]
    faulty.away = True
    step.process(batch(RUNS, values, first=1))
    for _ in range(3):
        with pytest.raises(Retry):
            step.flush()
    sent = faulty.inserts
    step.process(batch(RUNS, values[:10], first=AHEAD_ROWS + 1))
    assert faulty.inserts == sent
    faulty.away = False
    insist(step)
    assert history.rows("SELECT uniqExact(event_id) FROM run_events") == [(AHEAD_ROWS + 1,)]
    assert chained(history) == list(range(AHEAD_ROWS + 11))


def test_what_others_read_is_not_entered_here(history: History, step: ArchiveStep, faulty: Proxy) -> None:
    """A batch is stored after its partition went to another worker: the ledger has the other's entry alone."""
    faulty.planned.append(Trouble(241))
    step.process(batch(RUNS, [run_event("r 1", "START", at(1))], first=1))
    with pytest.raises(Retry):
        step.flush()
    step.revoked({(RUNS, 0)})
    history.keep(batch(RUNS, [run_event("r 1", "START", at(1))], first=1))
    insist(step)
    assert history.rows(COUNT) == [(2, 2)]
    assert history.rows("SELECT count() FROM ledger") == [(2,)]
    assert not Ledger({}).waiting
