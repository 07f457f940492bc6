"""The plain path: events decoded one by one and folded into units, for runs that are not ordinary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.schemas import plain, records
from headwater.schemas.framing import read_header
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES
from headwater.stitching.edge_sets import edge_sets
from headwater.stitching.facts import Description, Facts, Node, Scope, Written, read_facts
from headwater.stitching.unit import Unit
from headwater.streams import Output

_UNKNOWN = Description(None, "table")
#: What a unit takes beside its messages; a message's text as objects; an edge kept by itself. Bytes, about.
_UNIT, _TIMES, _MESSAGE, _EDGE = 4096, 4, 512, 300


@dataclass(slots=True)
class Folded:
    """All that came under one key, folded: a unit for each job in it.

    `log`: what was new in each message that said anything new, in order of arrival, with the message's offset and
    digest. `serial`: the chunk that touched it last. `covered`: messages before this offset are on the state topic.
    """

    units: dict[Scope, Unit] = field(default_factory=dict[Scope, Unit])
    log: list[tuple[int, int, Facts]] = field(default_factory=list[tuple[int, int, Facts]])
    arrivals: dict[Scope, int] = field(default_factory=dict[Scope, int])
    serial: int = -1
    covered: int = 0
    texts: int = 0

    @property
    def ended(self) -> bool:
        return all(unit.ended for unit in self.units.values())

    @property
    def size(self) -> int:
        """What it takes in memory, about."""
        edges = sum(unit.edge_count for unit in self.units.values())
        return _UNIT * len(self.units) + _TIMES * self.texts + _MESSAGE * len(self.log) + _EDGE * edges

    def prune(self, ended_before: int, open_before: int) -> None:
        """Forget units by when they were touched: a key that many runs share would be kept for ever."""
        old = {
            scope
            for scope, unit in self.units.items()
            if self.arrivals[scope] < (ended_before if unit.ended else open_before)
        }
        if not old:
            return
        for scope in old:
            del self.units[scope], self.arrivals[scope]
        self.log = [one for one in self.log if one[2].scope not in old]


def read(writer: Schema, message: bytes) -> Facts:
    """What a message, whose body is proved, says."""
    current = records.current("run_event")
    body = message[read_header(message).length :]
    return read_facts(plain.decode_proved(writer, body, None if writer == current else current))


def fold(run: Folded, facts: Facts, offset: int, digest: int, length: int, arrival: int) -> None:
    """Add what a message of so many bytes says, in order of arrival."""
    unit = run.units.get(facts.scope)
    if unit is None:
        unit = run.units[facts.scope] = Unit(facts.scope)
    news = unit.add(facts)
    run.arrivals[facts.scope] = arrival
    if news is not None:
        run.log.append((offset, digest, news))
        run.texts += length


def said(run: Folded, key: bytes, producer_id: bytes, now_us: int) -> list[Output]:
    """What became known or was withdrawn since the last call."""
    return [
        Output(EDGES.name, key, message)
        for unit in run.units.values()
        if (changes := unit.changes.take())
        for message in edge_sets(
            unit.scope, unit.state, changes, unit.described, producer_id=producer_id, now_us=now_us
        )
    ]


def messages(run: Folded, below: int) -> tuple[list[int], list[bytes]]:
    """Messages before an offset that say what the run was told, with their offsets: folded, they make the run anew."""
    schema = records.current("run_event")
    log = [one for one in run.log if one[0] < below]
    return [offset for offset, _, _ in log], [
        plain.message(schema, _event(facts, run.units[facts.scope].described)) for _, _, facts in log
    ]


def _event(facts: Facts, described: Mapping[Node, Description]) -> dict[str, Any]:
    scope, links = facts.scope, {link.kind: link for link in facts.links}
    run: dict[str, Any] | None = None
    if scope.run_id is not None:
        run = {"run_id": scope.run_id, "state": facts.state}
        run |= {
            kind: {"run_id": link.run_id, "job_namespace": link.job_namespace, "job_name": link.job_name}
            for kind, link in links.items()
            if kind != "message"
        }
        wanted = ("run_id", "trace_id", "span_id", "topic", "partition", "offset")
        run["links"] = [
            {name: getattr(link, name) for name in wanted} for link in facts.links if link.kind == "message"
        ]
    return {
        "emit_time": 0,
        "producer_id": bytes(16),
        "sequence": 0,
        "event_id": facts.event.event_id,
        "event_time": facts.event.event_time,
        "part": facts.part,
        "parts": facts.parts,
        "kind": facts.kind,
        "run": run,
        "job": {"namespace": scope.namespace, "name": scope.name} if scope.namespace or scope.name else None,
        "inputs": [_dataset(node, described) for node in facts.reads],
        "outputs": [_output(written, described) for written in facts.writes],
    }


def _dataset(node: Node, described: Mapping[Node, Description]) -> dict[str, Any]:
    origin, kind = described.get(node, _UNKNOWN)
    return {**node._asdict(), "version_origin": origin, "kind": kind}


def _output(written: Written, described: Mapping[Node, Description]) -> dict[str, Any]:
    return {
        **_dataset(written.node, described),
        "edges": [source._asdict() for source in written.sources],
        "edges_complete": written.complete,
        "column_lineage": [{**source._asdict(), **row._asdict()} for source, row in written.columns],
    }
