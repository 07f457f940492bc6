"""The rules over archived events: pages into the stitching step, its edge sets into the work tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from headwater.archive.inserting import freeze, insert
from headwater.archive.landing import landings
from headwater.archive.packing import Row
from headwater.errors import StateError
from headwater.rebuild.events import PAGE, Event, pages
from headwater.rebuild.work_tables import LANDING, Work
from headwater.schemas import topics
from headwater.schemas.codec import Bodies
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.schemas.records import Schema, current
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.streams import Batch, Group, Output, Step

#: A rebuild forgets no run while it reads it, and puts none away: a page is all that it holds.
_FOR_EVER: Mapping[str, Any] = {
    "stitching_horizon_seconds": 1e9,
    "stitching_open_seconds": 1e9,
    "stitching_young_seconds": 1e9,
    "stitching_memory_bytes": 1 << 50,
}

MakeStep = Callable[[Settings], Step]


def derive(
    work: Work,
    settings: Settings,
    told: Callable[[int, int], None],
    make_step: MakeStep = StitchingStep,
    page: int = PAGE,
) -> int:
    """Derive all edge sets into the work tables; how many. `told` gets events and edge sets so far."""
    known = {field.name for field in dataclasses.fields(settings)}
    step = make_step(dataclasses.replace(settings, **{n: v for n, v in _FOR_EVER.items() if n in known}))
    landing = dataclasses.replace(landings(work.client, work.database)[topics.EDGES.name], table=LANDING)
    schema = current("edge_set")
    events = sets = 0
    for number, some, is_over in portions(pages(work, page), page):
        outputs = step.process(batch(some, number, events))
        if is_over:
            step.revoked({(RUNS.name, number)})
        newest = max(event.arrival for event in some)
        made = [output for output in outputs if output.topic == topics.EDGES.name]
        if made:
            whole = edge_sets_batch(made, schema, sets)
            rows = [
                Row(whole, place, newest, schema.fingerprint_bytes, body, landing.shape(schema, body))
                for place, body in enumerate(output.value[SINGLE_OBJECT_HEADER:] for output in made)
            ]
            if refusals := insert(work.client, freeze(landing, rows)):
                raise StateError(f"the store refuses a derived edge set: {refusals[0].why}")
        events += len(some)
        sets += len(made)
        told(events, sets)
    return sets


def portions(every: Iterable[list[Event]], most: int) -> Iterator[tuple[int, list[Event], bool]]:
    """Events in portions of whole lanes, each with a number of its own; a lane that is longer than a page comes in
    several of one number. The third says whether nothing more of that number comes.
    """
    number = 0
    held: list[Event] = []
    for page in every:
        held += page
        if len(held) < most:
            continue
        last = held[-1].lane
        cut = next(place for place in range(len(held), -1, -1) if place == 0 or held[place - 1].lane != last)
        if cut == 0:  # one lane is all there is so far
            yield number, held, False
            held = []
            continue
        yield number, held[:cut], True
        number += 1
        held = held[cut:]
    if held:
        yield number, held, True


def batch(some: list[Event], number: int, first: int) -> Batch:
    """A portion as a step takes it: its partition is the portion's number, its offsets count all events."""
    count = len(some)
    values = [event.message for event in some]
    groups = [
        Group(
            schema,
            np.array([row for row, _ in rows], np.int64),
            Bodies.join([event.message for _, event in rows], SINGLE_OBJECT_HEADER),
        )
        for schema, rows in (
            (schema, list(found))
            for schema, found in groupby(
                sorted(enumerate(some), key=lambda one: one[1].schema.fingerprint), key=lambda one: one[1].schema
            )
        )
    ]
    offsets = np.arange(first, first + count, dtype=np.int64)
    timestamps = np.array([event.arrival // 1000 for event in some], np.int64)
    return Batch(RUNS.name, number, [event.key for event in some], offsets, timestamps, groups, values)


def edge_sets_batch(made: list[Output], schema: Schema, first: int) -> Batch:
    count = len(made)
    offsets = np.arange(first, first + count, dtype=np.int64)
    values = [output.value for output in made]
    rows = np.arange(count, dtype=np.int64)
    groups = [Group(schema, rows, Bodies.join(values, SINGLE_OBJECT_HEADER))]
    return Batch(topics.EDGES.name, 0, [output.key for output in made], offsets, offsets * 0, groups, values)
