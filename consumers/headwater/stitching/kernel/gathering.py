"""What the events of one run say, each thing once, and which event said it first."""

from __future__ import annotations

from headwater.schemas.codec.compiled import value_of
from headwater.stitching.kernel.shapes import (
    END,
    ENDED_BY,
    EVENT_IDS,
    EVENT_OF,
    IN_FIRST,
    IN_OF,
    IN_OFFSETS,
    IN_VERSIONS,
    INPUTS,
    INS,
    JOB_ENDS,
    JOB_VALID,
    JOBS,
    LINK_COLUMNS,
    LINK_FIRST,
    LINK_KIND,
    LINK_OF,
    LINK_OFFSETS,
    LINKS,
    MOST_EVENTS,
    MOST_ROWS,
    N_EVENTS,
    N_INPUTS,
    N_LINKS,
    N_OLD,
    N_OUTPUTS,
    N_ROWS,
    NEVER,
    OUT_COMPLETE,
    OUT_EDGES,
    OUT_FIRST,
    OUT_NAMES,
    OUT_OF,
    OUT_OFFSETS,
    OUT_VALID,
    OUT_VERSIONS,
    OUTPUTS,
    OUTS,
    PARENT_ENDS,
    PARENT_VALID,
    PARENTS,
    PARTS,
    RANK,
    ROW_FIELD_ENDS,
    ROW_FIELDS,
    ROW_FIRST,
    ROW_OF,
    ROW_OFFSETS,
    ROW_TARGET,
    ROW_VERSIONS,
    ROWS,
    RUN_IDS,
    RUN_VALID,
    STATE_ENDS,
    STATE_OF,
    STATES,
    TIMES,
)
from headwater.stitching.kernel.together import Bytes, Numbers, together
from headwater.stitching.kernel.words import Place, earlier, same, standing_of


@together
def gather(
    buffer: Bytes,
    body_ends: Numbers,
    order: Numbers,
    said: Numbers,
    room: Numbers,
    begin: Place,
    stop: Place,
    old: Place,
    doubled: Bytes,
) -> bool:
    """Fill the room from the bodies that stand at `begin` to `stop` in `order`, the first `old` of which were stitched
    before; whether the run is an ordinary one.
    """
    lead = order[begin]
    lead_id = value_of(said, RUN_IDS, lead)
    room[N_EVENTS : N_LINKS + 1] = 0
    room[END] = NEVER
    room[ENDED_BY] = -1
    room[STATE_OF] = lead
    room[RANK] = 3
    for place in range(begin, stop):
        body = order[place]
        run_id = value_of(said, RUN_IDS, body)
        if (
            value_of(said, RUN_VALID, body) == 0
            or value_of(said, JOB_VALID, body) == 0
            or value_of(said, PARTS, body) > 1
            or value_of(said, LINK_OFFSETS, body) != value_of(said, LINK_OFFSETS, body + 1)
            or not same(buffer, run_id, run_id + 16, lead_id, lead_id + 16)
            or not same(
                buffer,
                value_of(said, JOBS, body),
                value_of(said, JOB_ENDS, body),
                value_of(said, JOBS, lead),
                value_of(said, JOB_ENDS, lead),
            )
        ):
            return False
        doubled[place] = 0
        for event in range(room[N_EVENTS]):
            before = room[EVENT_OF + event]
            if same(
                buffer,
                value_of(said, EVENT_IDS, body),
                body_ends[body],
                value_of(said, EVENT_IDS, before),
                body_ends[before],
            ):
                doubled[place] = 1
                break
        if doubled[place]:
            continue
        event = room[N_EVENTS]
        rank = room[RANK]
        many = room[N_INPUTS] + room[N_OUTPUTS] + room[N_ROWS] + room[N_LINKS]
        # Its place in the room is used only where it turns out to say something.
        room[EVENT_OF + event] = body
        room[N_EVENTS] += 1
        ends = _take_state(buffer, said, room, body, event)
        if (
            not _take_links(buffer, said, room, body)
            or not _take_inputs(buffer, said, room, body)
            or not _take_outputs(buffer, said, room, body)
        ):
            return False
        if (
            event > 0
            and not ends
            and rank == room[RANK]
            and many == room[N_INPUTS] + room[N_OUTPUTS] + room[N_ROWS] + room[N_LINKS]
        ):
            doubled[place] = 1
            room[N_EVENTS] = event
            continue
        if event == MOST_EVENTS:
            return False
        if place - begin < old:
            room[N_OLD] = room[N_EVENTS]
    return True


@together
def _take_state(buffer: Bytes, said: Numbers, room: Numbers, body: Place, event: Place) -> bool:
    """Whether it ends the run."""
    rank = standing_of(buffer, value_of(said, STATES, body), value_of(said, STATE_ENDS, body))
    if rank > 0:
        if rank < room[RANK] or event == 0:
            room[RANK] = rank
            room[STATE_OF] = body
        return False
    room[END] = min(room[END], event)
    if room[ENDED_BY] < 0 or _ends_before(buffer, said, body, room[ENDED_BY]):
        room[ENDED_BY] = body
    return True


@together
def _ends_before(buffer: Bytes, said: Numbers, body: Place, other: Place) -> bool:
    """By event time, then by event id, then by state, whose first letters differ."""
    at, then = value_of(said, TIMES, body), value_of(said, TIMES, other)
    one, two = value_of(said, EVENT_IDS, body), value_of(said, EVENT_IDS, other)
    if at != then or earlier(buffer, one, two) or earlier(buffer, two, one):
        return bool(at < then or (at == then and earlier(buffer, one, two)))
    return bool(buffer[value_of(said, STATES, body)] < buffer[value_of(said, STATES, other)])


@together
def _take_links(buffer: Bytes, said: Numbers, room: Numbers, body: Place) -> bool:
    for kind in range(2):
        # Of the root run the same columns stand behind those of the parent.
        starts = PARENTS + LINK_COLUMNS * kind
        ends = PARENT_ENDS + LINK_COLUMNS * kind
        if value_of(said, PARENT_VALID + LINK_COLUMNS * kind, body) == 0:
            continue
        for link in range(room[N_LINKS]):
            other = room[LINK_OF + link]
            if room[LINK_KIND + link] == kind and same(
                buffer,
                value_of(said, starts, body),
                value_of(said, ends, body),
                value_of(said, starts, other),
                value_of(said, ends, other),
            ):
                break
        else:
            link = room[N_LINKS]
            if link == LINKS:
                return False
            room[LINK_OF + link] = body
            room[LINK_KIND + link] = kind
            room[LINK_FIRST + link] = room[N_EVENTS] - 1
            room[N_LINKS] += 1
    return True


@together
def _take_inputs(buffer: Bytes, said: Numbers, room: Numbers, body: Place) -> bool:
    for one in range(value_of(said, IN_OFFSETS, body), value_of(said, IN_OFFSETS, body + 1)):
        found = False
        for other in range(room[N_INPUTS]):
            held = room[IN_OF + other]
            if same(
                buffer,
                value_of(said, INS, one),
                value_of(said, IN_VERSIONS, one),
                value_of(said, INS, held),
                value_of(said, IN_VERSIONS, held),
            ):
                found = True
                break
        if found:
            continue
        if room[N_INPUTS] == INPUTS:
            return False
        room[IN_OF + room[N_INPUTS]] = one
        room[IN_FIRST + room[N_INPUTS]] = room[N_EVENTS] - 1
        room[N_INPUTS] += 1
    return True


@together
def _take_outputs(buffer: Bytes, said: Numbers, room: Numbers, body: Place) -> bool:
    for one in range(value_of(said, OUT_OFFSETS, body), value_of(said, OUT_OFFSETS, body + 1)):
        if value_of(said, OUT_COMPLETE, one) != 0 or value_of(said, OUT_EDGES, one) != value_of(
            said, OUT_EDGES, one + 1
        ):
            return False
        target = -1
        for other in range(room[N_OUTPUTS]):
            held = room[OUT_OF + other]
            if same(
                buffer,
                value_of(said, OUTS, one),
                value_of(said, OUT_NAMES, one),
                value_of(said, OUTS, held),
                value_of(said, OUT_NAMES, held),
            ):
                if same(
                    buffer,
                    value_of(said, OUTS, one),
                    value_of(said, OUT_VERSIONS, one),
                    value_of(said, OUTS, held),
                    value_of(said, OUT_VERSIONS, held),
                ):
                    target = other
                elif value_of(said, OUT_VALID, one) == 0 or value_of(said, OUT_VALID, held) == 0:
                    return False
        if target < 0:
            target = room[N_OUTPUTS]
            if target == OUTPUTS:
                return False
            room[OUT_OF + target] = one
            room[OUT_FIRST + target] = room[N_EVENTS] - 1
            room[N_OUTPUTS] += 1
        for row in range(value_of(said, ROW_OFFSETS, one), value_of(said, ROW_OFFSETS, one + 1)):
            if not _take_row(buffer, said, room, row, target):
                return False
    return True


@together
def _take_row(buffer: Bytes, said: Numbers, room: Numbers, row: Place, target: Place) -> bool:
    for other in range(room[N_ROWS]):
        held = room[ROW_OF + other]
        if (
            room[ROW_TARGET + other] == target
            and same(
                buffer,
                value_of(said, ROW_FIELDS, row),
                value_of(said, ROW_FIELD_ENDS, row),
                value_of(said, ROW_FIELDS, held),
                value_of(said, ROW_FIELD_ENDS, held),
            )
            and same(
                buffer,
                value_of(said, ROWS, row),
                value_of(said, ROW_VERSIONS, row),
                value_of(said, ROWS, held),
                value_of(said, ROW_VERSIONS, held),
            )
        ):
            return True
    at = room[N_ROWS]
    if at == MOST_ROWS:
        return False
    room[ROW_OF + at] = row
    room[ROW_TARGET + at] = target
    room[ROW_FIRST + at] = room[N_EVENTS] - 1
    room[N_ROWS] += 1
    return True
