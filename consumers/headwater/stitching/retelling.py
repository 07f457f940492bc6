"""A folded run as messages: what it was told, in the current schema. Folded, they make the run anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from headwater.schemas import pieces, plain, records
from headwater.schemas.framing import single_object_header
from headwater.stitching.facts import Description, EventRef, Facts, Node, Scope, Written
from headwater.stitching.folding import Folded
from headwater.stitching.kernel import products
from headwater.stitching.reads import UNKNOWN
from headwater.stitching.unit import Unit

#: Of a message kept on the state topic: who sent it and when does not count any more.
_UNSAID: Mapping[str, Any] = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0}
#: Bytes at most of an event's id, its time, the counts of its inputs and outputs, the ends of their lists.
_NUMBERS = 16 + 10 + 2 * (10 + 1)
_NO_EVENT = EventRef(bytes(16), 0)


class Retold(NamedTuple):
    """Messages in order of arrival: their offsets and lengths, int64[N] each; `said` joined is all of them."""

    offsets: Any
    lengths: Any
    said: Sequence[memoryview]


def messages(run: Folded, below: int) -> Retold:
    """Messages before an offset that say what the run was told."""
    schema = records.current("run_event")
    told = [
        (offset, plain.message(schema, _event(facts, run.units[facts.scope].described)))
        for offset, _, facts in run.log
        if offset < below
    ]
    numbers = np.array([(offset, len(message)) for offset, message in told], np.int64).reshape(-1, 2)
    parts = [(numbers[:, 0], numbers[:, 1], memoryview(b"".join([message for _, message in told])))]
    parts += [grown for unit in run.units.values() if (grown := _grown(unit, below)) is not None]
    offsets, lengths = np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts])
    ends = np.concatenate([np.cumsum(one[1]) for one in parts])
    part_of = np.repeat(np.arange(len(parts)), [len(one[0]) for one in parts])
    order = np.argsort(offsets, kind="stable")
    # Most stand behind one another already: those are one piece.
    begins = np.flatnonzero((np.diff(order, prepend=-2) != 1) | (np.diff(part_of[order], prepend=-1) != 0))
    first, last = order[begins], order[np.append(begins[1:], len(order)) - 1]
    bounds = zip(part_of[first].tolist(), (ends[first] - lengths[first]).tolist(), ends[last].tolist(), strict=True)
    return Retold(offsets[order], lengths[order], [parts[part][2][start:end] for part, start, end in bounds])


def _grown(unit: Unit, below: int) -> tuple[Any, Any, memoryview] | None:
    """Of the messages of a long run that said nothing but datasets: offsets, lengths, and the messages, put together
    from the bytes of those.
    """
    if unit.grown is None:
        return None
    offsets, reads, writes, of_states, states = unit.grown.kept(below)
    if not len(offsets):
        return None
    head, after_each, after = _around_datasets()
    befores = [_before_inputs(unit.scope, state) for state in states]
    datasets = sum(int(side.firsts[-1] - side.firsts[0]) for side in (reads, writes))
    around = len(head) + max(map(len, befores)) + len(after) + _NUMBERS
    room = len(offsets) * around + reads.nbytes + writes.nbytes + datasets * len(after_each)
    out, ends = np.empty(room, np.uint8), np.empty(len(offsets), np.int64)
    fixed = (_bytes(head), _bytes(b"".join(befores)), np.cumsum([len(one) for one in befores]))
    written = writes.data, writes.ends, writes.firsts
    products.retell(*reads, *written, of_states, *fixed, _bytes(after_each), _bytes(after), out, ends)
    return offsets, np.diff(ends, prepend=0), out.data[: int(ends[-1])]


def _bytes(value: bytes) -> Any:
    return np.frombuffer(value, np.uint8)


@cache
def _around_datasets() -> tuple[bytes, bytes, bytes]:
    """What stands before the event's id, behind each dataset's kind, and behind the outputs."""
    schema = records.current("run_event")
    head = single_object_header(schema) + pieces.run_of(schema, None, "event_id").encode(_UNSAID)
    after_kind = pieces.fields_in(schema, "Dataset", "rows", None)
    return head, after_kind.encode({}), pieces.run_of(schema, "parameters", None).encode({})


def _before_inputs(scope: Scope, state: str) -> bytes:
    """What stands between the event's time and its inputs."""
    said = _event(Facts(scope, _NO_EVENT, 1, 1, "run", state, (), (), (), {}), {})
    return pieces.run_of(records.current("run_event"), "part", "inputs").encode(said)


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
        **_UNSAID,
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
    origin, kind = described.get(node, UNKNOWN)
    return {**node._asdict(), "version_origin": origin, "kind": kind}


def _output(written: Written, described: Mapping[Node, Description]) -> dict[str, Any]:
    return {
        **_dataset(written.node, described),
        "edges": [source._asdict() for source in written.sources],
        "edges_complete": written.complete,
        "column_lineage": [{**source._asdict(), **row._asdict()} for source, row in written.columns],
    }
