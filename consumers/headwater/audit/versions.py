"""When versions of datasets were written, looked up dataset by dataset.

The rule is that of the view `dataset_versions`: when the run that wrote it ended, else the last event that names it as
written; never where the run of the last such event failed or was aborted. Here each table is read by its sort key or
index, where the view joins all that was ever written with all runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client


def written(client: Client, datasets: Iterable[int], clocks: Clocks = NOW) -> list[tuple[int, int, datetime]]:
    """Dataset, key and time of each version that stands as written, in no order."""
    found: list[tuple[int, int, datetime]] = []
    for some in chunks(sorted(set(datasets))):
        rows = select(client, _written(clocks), {"datasets": some, **clocks.values()})
        found += [(row["dataset"], row["key"], row["written_at"]) for row in rows if row["written_at"] is not None]
    return found


def _written(clocks: Clocks) -> str:
    """Names of the datasets first, from their nodes: uses are sorted by name."""
    names = (
        "SELECT namespace, name FROM nodes WHERE key IN (SELECT min(key) FROM dataset_nodes "
        "WHERE dataset IN {datasets:Array(UInt64)} GROUP BY dataset)"
    )
    uses = (
        "SELECT namespace, name, version, run_id, job_namespace, job_name, event_time, event_id FROM dataset_uses "
        f"WHERE (namespace, name) IN ({names}) AND access = 'write' AND isNotNull(version) AND {clocks.events()}"
    )
    runs = (
        f"SELECT run_id, job_namespace, job_name, state, ended_at FROM {clocks.view('runs')} "
        f"WHERE (job_namespace, job_name) IN (SELECT job_namespace, job_name FROM ({uses})) "
        f"AND run_id IN (SELECT assumeNotNull(run_id) FROM ({uses}) WHERE isNotNull(run_id))"
    )
    last = "(u.event_time, toString(u.event_id))"
    return (
        "SELECT sipHash64(u.namespace, u.name, toUInt8(1), '') AS dataset, "
        "sipHash64(u.namespace, u.name, toUInt8(0), assumeNotNull(u.version)) AS key, "
        f"if(argMax(r.state, {last}) IN ('FAIL', 'ABORT'), NULL, max(ifNull(r.ended_at, u.event_time))) AS written_at "
        f"FROM ({uses}) AS u LEFT JOIN ({runs}) AS r "
        "ON r.run_id = u.run_id AND r.job_namespace = u.job_namespace AND r.job_name = u.job_name "
        "GROUP BY u.namespace, u.name, u.version SETTINGS join_use_nulls = 1"
    )
