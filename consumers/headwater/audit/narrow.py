"""The same question, asked of what a walk finds.

A statement that walks reads all edges in `upstream_at` or `downstream_at`, and then joins whole views to the few nodes
that those give. Here the walk is done by look-ups first, and its nodes stand in the statement as parameters, in place
of the view; of the other views the statement reads only the rows that belong to those nodes. The statement is otherwise
as it is documented, and so is the answer. Which rows of which view belong to the walk, the question says:
`-- near VIEW: what`. Of a question that says `-- near edges: around` the edges into and out of the dataset that its
parameters `namespace` and `name` name are looked up likewise, of one that says `-- near column_edges: below` the steps
that lead down from the column that `column` names; of `-- near dataset_versions: repeated` the versions whose content
another version has too. A question that walks nowhere reads `all` of a view by its text, with the columns that it names
alone, or `doubles` too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from headwater.audit.around import Told, around, versions
from headwater.audit.clocks import END, NOW, Clocks
from headwater.audit.edges import Edges
from headwater.audit.lookup import Nodes
from headwater.audit.model import Direction, Node
from headwater.audit.naming import Names
from headwater.audit.pruned import PRUNED, asked, known, parameter, runs, then
from headwater.audit.repeated import repeated
from headwater.audit.rows import CHUNK, select
from headwater.audit.store import Client
from headwater.audit.tagging import Step, below
from headwater.audit.versions import NAMED, named
from headwater.audit.walking import Reached, reached

_CALL = re.compile(r"\b(\w+)_at\(((?:\w+ = \{\w+:[^{}]+\}(?:, )?)+)\)")
_ARGUMENT = re.compile(r"(\w+) = \{(\w+):")
_WALKS: Mapping[str, Direction] = {"upstream": "up", "downstream": "down"}
_JOBS: Final = "(job_namespace, job_name) IN arrayZip({near_job_namespaces:Array(String)}, {near_jobs:Array(String)})"
_NAMES: Final = "arrayZip({near_namespaces:Array(String)}, {near_names:Array(String)})"

#: What `-- near VIEW: what` may say: the condition that rows of the view meet where they belong to the walk's nodes.
#: `dataset_versions` may also be near its `versions`: those of the nodes, and of no other versions of their datasets.
#: `all` and `doubles`: every row, with `doubles` those that were told twice also twice, where that changes no answer.
NEAR: Final = {
    "all": "true",
    "doubles": "true",
    "datasets": f"(namespace, name) IN {_NAMES}",
    "writes": f"(namespace, name) IN {_NAMES} AND access = 'write'",
    "runs": f"{_JOBS} AND run_id IN {{near_runs:Array(UUID)}}",
    "jobs": _JOBS,
    "predictions": f"(model_namespace, model_name) IN {_NAMES} OR (stream_namespace, stream_name) IN {_NAMES}",
}


def narrowed(
    client: Client, sql: str, values: Mapping[str, Any], near: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Statement and parameters after the walk; as they were where it does not walk, or finds too much to send."""
    if near.get("edges") == "around":
        return _around(client, sql, values)
    if near.get("column_edges") == "below":
        return _below(client, sql, values, near)
    if near.get("dataset_versions") == "repeated":
        alike = repeated(client, CHUNK, _clocks(values["at"], values["known_at"]))
        if alike is None:
            return sql, dict(values)
        return _CALL.sub(lambda call: _of(call, near, sql, values), sql), {**values, **alike}
    if not any(call[1] in _WALKS for call in _CALL.finditer(sql)):
        return _CALL.sub(lambda call: _of(call, near, sql, values), sql), dict(values)
    walks: dict[str, str] = {}
    sent = dict(values)
    nodes: set[Reached] = set()
    steps: dict[tuple[Direction, Clocks], Edges] = {}
    for call in _CALL.finditer(sql):
        if call[1] in _WALKS and call[0] not in walks:
            found = _walked(client, _WALKS[call[1]], _arguments(call[2], values), steps)
            nodes.update(found)
            walks[call[0]] = _rows(f"walk{len(walks)}", found, sent)
    if len(nodes) > CHUNK:
        return sql, dict(values)
    sent |= {f"near_{name}": value for name, value in named({(n.namespace, n.name) for n in nodes}).items()}
    if {"dataset_versions", "runs"} & near.keys():
        sent |= _writers(client, nodes, whole=near.get("dataset_versions") == "datasets")
    return _CALL.sub(lambda call: walks.get(call[0]) or _of(call, near, sql, values), sql), sent


def _around(client: Client, sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    edges: dict[str, str] = {}
    sent = dict(values)
    keys = versions(client, values["namespace"], values["name"])
    for call in _CALL.finditer(sql):
        if call[1] != "edges" or call[0] in edges:
            continue
        clocks = _clocks(**_arguments(call[2], values))
        found = around(client, keys, clocks)
        if len(found) > CHUNK:
            return sql, dict(values)
        edges[call[0]] = _told(f"edges{len(edges)}", found, sent)
    return _CALL.sub(lambda call: edges.get(call[0], call[0]), sql), sent


def _below(client: Client, sql: str, values: Mapping[str, Any], near: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    [edges] = [call for call in _CALL.finditer(sql) if call[1] == "column_edges"]
    root = values["namespace"], values["name"], values["column"]
    clocks = _clocks(**_arguments(edges[2], values))
    steps = below(client, *root, depth=values["depth"], most=CHUNK, clocks=clocks)
    if steps is None:
        return sql, dict(values)
    sent = {**values, **named({(step.target_namespace, step.target_name) for step in steps})}
    sent = {f"near_{name}" if name in ("namespaces", "names") else name: value for name, value in sent.items()}
    sent |= {f"step_{field}": [getattr(step, field) for step in steps] for field in Step._fields}
    zipped = ", ".join(f"{{step_{field}:Array(String)}}" for field in Step._fields)
    # As the view tells them: who reads from it asks for steps that are direct and unmasked.
    shown = ", ".join(f"toNullable(near.{n}) AS {field}" for n, field in enumerate(Step._fields, 1))
    said = "false AS masking, 'DIRECT' AS transformation"
    rows = f"(SELECT {shown}, {said} FROM (SELECT arrayJoin(arrayZip({zipped})) AS near))"
    return _CALL.sub(lambda call: rows if call[1] == "column_edges" else _of(call, near, sql, values), sql), sent


def _told(name: str, found: list[Told], sent: dict[str, Any]) -> str:
    """The edges in place of the view; their values are added to what is sent."""
    fields = {field: f"{name}_{field}" for field in Told._fields}
    sent |= {place: [getattr(one, field) for one in found] for field, place in fields.items()}
    zipped = ", ".join(f"{{{place}:Array({_TOLD.get(field, 'String')})}}" for field, place in fields.items())
    named = ", ".join(f"near.{number} AS {field}" for number, field in enumerate(fields, 1))
    return (
        "(SELECT * EXCEPT micros, fromUnixTimestamp64Micro(micros, 'UTC') AS event_time "
        f"FROM (SELECT {named} FROM (SELECT arrayJoin(arrayZip({zipped})) AS near)))"
    )


_TOLD: Final = {
    "source_version": "Nullable(String)",
    "target_version": "Nullable(String)",
    "run_id": "Nullable(UUID)",
    "micros": "Int64",
}


def _arguments(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[given] for name, given in _ARGUMENT.findall(text)}


def _walked(
    client: Client,
    direction: Direction,
    arguments: Mapping[str, Any],
    steps: dict[tuple[Direction, Clocks], Edges],
) -> tuple[Reached, ...]:
    clocks = _clocks(arguments["at"], arguments["known_at"])
    if (direction, clocks) not in steps:
        names, nodes = Names(client, clocks), Nodes(client, clocks)
        steps[direction, clocks] = Edges(client, direction, names, nodes, columns=False, clocks=clocks)
    root = Node(arguments["namespace"], arguments["name"], arguments["version"])
    return reached(client, root, steps[direction, clocks], arguments["depth"])


def _clocks(at: datetime, known_at: datetime) -> Clocks:
    """What says all time is no clock: the tables of now are looked up faster."""
    return NOW if at >= END and known_at >= END else Clocks(at, known_at)


def _rows(name: str, found: tuple[Reached, ...], sent: dict[str, Any]) -> str:
    """The nodes in place of the view; their values are added to what is sent."""
    fields = {field: f"{name}_{field}" for field in _TYPES}
    sent |= {place: [getattr(one, field) for one in found] for field, place in fields.items()}
    zipped = ", ".join(f"{{{place}:Array({_TYPES[field]})}}" for field, place in fields.items())
    named = ", ".join(f"near.{number} AS {field}" for number, field in enumerate(fields, 1))
    return f"(SELECT {named} FROM (SELECT arrayJoin(arrayZip({zipped})) AS near))"


_TYPES: Final = {
    "namespace": "String",
    "name": "String",
    "version": "Nullable(String)",
    "kind": "String",
    "depth": "UInt32",
    "truncated": "Bool",
    "key": "UInt64",
}


def _writers(client: Client, nodes: set[Reached], *, whole: bool) -> dict[str, Any]:
    """The runs that wrote the nodes and their jobs. `whole`: all that wrote any version of their datasets."""
    versions = sorted({node.version for node in nodes if node.version is not None})
    rows = select(
        client,
        "SELECT DISTINCT assumeNotNull(run_id) AS run_id, job_namespace, job_name FROM dataset_uses "
        f"WHERE {NAMED} AND access = 'write' AND isNotNull(run_id)" + _VERSION * (not whole),
        {**named({(node.namespace, node.name) for node in nodes}), "near_versions": versions},
    )
    jobs = sorted({(row["job_namespace"], row["job_name"]) for row in rows})
    return {
        "near_keys": sorted({node.key for node in nodes}),
        "near_datasets": sorted({node.dataset for node in nodes}),
        "near_versions": versions,
        "near_runs": sorted({row["run_id"] for row in rows}),
        "near_job_namespaces": [namespace for namespace, _ in jobs],
        "near_jobs": [name for _, name in jobs],
    }


def _of(call: re.Match[str], near: Mapping[str, str], sql: str, values: Mapping[str, Any]) -> str:
    """A view, of which only what belongs to the walk is read."""
    what = near.get(call[1])
    if what is None:
        return call[0]
    every: dict[str, str] = dict(_ARGUMENT.findall(call[2]))
    clocks = {name: given for name, given in every.items() if values[given] < END}
    if call[1] == "dataset_versions":
        return _versions(clocks, whole=what == "datasets")
    if call[1] in PRUNED:
        return asked(call[1], NEAR[what], clocks, sql, doubles=what == "doubles")
    arguments = ", ".join(f"{name} = {parameter(every, name)}" for name in every)
    return f"(SELECT * FROM {call[1]}_at({arguments}) WHERE {NEAR[what]})"


_VERSION: Final = " AND version IN {near_versions:Array(String)}"
_OF_DATASETS: Final = "(SELECT key FROM dataset_nodes WHERE dataset IN {near_datasets:Array(UInt64)})"


def _versions(clocks: Mapping[str, str], *, whole: bool) -> str:
    """What `dataset_versions_at` says of the nodes, or of all versions of their datasets.

    The view joins all that was ever written with all runs, and its conditions do not reach below that; here they stand
    where the tables are read.
    """
    keys = _OF_DATASETS if whole else "{near_keys:Array(UInt64)}"
    last = "(u.event_time, toString(u.event_id), u.part, u.position, u.content)"
    return f"""(
    SELECT
        n.namespace AS namespace, n.name AS name, assumeNotNull(n.version) AS version,
        n.version_origin AS version_origin,
        w.run_id AS run_id, w.job_namespace AS job_namespace, w.job_name AS job_name,
        if(w.state IN ('FAIL', 'ABORT'), NULL, w.written_at) AS written_at,
        w.rows AS rows, w.fingerprint_algorithm AS fingerprint_algorithm,
        w.fingerprint_digest AS fingerprint_digest, n.key AS key
    FROM
    (
        SELECT o.key AS key, any(o.namespace) AS namespace, any(o.name) AS name, any(o.version) AS version,
            argMaxIf(o.version_origin, o.precedence, {known(clocks, "o.")}) AS version_origin
        FROM nodes AS o WHERE key IN {keys} GROUP BY o.key
        HAVING isNotNull(version) AND countIf({known(clocks, "o.")}) > 0
    ) AS n
    LEFT JOIN
    (
        SELECT
            u.namespace AS namespace, u.name AS name, u.version AS version,
            argMax(tuple(u.run_id), {last}).1 AS run_id,
            argMax(u.job_namespace, {last}) AS job_namespace,
            argMax(u.job_name, {last}) AS job_name,
            argMax(tuple(r.state), {last}).1 AS state,
            max(ifNull(r.ended_at, u.event_time)) AS written_at,
            argMaxIf(u.rows, {last}, isNotNull(u.rows)) AS rows,
            argMaxIf(u.fingerprint_algorithm, {last}, u.fingerprint_algorithm != '') AS fingerprint_algorithm,
            argMaxIf(u.fingerprint_digest, {last}, u.fingerprint_algorithm != '') AS fingerprint_digest
        FROM
        (
            SELECT namespace, name, version, run_id, job_namespace, job_name, rows, fingerprint_algorithm,
                fingerprint_digest, event_time, event_id, part, position, content
            FROM dataset_uses
            WHERE {NEAR["datasets"]} AND access = 'write' AND isNotNull(version){_VERSION * (not whole)}
                AND {then(clocks)}
        ) AS u
        LEFT JOIN {runs(NEAR["jobs" if whole else "runs"], clocks, [])} AS r
            ON r.run_id = u.run_id AND r.job_namespace = u.job_namespace AND r.job_name = u.job_name
        GROUP BY u.namespace, u.name, u.version
    ) AS w ON w.namespace = n.namespace AND w.name = n.name AND w.version = n.version
    SETTINGS join_use_nulls = 1
)"""
