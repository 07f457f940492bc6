"""The ledger: whoever alters, removes or adds a row of the history, or of the ledger itself, is named."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.ledger.chain import Lane
from headwater.ledger.verifying import verify
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, prediction, run_event

pytestmark = pytest.mark.integration
RUNS = topics.RUNS.name


def events(count: int, label: str = "run") -> list[dict[str, Any]]:
    return [
        run_event(f"{label} {n}", "COMPLETE", at(n), outputs=[dataset("a", str(n))], sequence=n) for n in range(count)
    ]


def kept(history: History) -> None:
    """Two partitions of runs in several rounds, and a few predictions."""
    for start in (0, 4, 8):
        history.keep(
            batch(RUNS, events(4, f"first {start}"), first=start),
            batch(RUNS, events(3, f"second {start}"), first=start * 10, partition=1, generation="life"),
        )
    history.keep(batch(topics.PREDICTIONS.name, [prediction(f"p{n}", at(n), "m", "1") for n in range(5)]))


def said(history: History) -> list[tuple[str, str, int]]:
    return sorted((one.kind, str(one.lane), one.offset) for one in verify(history.client).findings)


def test_an_untouched_history_is_whole(history: History) -> None:
    """Every message is found as it was archived; each entry is chained to the one before."""
    kept(history)
    report = verify(history.client)
    assert (report.found, report.messages, report.rows, report.entries, report.newer) == (0, 26, 26, 7, 0)
    assert report.whole


def test_passes_cover_everything(history: History) -> None:
    """With room for few messages at a time the lanes are checked one after another, none of them left out."""
    kept(history)
    report = verify(history.client, most=1)
    assert (report.found, report.messages, report.rows, report.newer) == (0, 26, 26, 0)


def test_an_altered_row_is_named(history: History) -> None:
    """One byte of one body: partition, offset and event are told."""
    kept(history)
    history.client.command(
        "ALTER TABLE run_events UPDATE raw_body = concat(substring(raw_body, 1, length(raw_body) - 1), 'x') "
        "WHERE kafka_partition = 0 AND kafka_offset = 5 SETTINGS mutations_sync = 1"
    )
    [finding] = verify(history.client).findings
    assert (finding.kind, finding.lane, finding.offset) == ("altered", Lane(RUNS, "", 0), 5)
    [[event]] = history.rows("SELECT toString(event_id) FROM run_events WHERE kafka_partition = 0 AND kafka_offset = 5")
    assert f"event {event}" in str(finding)


def test_a_missing_row_is_named(history: History) -> None:
    """A deleted row; one at the end of its partition too."""
    kept(history)
    history.client.command(
        "ALTER TABLE run_events DELETE WHERE kafka_partition = 1 AND kafka_offset IN (41, 82) "
        "SETTINGS mutations_sync = 1"
    )
    lane = f"{RUNS}/1 (broker life)"
    assert said(history) == [("missing", lane, 41), ("missing", lane, 82)]


def test_an_added_row_is_named(history: History) -> None:
    """A row between the archived ones that no message made."""
    kept(history)
    history.client.command(
        "INSERT INTO run_events SELECT * REPLACE (generateUUIDv4() AS event_id, 20 AS kafka_offset) FROM "
        "(SELECT * FROM run_events WHERE kafka_partition = 1 AND kafka_offset = 1)"
    )
    assert said(history) == [("added", f"{RUNS}/1 (broker life)", 20)]


def test_an_altered_entry_is_named(history: History) -> None:
    """Who alters a row and its ledger entry too breaks the chain at that entry, or at the next."""
    kept(history)
    history.client.command(
        "ALTER TABLE ledger UPDATE digests = concat(substring(digests, 1, length(digests) - 1), 'x') "
        "WHERE kafka_topic = 'lineage.runs' AND kafka_partition = 0 AND first_offset = 4 SETTINGS mutations_sync = 1"
    )
    assert ("ledger", f"{RUNS}/0", 4) in said(history)
    history.client.command(
        "ALTER TABLE ledger DELETE WHERE kafka_topic = 'lineage.runs' AND kafka_partition = 1 AND first_offset = 40 "
        "SETTINGS mutations_sync = 1"
    )
    assert ("ledger", f"{RUNS}/1 (broker life)", 80) in said(history)


def test_repeated_messages_stand_in_the_ledger_once(history: History) -> None:
    """What comes again after a crash, in other cuts, adds nothing; what is new of it is added."""
    sent = events(10)
    history.keep(batch(RUNS, sent[:6]))
    history.keep(batch(RUNS, sent[3:10], first=3))
    report = verify(history.client)
    assert (report.found, report.messages, report.entries) == (0, 10, 2)


def test_merged_doubles_are_proved_by_their_twins(history: History) -> None:
    """A client's retry is merged away; the message is not missing, since its twin says the same."""
    [event] = events(1)
    again = {**event, "emit_time": event["emit_time"] + 5, "sequence": 9}
    history.keep(batch(RUNS, [event], first=0))
    history.keep(batch(RUNS, [again], first=1, partition=1))
    history.client.command("OPTIMIZE TABLE run_events FINAL")
    assert history.rows("SELECT count() FROM run_events") == [(1,)]
    report = verify(history.client)
    assert (report.found, report.messages, report.rows, report.merged) == (0, 2, 1, 1)
    history.client.command("TRUNCATE TABLE run_events")
    assert [one.kind for one in verify(history.client).findings] == ["missing", "missing"]


def test_two_workers_on_one_partition_agree(history: History) -> None:
    """A worker that lost a partition without knowing writes its messages a second time: no finding."""
    from headwater.archive import ArchiveStep

    other = ArchiveStep(history.settings, connected=lambda: history.client, send=lambda _: True)
    sent = events(9)
    history.keep(batch(RUNS, sent[:3]))
    other.process(batch(RUNS, sent[3:6], first=3))
    other.flush()
    history.keep(batch(RUNS, sent[3:9], first=3))
    report = verify(history.client)
    assert (report.found, report.messages, report.entries) == (0, 9, 3)


def test_a_partition_that_comes_back_is_chained_on(history: History) -> None:
    """After a rebalance the chain goes on from where the other worker left it."""
    sent = events(9)
    history.keep(batch(RUNS, sent[:3]))
    history.step.revoked({(RUNS, 0)})
    from headwater.archive import ArchiveStep

    other = ArchiveStep(history.settings, connected=lambda: history.client, send=lambda _: True)
    other.process(batch(RUNS, sent[3:6], first=3))
    other.flush()
    history.keep(batch(RUNS, sent[6:9], first=6))
    chains = history.rows("SELECT hex(previous), hex(chain) FROM ledger ORDER BY first_offset")
    assert [chain for _, chain in chains[:-1]] == [previous for previous, _ in chains[1:]]
    assert verify(history.client).whole
