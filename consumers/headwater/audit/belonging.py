"""What the views `dataset_versions_at` and `runs_at` say of what a question found, read by look-ups.

What names a version as written is looked up by its dataset's name, and the runs that wrote by their jobs and ids. When
a version was written is worked out here, by the rule of the view: when the run that wrote it ended, else when the last
event named it; never where the run of that event failed or was aborted.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from headwater.audit.literal import Told, literal, told
from headwater.audit.near import NEAR
from headwater.audit.pruned import RUN, known, run_columns, runs, then
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client
from headwater.audit.walking import Reached

_WORD: Final = re.compile(r"\w+")
_SENT: Final = re.compile(r"\{(\w+):")
#: Runs that one statement looks up: each takes 40 bytes of a parameter.
_RUNS: Final = 3000

#: A run: its id and its job's namespace and name; two jobs may share an id.
_Run = tuple[uuid.UUID | None, str, str]

#: The last use of a version, as the view takes it.
_LAST: Final = "(u.event_time, toString(u.event_id), u.part, u.position, u.content)"
#: What a version's row says beside its key, by column: its type, and what of its uses says it.
_VERSION: Final[Mapping[str, tuple[str, str]]] = {
    "namespace": ("String", ""),
    "name": ("String", ""),
    "version": ("String", ""),
    "version_origin": ("Nullable(String)", ""),
    "run_id": ("Nullable(UUID)", ""),
    "job_namespace": ("Nullable(String)", ""),
    "job_name": ("Nullable(String)", ""),
    "written_at": ("Nullable(DateTime64(6, 'UTC'))", ""),
    "rows": ("Nullable(Int64)", f"argMaxIf(u.rows, {_LAST}, isNotNull(u.rows))"),
    "fingerprint_algorithm": (
        "Nullable(String)",
        f"argMaxIf(u.fingerprint_algorithm, {_LAST}, u.fingerprint_algorithm != '')",
    ),
    # Bytes, which no text of the client holds.
    "fingerprint_digest": (
        "Nullable(String)",
        f"hex(argMaxIf(u.fingerprint_digest, {_LAST}, u.fingerprint_algorithm != ''))",
    ),
}


class _Ended(NamedTuple):
    state: str
    ended_at: datetime | None


class Belonging:
    """What belongs to a question's nodes.

    `near`: of which views what. `clocks`: the names of the parameters that say at and known_at; one that is not there
    says all time. `sent`: the parameters, which grow.
    """

    def __init__(
        self, client: Client, sql: str, near: Mapping[str, str], clocks: Mapping[str, str], sent: dict[str, Any]
    ) -> None:
        self._client = client
        self._words = set(_WORD.findall(sql))
        self._near = near
        self._clocks = clocks
        self._sent = sent

    def literals(self, keys: Collection[int], nodes: Iterable[Reached]) -> dict[str, str]:
        """By view, what stands in its place. `keys`: of the versions; `nodes`: those that nobody may have written.

        `runs` is left out where its rows are too many to send; which they are is in what is sent.
        """
        newest = self._near.get("dataset_versions") == "newest"
        uses = [use for use in self._uses(every=newest) if newest or use["key"] in keys]
        writers = {_run(by) for use in uses for by in use["by"] if by[0] is not None}
        jobs = sorted({(namespace, name) for _, namespace, name in writers})
        self._sent |= {
            "near_runs": sorted({run for run, _, _ in writers if run is not None}),
            "near_job_namespaces": [namespace for namespace, _ in jobs],
            "near_jobs": [name for _, name in jobs],
        }
        found: dict[str, str] = {}
        ends: dict[_Run, _Ended] = {}
        rows = self._runs(writers) if "runs" in self._near else None
        if rows is None:
            ends = self._ends()
        else:
            ends, every = rows
            found["runs"] = every.literal("near_of", self._sent)
        for use in uses:
            use["written_at"] = _written_at(use, ends)
        if newest:
            uses = _newest(uses, keys)
        if "dataset_versions" in self._near:
            found["dataset_versions"] = self._versions(uses, nodes)
        return found

    def _uses(self, *, every: bool) -> list[dict[str, Any]]:
        """By version who wrote it last, and when who named it as written. `every`: all versions of the datasets."""
        said = "".join(f", {of} AS of_{name}" for name, (_, of) in _VERSION.items() if of and name in self._words)
        return self._select(
            "SELECT namespace, name, assumeNotNull(version) AS of_version, "
            "sipHash64(namespace, name, toUInt8(0), of_version) AS key, "
            f"argMax((u.run_id, u.job_namespace, u.job_name), {_LAST}) AS last, "
            f"groupUniqArray((u.run_id, u.job_namespace, u.job_name, u.event_time)) AS by{said} "
            f"FROM dataset_uses AS u WHERE {NEAR['datasets']} AND access = 'write' AND isNotNull(version) "
            + "AND version IN {near_versions:Array(String)} " * (not every)
            + f"AND {then(self._clocks, 'u.')} GROUP BY namespace, name, version"
        )

    def _runs(self, writers: Collection[_Run]) -> tuple[dict[_Run, _Ended], Told] | None:
        """The runs that belong, and how those that wrote stand; None where they are too many."""
        where = NEAR[self._near["runs"]]
        columns = [*RUN, *sorted((self._words & run_columns()) - set(RUN))]
        sql = runs(where, self._clocks, columns)
        if len(writers) > _RUNS or (rows := told(self._client, sql, columns, RUN, self._needed(sql))) is None:
            return None
        every, keys = rows
        if self._near["runs"] == "before":
            chosen = _before(keys, writers)
            every = every._replace(rows=[row for place, row in enumerate(every.rows) if place in chosen])
        return {_run(key): _Ended(*key[3:]) for key in keys}, every

    def _ends(self) -> dict[_Run, _Ended]:
        """How the runs that wrote stand."""
        found: dict[_Run, _Ended] = {}
        sql = f"SELECT * FROM {runs(NEAR['runs'], self._clocks, ())}"
        for some in chunks(self._sent["near_runs"], _RUNS):
            for row in select(self._client, sql, self._needed(sql) | {"near_runs": some}):
                found[row["run_id"], row["job_namespace"], row["job_name"]] = _Ended(row["state"], row["ended_at"])
        return found

    def _versions(self, uses: Iterable[dict[str, Any]], nodes: Iterable[Reached]) -> str:
        """In place of `dataset_versions_at`: what was written, and the nodes that nobody wrote."""
        rows = {use["key"]: use for use in uses}
        for use in rows.values():
            use.update(zip(RUN, use["last"], strict=False))
            use.update({name: use[f"of_{name}"] for name in _VERSION if f"of_{name}" in use})
        for node in nodes:
            if node.version is not None and node.key not in rows:
                rows[node.key] = {**node._asdict(), **dict.fromkeys(_SAID)}
        # Without a clock each node is there.
        if "version_origin" in self._words or "known_at" in self._clocks:
            origins = self._origins(rows)
            rows = {key: {**row, "version_origin": origins[key]} for key, row in rows.items() if key in origins}
        kinds = {name: kind for name, (kind, _) in _VERSION.items() if name in self._words}
        every = [[row[name] for name in kinds] + [key] for key, row in rows.items()]
        text = literal("near_version", {**kinds, "key": "UInt64"}, every, self._sent)
        if "fingerprint_digest" in kinds:
            text = f"(SELECT * REPLACE (unhex(fingerprint_digest) AS fingerprint_digest) FROM {text})"
        return text

    def _origins(self, keys: Iterable[int]) -> dict[int, str | None]:
        """Where the versions that were known then come from, by key."""
        seen = known(self._clocks, "n.")
        sql = (
            f"SELECT key, argMaxIf(n.version_origin, n.version_origin, {seen}) AS origin FROM nodes AS n "
            f"WHERE key IN {{keys:Array(UInt64)}} GROUP BY key HAVING countIf({seen}) > 0"
        )
        found: dict[int, str | None] = {}
        for some in chunks(sorted(keys)):
            rows = select(self._client, sql, self._needed(sql) | {"keys": some})
            found |= {row["key"]: row["origin"] for row in rows}
        return found

    def _select(self, sql: str) -> list[dict[str, Any]]:
        return select(self._client, sql, self._needed(sql))

    def _needed(self, sql: str) -> dict[str, Any]:
        return {name: self._sent[name] for name in _SENT.findall(sql) if name in self._sent}


#: What of a version is null where nobody wrote it.
_SAID: Final = tuple(name for name in _VERSION if name not in ("namespace", "name", "version"))


def _run(key: tuple[Any, ...]) -> _Run:
    return key[0], key[1], key[2]


def _written_at(use: Mapping[str, Any], ends: Mapping[_Run, _Ended]) -> datetime | None:
    last = ends.get(_run(use["last"]))
    if last is not None and last.state in ("FAIL", "ABORT"):
        return None
    named = ((ends.get(_run(by)), by[3]) for by in use["by"])
    return max(at if end is None or end.ended_at is None else end.ended_at for end, at in named)


def _newest(uses: Iterable[dict[str, Any]], keys: Collection[int]) -> list[dict[str, Any]]:
    """The versions of these keys, and of each dataset those of all others that were written last."""
    kept = [use for use in uses if use["key"] in keys]
    others: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for use in uses:
        if use["key"] not in keys and use["written_at"] is not None:
            others[use["namespace"], use["name"]].append(use)
    for every in others.values():
        last = max(use["written_at"] for use in every)
        kept += [use for use in every if use["written_at"] == last]
    return kept


def _before(keys: list[tuple[Any, ...]], writers: Collection[_Run]) -> set[int]:
    """The places of the runs that wrote, and of those of the same job that ended with each and directly before it."""
    by_job: dict[tuple[str, str], dict[datetime, list[int]]] = defaultdict(lambda: defaultdict(list))
    wrote: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for place, key in enumerate(keys):
        if key[4] is not None:
            by_job[key[1], key[2]][key[4]].append(place)
            if _run(key) in writers:
                wrote[key[1], key[2]].add(key[4])
    chosen: set[int] = set()
    for job, ended in wrote.items():
        times = sorted(by_job[job])
        for number, at in enumerate(times):
            if at in ended:
                for time in times[max(number - 1, 0) : number + 1]:
                    chosen.update(by_job[job][time])
    return chosen
