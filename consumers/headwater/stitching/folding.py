"""The plain path: events decoded one by one and folded into units, for runs that are not ordinary."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.schemas import plain, records
from headwater.schemas.framing import read_header
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES
from headwater.stitching.edge_sets import edge_sets
from headwater.stitching.facts import read_facts
from headwater.stitching.runs import Folded
from headwater.stitching.unit import Unit
from headwater.streams import Output


def fold(run: Folded, messages: Iterable[tuple[Schema, bytes]]) -> None:
    """Add messages, each of its writer schema, in order of arrival."""
    current = records.current("run_event")
    for writer, message in messages:
        body = message[read_header(message).length :]
        facts = read_facts(plain.decode(writer, body, None if writer == current else current))
        unit = run.units.get(facts.scope)
        if unit is None:
            unit = run.units[facts.scope] = Unit(facts.scope)
        unit.add(facts)


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
