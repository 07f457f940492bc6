"""The history at 1M or 10M events: questions, walks and bytes, on the store that the embedded stack uses."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from headwater.audit import connect
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.migrations import migrate
from headwater.settings import Settings
from tests.backends.embedded_store import EmbeddedStore
from tests.benchmarks.history.cases import asked, known, questions, walks
from tests.benchmarks.history.graph import Maker, shapes
from tests.benchmarks.history.postgres import compared

HELP = "questions, walks and bytes on a made history (--events 1000000 or 10000000; --folder keeps it)"
#: A question that takes longer than this is asked no more often; its one time is the figure.
PATIENCE = 10.0


def run(arguments: argparse.Namespace) -> None:
    events = arguments.events // (10 if arguments.quick else 1)
    turns = 3 if arguments.quick else 20
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary) / f"history-{events}"
        folder.mkdir(parents=True, exist_ok=True)
        store = EmbeddedStore(folder)
        store.start()
        try:
            settings = Settings(store_url=store.url, store_user=store.user, store_password=store.password)
            _measure(settings, events, turns, arguments.only)
        finally:
            store.stop()


def _measure(settings: Settings, events: int, turns: int, only: str) -> None:
    bare = connect(settings, database=False)
    migrate(bare, settings)
    bare.close()
    client = connect(settings)
    maker = Maker(client, events)
    if not select(client, "SELECT 1 FROM run_events LIMIT 1"):
        started = time.perf_counter()
        maker.fill()
        shapes(maker)
        _say(f"made {events:,} events in {time.perf_counter() - started:.0f} s")
    _settle(client)
    _sizes(client)
    reader = connect(Settings(store_url=settings.store_url))
    facts = known(client, maker, turns)
    if only in ("", "questions"):
        _say("\n| question | median, ms | p95, ms | rows |\n|---|---|---|---|")
        for name in questions(facts, 0):
            cases = [asked(reader, name, questions(facts, turn)[name]) for turn in range(turns)]
            times, answer = timed(cases)
            _say(f"| `{name}` | {_shown(times)} | {len(getattr(answer, 'rows', ()))} |")
    if only in ("", "walks"):
        _say("\n| walk | median, ms | p95, ms |\n|---|---|---|")
        found: dict[str, float] = {}
        for name, case in walks(reader, maker).items():
            times, _ = timed([case] * turns)
            found[name] = statistics.median(times) if times else 0.0
            _say(f"| {name} | {_shown(times)} |")
        compared(client, found, _say)


def timed(cases: Sequence[Callable[[], object]]) -> tuple[list[float], object]:
    """Seconds of each case, the first one once before that (warm); the last answer."""
    started = time.perf_counter()
    try:
        answer = cases[0]()
    except Exception as error:
        _say(f"<!-- {type(error).__name__}: {str(error)[:300]} -->")
        return [], None
    first = time.perf_counter() - started
    if first > PATIENCE:
        return [first], answer
    times: list[float] = []
    for case in cases:
        started = time.perf_counter()
        try:
            answer = case()
        except Exception as error:
            _say(f"<!-- a turn failed: {type(error).__name__}: {str(error)[:300]} -->")
            return [], None
        times.append(time.perf_counter() - started)
        if sum(times) > 3 * PATIENCE:
            break
    return times, answer


def _shown(times: Sequence[float]) -> str:
    if not times:
        return "failed | failed"
    ordered = sorted(times)
    return f"{statistics.median(times) * 1000:,.1f} | {ordered[int(0.95 * (len(ordered) - 1))] * 1000:,.1f}"


def _settle(client: Client) -> None:
    """Merge every table's parts, as those of a history that has stood for a while are."""
    for row in select(client, _PARTS):
        client.command(f"OPTIMIZE TABLE {row['table']} FINAL SETTINGS optimize_skip_merged_partitions = 1")


_PARTS = (
    "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
    "WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC"
)
_COLUMNS = (
    "SELECT table, column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns "
    "WHERE active AND database = currentDatabase() GROUP BY table, column ORDER BY table, bytes DESC"
)
_EDGES = ("edges_by_target", "column_edges_by_target", "edges_by_source")
#: Ends that only a column edge has: what it takes of `edges_by_source`, where a dataset edge has its own.
_COLUMNS_ALONE = (
    "SELECT count() AS many FROM (SELECT source, target FROM column_edges_by_target WHERE source != 0 AND target != 0 "
    "EXCEPT SELECT source, target FROM edges_by_target)"
)


def _sizes(client: Client) -> None:
    tables = {row["table"]: (row["rows"], row["bytes"]) for row in select(client, _PARTS)}
    columns = select(client, _COLUMNS)
    _say("\n| table | rows | bytes a row | of that, by column |\n|---|---|---|---|")
    for table, (rows, size) in tables.items():
        if rows < 1000:
            continue
        mine = [(row["column"], row["bytes"] / rows) for row in columns if row["table"] == table]
        shares = ", ".join(f"{name} {share:.1f}" for name, share in mine[:8])
        _say(f"| `{table}` | {rows:,} | {size / rows:.1f} | {shares} |")
    events = sum(tables.get(name, (0, 0))[0] for name in ("run_events", "prediction_events"))
    kept = sum(size for name, (_, size) in tables.items() if name not in _EDGES and name != "edge_set_events")
    _say(f"\nBytes an event, edges not counted: {kept / max(events, 1):.0f} (bar: 250).")
    ends, of_ends = tables.get("edges_by_source", (0, 0))
    alone = select(client, _COLUMNS_ALONE)[0]["many"]
    for table, many in (("edges_by_target", ends - alone), ("column_edges_by_target", alone)):
        rows, size = tables.get(table, (0, 0))
        size += of_ends * many // max(ends, 1)
        _say(f"Bytes an edge, {table} and its ends by the source: {size / max(rows, 1):.1f} (bar: 80); {rows:,} edges.")


def _say(text: str) -> None:
    print(text, flush=True)
    sys.stdout.flush()
