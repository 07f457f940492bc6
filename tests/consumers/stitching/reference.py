"""The rules of stitching, plain and slow: the graph as a function of a set of events, and nothing kept.

`current` is the oracle. It is written from consumers/README.md, shares no code with the product, and reads events
as the plain path decodes them. `history` is `current` of every prefix in order of arrival.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
#: ("edge", scope, source, target, explicit), ("column", scope, source, target, fields), ("link", scope, fields)
Fact = tuple[Hashable, ...]
Known = tuple[Fact, bytes]
Identity = tuple[str, str, str | None]


class SaidTwice(Exception):
    """A limit of the contract, stated in consumers/README.md: a fact names its event, not which part of it or which
    of two contents under one id.
    """


TERMINAL = ("COMPLETE", "FAIL", "ABORT")
COLUMN_FIELDS = (
    "column", "target_column", "transformation", "subtype", "description", "masking", "confidence", "captured",
)  # fmt: skip
LINK_FIELDS = (
    "kind", "run_id", "job_namespace", "job_name", "trace_id", "span_id", "topic", "partition", "offset",
)  # fmt: skip


def current(events: Iterable[Event]) -> set[Fact]:
    """What is so, given these events in whatever order and however often."""
    return {fact for said in scopes(events).values() for fact in of_scope(said)}


def history(events: Iterable[Event]) -> dict[Known, bytes | None]:
    """Each fact with the event that made it known, and the event that withdrew it, in order of arrival.

    Raises SaidTwice where one event id makes a fact known a second time, after another withdrew it.
    """
    made: dict[Known, bytes | None] = {}
    for said in scopes(events).values():
        standing: dict[Fact, bytes] = {}
        by_scope: dict[Known, bytes | None] = {}
        for count, event in enumerate(said, 1):
            now = of_scope(said[:count])
            for fact in list(standing):
                if fact not in now:
                    by_scope[fact, standing.pop(fact)] = event["event_id"]
            for fact in now - standing.keys():
                standing[fact] = event["event_id"]
                if (fact, event["event_id"]) in by_scope:
                    raise SaidTwice
                by_scope[fact, event["event_id"]] = None
        made.update(by_scope)
    return made


def state(events: Iterable[Event]) -> str:
    """The state of a run of a job, given its events (rule 8); empty for what is no run."""
    of_run = [event for event in events if event["run"]]
    if not of_run:
        return ""
    ends = [
        (event["event_time"], event["event_id"], event["run"]["state"])
        for event in of_run
        if event["run"]["state"] in TERMINAL and _is_whole(event, of_run)
    ]
    if ends:
        return str(min(ends)[2])
    said = {event["run"]["state"] for event in of_run}
    return next((one for one in ("RUNNING", "START") if one in said), "OTHER")


def described(events: Iterable[Event]) -> dict[Identity, tuple[str | None, str]]:
    """Of each version that is read, written or described: the version origin and the kind that stand (rule 13)."""
    origins: dict[Identity, set[str]] = {}
    kinds: dict[Identity, set[str]] = {}
    for node, origin, kind in statements(events):
        origins.setdefault(node, set()).update([origin] if origin is not None else [])
        kinds.setdefault(node, set()).add(kind)
    return {node: (max(origins[node], default=None), of_kinds(kinds[node])) for node in kinds}


def of_kinds(kinds: set[str]) -> str:
    """Of several kinds the one that stands."""
    return min(kinds - {"", "table"}, default="table")


def statements(events: Iterable[Event]) -> set[tuple[Identity, str | None, str]]:
    """What events say of the versions that they read, write or describe."""
    said: set[tuple[Identity, str | None, str]] = set()
    for event in events:
        writer = event["run"]["run_id"] if event["run"] else None
        said |= {(_identity(one), one["version_origin"], one["kind"]) for one in event["inputs"]}
        for one in event["outputs"]:
            origin = "run" if one["version"] is None and writer is not None else one["version_origin"]
            said.add((_identity(one, writer), origin, one["kind"]))
    return said


def scopes(events: Iterable[Event]) -> dict[Hashable, list[Event]]:
    """The events by what they speak of: a run of a job; without a run, an event stands for itself."""
    found: dict[Hashable, list[Event]] = {}
    for event in events:
        run = event["run"]
        scope = ("run", run["run_id"], _job(event)) if run else ("event", event["event_id"], _job(event))
        found.setdefault(scope, []).append(event)
    return found


def _job(event: Event) -> tuple[str, str]:
    job = event["job"]
    return (job["namespace"], job["name"]) if job else ("", "")


def _identity(dataset: Mapping[str, Any], writer: bytes | None = None) -> Identity:
    version = dataset["version"]
    if version is None and writer is not None:
        version = f"run:{uuid.UUID(bytes=writer)}"
    return dataset["namespace"], dataset["name"], version


def of_scope(events: list[Event]) -> set[Fact]:
    """What the events of one scope make so, all taken together."""
    run_id = events[0]["run"]["run_id"] if events[0]["run"] else None
    scope = (run_id, *_job(events[0]))
    reads = {_identity(d) for e in events for d in e["inputs"]}
    outputs = [(e, d, _identity(d, run_id)) for e in events for d in e["outputs"]]
    # A dataset event describes; it writes nothing.
    writes = {target for e, _, target in outputs if run_id is not None or e["kind"] != "dataset"}

    def meant(source: Mapping[str, Any]) -> set[Identity]:
        raw = _identity(source)
        if raw[2] is not None:
            return {raw}
        return {read for read in reads if read[:2] == raw[:2]} or {raw}

    complete = {target for e, d, target in outputs if d["edges_complete"] and _is_whole(e, events)}
    explicit = {(s, target) for _, d, target in outputs for source in d["edges"] for s in meant(source)}
    columns = {
        (s, target, tuple(row[field] for field in COLUMN_FIELDS))
        for _, d, target in outputs
        for row in d["column_lineage"]
        for s in meant(row)
    }
    product = {(s, target) for s in reads for target in writes if target not in complete}
    pairs = product | {(s, target) for s, target, _ in columns}
    facts: set[Fact] = {("edge", scope, s, target, True) for s, target in explicit}
    facts |= {("edge", scope, s, target, False) for s, target in pairs - explicit}
    facts |= {("column", scope, s, target, fields) for s, target, fields in columns}
    facts |= {("link", scope, *link) for e in events for link in _links(e)}
    if any((run_id is None or e["run"]["state"] in TERMINAL) and _is_whole(e, events) for e in events):
        joined = pairs | explicit
        facts |= {("edge", scope, s, None, False) for s in reads - {s for s, _ in joined}}
        facts |= {("edge", scope, None, t, False) for t in writes - {t for _, t in joined}}
    return facts


def _is_whole(event: Event, events: Iterable[Event]) -> bool:
    """Whether all parts of an event are among these."""
    same = (e for e in events if (e["event_id"], e["parts"]) == (event["event_id"], event["parts"]))
    return bool(event["parts"] <= 1 or len({e["part"] for e in same}) >= event["parts"])


def _links(event: Event) -> Iterable[tuple[Hashable, ...]]:
    run = event["run"]
    if not run:
        return
    for kind in ("parent", "root"):
        if run[kind]:
            ref = run[kind]
            yield (kind, ref["run_id"], ref["job_namespace"], ref["job_name"], None, None, None, None, None)
    for link in run["links"]:
        yield (
            "message", link["run_id"], "", "", link["trace_id"], link["span_id"],
            link["topic"], link["partition"], link["offset"],
        )  # fmt: skip


def said(edge_sets: Iterable[Mapping[str, Any]]) -> dict[Known, bytes | None]:
    """What edge sets say together: each fact with the event that made it known and the one that withdrew it."""
    made: dict[Known, bytes | None] = {}
    for one in edge_sets:
        scope = (one["run_id"], one["job_namespace"], one["job_name"])
        nodes = [_identity(node) for node in one["datasets"]]
        ids: list[bytes] = [event["event_id"] for event in one["events"]]

        def put(fact: Fact, change: Mapping[str, int], ids: list[bytes] = ids) -> None:
            known: Known = (fact, ids[change["known_by"]])
            withdrawn: bytes | None = ids[change["withdrawn_by"]] if change["withdrawn_by"] >= 0 else None
            made[known] = withdrawn or made.get(known)

        def node(index: int, nodes: list[Identity] = nodes) -> Hashable:
            return nodes[index] if index >= 0 else None

        for edge in one["edges"]:
            put(("edge", scope, node(edge["source"]), node(edge["target"]), edge["explicit"]), edge)
        for product in one["products"]:
            for source in product["sources"]:
                for target in product["targets"]:
                    put(("edge", scope, node(source), node(target), False), product)
        for edge in one["column_edges"]:
            fields = tuple(edge[field] for field in COLUMN_FIELDS)
            put(("column", scope, node(edge["source"]), node(edge["target"]), fields), edge)
        for link in one["links"]:
            put(("link", scope, *(link[field] for field in LINK_FIELDS)), link)
    return made


def standing(made: Mapping[Known, bytes | None]) -> set[Fact]:
    """What stands of it."""
    return {fact for (fact, _), withdrawn in made.items() if withdrawn is None}
