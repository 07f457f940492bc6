"""An edge set's bytes: copied from the events' wherever a thing stands there as it stands here."""

from __future__ import annotations

import numpy as np

from headwater.schemas.codec.compiled import value_of
from headwater.stitching.kernel.shapes import (
    COLUMN,
    EDGE,
    ENDED_BY,
    EVENT_IDS,
    EVENT_INDEX,
    EVENT_OF,
    EVENT_ORDER,
    IN_KINDS,
    IN_OF,
    INPUTS,
    INS,
    JOB_ENDS,
    JOBS,
    LINK_FIRST,
    LINK_KIND,
    LINK_OF,
    MOST_EVENTS,
    N_COLUMNS,
    N_EDGES,
    N_LINKS,
    N_NEW_LINKS,
    N_NODES,
    N_OLD,
    N_USED,
    NODE_INDEX,
    NODE_ORDER,
    NODES,
    OUT_KINDS,
    OUT_NAMES,
    OUT_OF,
    OUT_VALID,
    OUT_VERSIONS,
    OUTS,
    PARENT_ENDS,
    PARENTS,
    RANK,
    ROOT_ENDS,
    ROOTS,
    ROW_FIELD_ENDS,
    ROW_FIELDS,
    ROW_VERSIONS,
    ROWS,
    RUN_IDS,
    STATE_ENDS,
    STATE_OF,
    STATED,
    STATED_OF,
    STATES,
    TIMES,
    ZERO,
)
from headwater.stitching.kernel.together import Bytes, Numbers, together
from headwater.stitching.kernel.words import Place, digest, put_hex, put_number, put_slice, put_text


@together
def number(said: Numbers, room: Numbers, lead: Place) -> int:
    """Give each dataset and event that the message names its place in it; the most bytes that it takes."""
    room[NODE_INDEX : NODE_INDEX + NODES] = -1
    room[EVENT_INDEX : EVENT_INDEX + MOST_EVENTS] = -1
    room[N_NODES] = room[N_USED] = 0
    need = (
        640 + value_of(said, JOB_ENDS, lead) - value_of(said, JOBS, lead) + 24 * room[N_EDGES] + 96 * room[N_NEW_LINKS]
    )
    for place in range(room[N_EDGES]):
        _number_entry(room, EDGE + 4 * place)
    for place in range(room[N_COLUMNS]):
        entry = COLUMN + 5 * place
        _number_entry(room, entry)
        need += 32 + value_of(said, ROW_FIELD_ENDS, room[entry + 4]) - value_of(said, ROW_FIELDS, room[entry + 4])
    for link in range(room[N_LINKS]):
        if room[LINK_FIRST + link] >= room[N_OLD]:
            _number_event(room, room[LINK_FIRST + link])
            body = room[LINK_OF + link]
            need += (
                value_of(said, PARENT_ENDS, body)
                - value_of(said, PARENTS, body)
                + value_of(said, ROOT_ENDS, body)
                - value_of(said, ROOTS, body)
            )
    for place in range(room[N_NODES]):
        node = room[NODE_ORDER + place]
        if node < INPUTS:
            need += value_of(said, IN_KINDS, room[IN_OF + node]) - value_of(said, INS, room[IN_OF + node])
        elif node < INPUTS + STATED:
            need += (
                16
                + value_of(said, ROW_VERSIONS, room[STATED_OF + node - INPUTS])
                - value_of(said, ROWS, room[STATED_OF + node - INPUTS])
            )
        else:
            one = room[OUT_OF + node - INPUTS - STATED]
            need += 64 + value_of(said, OUT_KINDS, one) - value_of(said, OUTS, one)
    return int(need + 32 * room[N_USED])


@together
def _number_entry(room: Numbers, entry: Place) -> None:
    for node in (room[entry], room[entry + 1] + INPUTS + STATED if room[entry + 1] >= 0 else -1):
        if node >= 0 and room[NODE_INDEX + node] < 0:
            room[NODE_INDEX + node] = room[N_NODES]
            room[NODE_ORDER + room[N_NODES]] = node
            room[N_NODES] += 1
    _number_event(room, room[entry + 2])
    _number_event(room, room[entry + 3])


@together
def _number_event(room: Numbers, event: Place) -> None:
    if event >= 0 and room[EVENT_INDEX + event] < 0:
        room[EVENT_INDEX + event] = room[N_USED]
        room[EVENT_ORDER + room[N_USED]] = event
        room[N_USED] += 1


@together
def write(buffer: Bytes, said: Numbers, room: Numbers, lead: Place, head: Bytes, out: Bytes, at: Place) -> int:
    """Write the message at `at`; the place after it."""
    at = put_slice(out, at, head, ZERO, len(head))
    id_at = at
    hashed = at = at + 16
    latest = value_of(said, TIMES, room[EVENT_OF + room[EVENT_ORDER + 0]])
    for place in range(room[N_USED]):
        latest = max(latest, value_of(said, TIMES, room[EVENT_OF + room[EVENT_ORDER + place]]))
    at = put_number(out, at, latest)
    out[at] = 2
    at = put_slice(out, at + 1, buffer, value_of(said, RUN_IDS, lead), value_of(said, RUN_IDS, lead) + 16)
    at = put_slice(out, at, buffer, value_of(said, JOBS, lead), value_of(said, JOB_ENDS, lead))
    state_of = room[ENDED_BY] if room[ENDED_BY] >= 0 else room[STATE_OF]
    if room[ENDED_BY] < 0 and room[RANK] == 3:
        at = put_text(out, at, b"\x0aOTHER")
    else:
        at = put_number(out, at, value_of(said, STATE_ENDS, state_of) - value_of(said, STATES, state_of))
        at = put_slice(out, at, buffer, value_of(said, STATES, state_of), value_of(said, STATE_ENDS, state_of))
    at = put_number(out, at, room[N_USED])
    for place in range(room[N_USED]):
        body = room[EVENT_OF + room[EVENT_ORDER + place]]
        at = put_slice(out, at, buffer, value_of(said, EVENT_IDS, body), value_of(said, EVENT_IDS, body) + 16)
        at = put_number(out, at, value_of(said, TIMES, body))
    out[at] = 0
    at = _write_nodes(buffer, said, room, lead, out, at + 1)
    if room[N_EDGES]:
        at = put_number(out, at, room[N_EDGES])
        for place in range(room[N_EDGES]):
            at = _write_ends(room, EDGE + 4 * place, out, at)
            out[at] = 0  # not explicit
            at += 1
    at = put_text(out, at, b"\0\0")  # no products
    if room[N_COLUMNS]:
        at = put_number(out, at, room[N_COLUMNS])
        for place in range(room[N_COLUMNS]):
            at = _write_ends(room, COLUMN + 5 * place, out, at)
            row = room[COLUMN + 5 * place + 4]
            at = put_slice(out, at, buffer, value_of(said, ROW_FIELDS, row), value_of(said, ROW_FIELD_ENDS, row))
    out[at] = 0
    at = _write_links(buffer, said, room, out, at + 1)
    digest(out, hashed, at, id_at)
    return int(at)


@together
def _write_ends(room: Numbers, entry: Place, out: Bytes, at: Place) -> int:
    at = put_number(out, at, room[NODE_INDEX + room[entry]] if room[entry] >= 0 else -1)
    at = put_number(out, at, room[NODE_INDEX + INPUTS + STATED + room[entry + 1]] if room[entry + 1] >= 0 else -1)
    at = put_number(out, at, room[EVENT_INDEX + room[entry + 2]])
    return put_number(out, at, room[EVENT_INDEX + room[entry + 3]] if room[entry + 3] >= 0 else -1)


@together
def _write_nodes(buffer: Bytes, said: Numbers, room: Numbers, lead: Place, out: Bytes, at: Place) -> int:
    if room[N_NODES]:
        at = put_number(out, at, room[N_NODES])
    for place in range(room[N_NODES]):
        node = room[NODE_ORDER + place]
        if node < INPUTS:
            one = room[IN_OF + node]
            at = put_slice(out, at, buffer, value_of(said, INS, one), value_of(said, IN_KINDS, one))
        elif node < INPUTS + STATED:
            one = room[STATED_OF + node - INPUTS]
            at = put_slice(out, at, buffer, value_of(said, ROWS, one), value_of(said, ROW_VERSIONS, one))
            at = put_text(out, at, b"\0\x0atable")  # no origin
        else:
            one = room[OUT_OF + node - INPUTS - STATED]
            if value_of(said, OUT_VALID, one):
                at = put_slice(out, at, buffer, value_of(said, OUTS, one), value_of(said, OUT_KINDS, one))
            else:
                at = put_slice(out, at, buffer, value_of(said, OUTS, one), value_of(said, OUT_NAMES, one))
                at = put_text(out, at, b"\x02Prun:")  # a text of 40
                at = put_hex(out, at, buffer, value_of(said, RUN_IDS, lead))
                at = put_text(out, at, b"\x02\x06run")  # its origin
                kind = _behind_origin(buffer, value_of(said, OUT_VERSIONS, one))
                at = put_slice(out, at, buffer, kind, value_of(said, OUT_KINDS, one))
    out[at] = 0
    return int(at + 1)


@together
def _behind_origin(buffer: Bytes, at: Place) -> int:
    """The place after null|text."""
    if buffer[at] == 0:
        return int(at + 1)
    at += 1
    length = np.int64(0)
    shift = 0
    while True:
        byte = np.int64(buffer[at])
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return int(at + (length >> 1))


@together
def _write_links(buffer: Bytes, said: Numbers, room: Numbers, out: Bytes, at: Place) -> int:
    if room[N_NEW_LINKS]:
        at = put_number(out, at, room[N_NEW_LINKS])
        for link in range(room[N_LINKS]):
            if room[LINK_FIRST + link] < room[N_OLD]:
                continue
            body = room[LINK_OF + link]
            is_parent = room[LINK_KIND + link] == 0
            at = put_text(out, at, b"\x0cparent") if is_parent else put_text(out, at, b"\x08root")
            at = put_number(out, at, room[EVENT_INDEX + room[LINK_FIRST + link]])
            at = put_text(out, at, b"\x01\x02")  # stands; a run
            if is_parent:
                at = put_slice(out, at, buffer, value_of(said, PARENTS, body), value_of(said, PARENT_ENDS, body))
            else:
                at = put_slice(out, at, buffer, value_of(said, ROOTS, body), value_of(said, ROOT_ENDS, body))
            at = put_text(out, at, b"\0\0\0\0\0")  # no trace, span, topic, partition, offset
    out[at] = 0
    return int(at + 1)
