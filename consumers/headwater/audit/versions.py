"""Which version of a dataset stood at a time, looked up dataset by dataset.

The rule is that of the view `dataset_versions`: a version was written when the run that wrote it ended, else at the
last event that names it as written; never where the run of the last such event failed or was aborted. Of events of one
time that with the largest event id is the last, of one event its last mention. Here each table is read by its sort key,
where the view joins all that was ever written with all runs, and the store picks what is asked for: of a dataset that
is written every hour one row comes for each time, not all of its versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from headwater.audit.clocks import END, NOW, Clocks
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client

#: A condition on tables that are sorted by name. A list in the statement is looked up; as a subquery it costs more.
NAMED: Final = "(namespace, name) IN arrayZip({namespaces:Array(String)}, {names:Array(String)})"


def named(names: Iterable[tuple[str, str]]) -> dict[str, object]:
    """The parameters of NAMED."""
    every = list(names)
    return {"namespaces": [namespace for namespace, _ in every], "names": [name for _, name in every]}


class Version(NamedTuple):
    """A version as written, ordered as they stand: of versions written at one time that with the last text."""

    written_at: datetime
    version: str
    key: int


def stood(
    client: Client, asked: Mapping[tuple[str, str], Iterable[datetime]], clocks: Clocks = NOW
) -> dict[tuple[str, str, datetime], Version]:
    """By namespace, name and time, the version that stood then; where none did, nothing.

    `asked`: the times by the datasets' namespaces and names.
    """
    found: dict[tuple[str, str, datetime], Version] = {}
    pairs = sorted({(*name, at) for name, times in asked.items() for at in times})
    for some in chunks(pairs):
        names = {(namespace, name) for namespace, name, _ in some}
        values = {
            **named(sorted(names)),
            "at_namespaces": [namespace for namespace, _, _ in some],
            "at_names": [name for _, name, _ in some],
            "micros": [(at - _EPOCH) // _MICROSECOND for _, _, at in some],
        }
        for row in select(client, _stood(clocks), {**values, **clocks.values()}):
            number: int = row["number"]
            found[some[number - 1]] = Version(row["written_at"], row["version"], row["key"])
    return found


def last(client: Client, datasets: Iterable[tuple[str, str]], clocks: Clocks = NOW) -> Version | None:
    """Of all versions of these datasets, that which was written last."""
    every = stood(client, {dataset: [END] for dataset in datasets}, clocks)
    return max(every.values(), default=None)


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
_MICROSECOND: Final = timedelta(microseconds=1)
_ASKED: Final = (
    "SELECT x.1 AS namespace, x.2 AS name, fromUnixTimestamp64Micro(x.3, 'UTC') AS at, x.4 AS number FROM ("
    "SELECT arrayJoin(arrayZip({at_namespaces:Array(String)}, {at_names:Array(String)}, {micros:Array(Int64)}, "
    "arrayEnumerate({micros:Array(Int64)}))) AS x)"
)


def _stood(clocks: Clocks) -> str:
    """The statement: what was asked, joined to the versions as they were written.

    Ends of runs are as in the view `runs`: of two ends the one of the earlier event time stands, then of the smaller
    event id; an end in parts counts once all of them are there. Without an end, a run's state changes nothing here.
    """
    of = f"{NAMED} AND access = 'write' AND isNotNull(version) AND {clocks.events()}"
    job = "sipHash64(job_namespace, job_name)"
    uses = (
        f"SELECT namespace, name, assumeNotNull(version) AS of, run_id AS run, {job} AS job, "
        "max((event_time, toString(event_id), part, position, content)) AS latest "
        f"FROM dataset_uses WHERE {of} GROUP BY namespace, name, version, run_id, job"
    )
    ends = (
        f"SELECT assumeNotNull(run_id) AS run, {job} AS job, "
        "groupUniqArray((event_time, toString(event_id), run_state, parts, part)) AS every, "
        "arraySort(arrayFilter(x -> x.3 IN ('COMPLETE', 'FAIL', 'ABORT') AND length(arrayDistinct(arrayMap(y -> y.5, "
        "arrayFilter(y -> y.2 = x.2 AND y.4 = x.4, every)))) >= x.4, every)) AS whole "
        "FROM run_events WHERE isNotNull(run_id) AND (run_state IN ('COMPLETE', 'FAIL', 'ABORT') OR parts > 1) "
        f"AND (job_namespace, job_name) IN (SELECT DISTINCT job_namespace, job_name FROM dataset_uses WHERE {of}) "
        f"AND {clocks.events()} GROUP BY run_id, job HAVING notEmpty(whole)"
    )
    written = (
        "SELECT u.namespace AS namespace, u.name AS name, u.of AS version, "
        "max(if(notEmpty(e.whole), e.whole[1].1, u.latest.1)) AS written_at, argMax(e.whole[1].3, u.latest) AS state "
        f"FROM ({uses}) AS u LEFT JOIN ({ends}) AS e ON e.run = u.run AND e.job = u.job "
        "GROUP BY namespace, name, version HAVING state NOT IN ('FAIL', 'ABORT')"
    )
    versions = (
        f"SELECT namespace, name, written_at, max(version) AS of FROM ({written}) GROUP BY namespace, name, written_at"
    )
    return (
        "SELECT a.number AS number, v.written_at AS written_at, v.of AS version, "
        "sipHash64(v.namespace, v.name, toUInt8(0), v.of) AS key "
        f"FROM ({_ASKED}) AS a ASOF JOIN ({versions}) AS v "
        "ON v.namespace = a.namespace AND v.name = a.name AND v.written_at <= a.at SETTINGS join_use_nulls = 0"
    )
