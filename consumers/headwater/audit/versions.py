"""When versions of datasets were written, looked up dataset by dataset.

The rule is that of the view `dataset_versions`: when the run that wrote it ended, else the last event that names it as
written; never where the run of the last such event failed or was aborted. Of events of one time that with the largest
event id is the last, of one event its last mention. Here each table is read by its sort key or index, where the view
joins all that was ever written with all runs.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client

#: A condition on tables that are sorted by name. A list in the statement is looked up; as a subquery it costs more.
NAMED: Final = "(namespace, name) IN arrayZip({namespaces:Array(String)}, {names:Array(String)})"

#: A run: its id and its job's namespace and name; two jobs may share an id.
_Run = tuple[uuid.UUID | None, str, str]


def named(names: Iterable[tuple[str, str]]) -> dict[str, object]:
    """The parameters of NAMED."""
    every = list(names)
    return {"namespaces": [namespace for namespace, _ in every], "names": [name for _, name in every]}


def written(
    client: Client, datasets: Iterable[tuple[str, str]], clocks: Clocks = NOW
) -> list[tuple[int, datetime, str, int]]:
    """Dataset, time, text and key of each version of the datasets that stands as written, in no order."""
    uses: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for some in chunks(sorted(set(datasets))):
        for row in select(client, _USES + f"AND {clocks.events()} {_GROUPED}", {**named(some), **clocks.values()}):
            uses[row["dataset"], row["key"]].append(row)
    ends = _ends(client, {_run(use) for every in uses.values() for use in every if use["run_id"] is not None}, clocks)
    found: list[tuple[int, datetime, str, int]] = []
    for (dataset, key), every in uses.items():
        last = max(every, key=lambda use: use["latest"])
        if ends.get(_run(last), ("", None))[0] not in ("FAIL", "ABORT"):
            times = (ends[_run(use)][1] if _run(use) in ends else use["latest"][0] for use in every)
            found.append((dataset, max(times), last["version"], key))
    return found


#: The last event of each run that names a version as written.
_USES: Final = (
    "SELECT sipHash64(namespace, name, toUInt8(1), '') AS dataset, "
    "sipHash64(namespace, name, toUInt8(0), assumeNotNull(version)) AS key, assumeNotNull(version) AS version, "
    "run_id, job_namespace, job_name, max((u.event_time, toString(u.event_id), part, position, content)) AS latest "
    f"FROM dataset_uses AS u WHERE {NAMED} AND access = 'write' AND isNotNull(version) "
)
_GROUPED: Final = "GROUP BY namespace, name, version, run_id, job_namespace, job_name"


def _run(use: Mapping[str, Any]) -> _Run:
    return use["run_id"], use["job_namespace"], use["job_name"]


def _ends(client: Client, runs: set[_Run], clocks: Clocks) -> dict[_Run, tuple[str, datetime]]:
    """State and time of the runs that ended.

    As in the view `runs`: of two ends the one of the earlier event time stands, then of the smaller event id; an end in
    parts counts once all of them are there. Without an end, a run's state changes nothing here.
    """
    sql = (
        "SELECT assumeNotNull(run_id) AS run_id, job_namespace, job_name, "
        "groupUniqArray((e.event_time, toString(e.event_id), e.run_state, e.parts, e.part)) AS every, "
        "arraySort(arrayFilter(x -> x.3 IN ('COMPLETE', 'FAIL', 'ABORT') AND length(arrayDistinct(arrayMap(y -> y.5, "
        "arrayFilter(y -> y.2 = x.2 AND y.4 = x.4, every)))) >= x.4, every)) AS whole, "
        "whole[1].1 AS ended_at, whole[1].3 AS state FROM run_events AS e "
        "WHERE (job_namespace, job_name) IN arrayZip({job_namespaces:Array(String)}, {job_names:Array(String)}) "
        "AND assumeNotNull(e.run_id) IN {runs:Array(UUID)} AND isNotNull(e.run_id) "
        f"AND (e.run_state IN ('COMPLETE', 'FAIL', 'ABORT') OR e.parts > 1) AND {clocks.events()} "
        "GROUP BY e.run_id, job_namespace, job_name HAVING notEmpty(whole)"
    )
    found: dict[_Run, tuple[str, datetime]] = {}
    for some in chunks(sorted(runs, key=str)):
        jobs = sorted({(namespace, name) for _, namespace, name in some})
        values = {
            "runs": [run for run, _, _ in some],
            "job_namespaces": [namespace for namespace, _ in jobs],
            "job_names": [name for _, name in jobs],
        }
        for row in select(client, sql, {**values, **clocks.values()}):
            found[_run(row)] = (row["state"], row["ended_at"])
    return found
