"""What the events of one run say, each thing once, and which event said it first."""

from __future__ import annotations

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
    ROOT_ENDS,
    ROOT_VALID,
    ROOTS,
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
    room[N_EVENTS : N_LINKS + 1] = 0
    room[END] = NEVER
    room[ENDED_BY] = -1
    room[STATE_OF] = lead
    room[RANK] = 3
    for place in range(begin, stop):
        body = order[place]
        if (
            said[said[RUN_VALID] + body] == 0
            or said[said[JOB_VALID] + body] == 0
            or said[said[PARTS] + body] > 1
            or said[said[LINK_OFFSETS] + body] != said[said[LINK_OFFSETS] + body + 1]
            or not same(
                buffer,
                said[said[RUN_IDS] + body],
                said[said[RUN_IDS] + body] + 16,
                said[said[RUN_IDS] + lead],
                said[said[RUN_IDS] + lead] + 16,
            )
            or not same(
                buffer,
                said[said[JOBS] + body],
                said[said[JOB_ENDS] + body],
                said[said[JOBS] + lead],
                said[said[JOB_ENDS] + lead],
            )
        ):
            return False
        doubled[place] = 0
        for event in range(room[N_EVENTS]):
            before = room[EVENT_OF + event]
            if same(
                buffer, said[said[EVENT_IDS] + body], body_ends[body], said[said[EVENT_IDS] + before], body_ends[before]
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
            (
                said[said[PARENT_VALID] + body]
                and not _take_link(buffer, said, said[PARENTS], said[PARENT_ENDS], room, body, 0)
            )
            or (
                said[said[ROOT_VALID] + body]
                and not _take_link(buffer, said, said[ROOTS], said[ROOT_ENDS], room, body, 1)
            )
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
    rank = standing_of(buffer, said[said[STATES] + body], said[said[STATE_ENDS] + body])
    if rank > 0:
        if rank < room[RANK] or event == 0:
            room[RANK] = rank
            room[STATE_OF] = body
        return False
    room[END] = min(room[END], event)
    before = room[ENDED_BY]
    if (
        before < 0
        or said[said[TIMES] + body] < said[said[TIMES] + before]
        or (
            said[said[TIMES] + body] == said[said[TIMES] + before]
            and earlier(buffer, said[said[EVENT_IDS] + body], said[said[EVENT_IDS] + before])
        )
    ):
        room[ENDED_BY] = body
    return True


@together
def _take_link(
    buffer: Bytes, said: Numbers, starts: Place, ends: Place, room: Numbers, body: Place, kind: Place
) -> bool:
    for link in range(room[N_LINKS]):
        other = room[LINK_OF + link]
        if room[LINK_KIND + link] == kind and same(
            buffer, said[starts + body], said[ends + body], said[starts + other], said[ends + other]
        ):
            return True
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
    for one in range(said[said[IN_OFFSETS] + body], said[said[IN_OFFSETS] + body + 1]):
        found = False
        for other in range(room[N_INPUTS]):
            held = room[IN_OF + other]
            if same(
                buffer,
                said[said[INS] + one],
                said[said[IN_VERSIONS] + one],
                said[said[INS] + held],
                said[said[IN_VERSIONS] + held],
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
    for one in range(said[said[OUT_OFFSETS] + body], said[said[OUT_OFFSETS] + body + 1]):
        if said[said[OUT_COMPLETE] + one] != 0 or said[said[OUT_EDGES] + one] != said[said[OUT_EDGES] + one + 1]:
            return False
        target = -1
        for other in range(room[N_OUTPUTS]):
            held = room[OUT_OF + other]
            if same(
                buffer,
                said[said[OUTS] + one],
                said[said[OUT_NAMES] + one],
                said[said[OUTS] + held],
                said[said[OUT_NAMES] + held],
            ):
                if same(
                    buffer,
                    said[said[OUTS] + one],
                    said[said[OUT_VERSIONS] + one],
                    said[said[OUTS] + held],
                    said[said[OUT_VERSIONS] + held],
                ):
                    target = other
                elif said[said[OUT_VALID] + one] == 0 or said[said[OUT_VALID] + held] == 0:
                    return False
        if target < 0:
            target = room[N_OUTPUTS]
            if target == OUTPUTS:
                return False
            room[OUT_OF + target] = one
            room[OUT_FIRST + target] = room[N_EVENTS] - 1
            room[N_OUTPUTS] += 1
        for row in range(said[said[ROW_OFFSETS] + one], said[said[ROW_OFFSETS] + one + 1]):
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
                said[said[ROW_FIELDS] + row],
                said[said[ROW_FIELD_ENDS] + row],
                said[said[ROW_FIELDS] + held],
                said[said[ROW_FIELD_ENDS] + held],
            )
            and same(
                buffer,
                said[said[ROWS] + row],
                said[said[ROW_VERSIONS] + row],
                said[said[ROWS] + held],
                said[said[ROW_VERSIONS] + held],
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
