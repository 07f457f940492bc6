"""Which edges, column edges and links follow from what was said when, and are new since the last chunk."""

from __future__ import annotations

import numpy as np

from headwater.schemas.codec.compiled import value_of
from headwater.stitching.kernel.shapes import (
    COLUMN,
    EDGE,
    END,
    IN_FIRST,
    IN_NAMES,
    IN_OF,
    IN_VERSIONS,
    INPUTS,
    INS,
    INTO_FIRST,
    LINK_FIRST,
    MOST_EDGES,
    N_COLUMNS,
    N_EDGES,
    N_INPUTS,
    N_LINKS,
    N_NEW_LINKS,
    N_OLD,
    N_OUTPUTS,
    N_ROWS,
    N_STATED,
    NEVER,
    NONE,
    OUT_FIRST,
    ROW_FIRST,
    ROW_INPUT,
    ROW_NAMES,
    ROW_OF,
    ROW_SOURCE,
    ROW_TARGET,
    ROW_VALID,
    ROW_VERSIONS,
    ROWS,
    STATED,
    STATED_OF,
)
from headwater.stitching.kernel.together import Bytes, Numbers, together
from headwater.stitching.kernel.words import Place, same


@together
def find_sources(buffer: Bytes, said: Numbers, room: Numbers) -> bool:
    """Where column lineage comes from: inputs, or sources that only it names; whether the run is ordinary."""
    for row in range(room[N_ROWS]):
        one = room[ROW_OF + row]
        read = -1
        matches = 0
        for other in range(room[N_INPUTS]):
            held = room[IN_OF + other]
            if value_of(said, ROW_VALID, one) == 0:
                if same(
                    buffer,
                    value_of(said, ROWS, one),
                    value_of(said, ROW_NAMES, one),
                    value_of(said, INS, held),
                    value_of(said, IN_NAMES, held),
                ):
                    matches += 1
                    read = other
            elif same(
                buffer,
                value_of(said, ROWS, one),
                value_of(said, ROW_VERSIONS, one),
                value_of(said, INS, held),
                value_of(said, IN_VERSIONS, held),
            ):
                read = other
        if matches > 1:
            return False
        for other in range(row):
            held = room[ROW_OF + other]
            if value_of(said, ROW_VALID, held) != value_of(said, ROW_VALID, one) and same(
                buffer,
                value_of(said, ROWS, one),
                value_of(said, ROW_NAMES, one),
                value_of(said, ROWS, held),
                value_of(said, ROW_NAMES, held),
            ):
                return False
        room[ROW_INPUT + row] = read
        room[ROW_SOURCE + row] = -1
        if read >= 0:
            held = room[IN_OF + read]
            if same(
                buffer,
                value_of(said, ROWS, one),
                value_of(said, ROW_VERSIONS, one),
                value_of(said, INS, held),
                value_of(said, IN_VERSIONS, held),
            ):
                room[ROW_SOURCE + row] = read
                continue
            if room[ROW_FIRST + row] >= room[IN_FIRST + read]:
                continue
        if not _find_stated(buffer, said, room, row):
            return False
    pairs = (room[N_INPUTS] + room[N_STATED] + 1) * room[N_OUTPUTS] + room[N_INPUTS]
    return bool(pairs <= MOST_EDGES)


@together
def _find_stated(buffer: Bytes, said: Numbers, room: Numbers, row: Place) -> bool:
    one = room[ROW_OF + row]
    for other in range(room[N_STATED]):
        held = room[STATED_OF + other]
        if same(
            buffer,
            value_of(said, ROWS, one),
            value_of(said, ROW_VERSIONS, one),
            value_of(said, ROWS, held),
            value_of(said, ROW_VERSIONS, held),
        ):
            room[ROW_SOURCE + row] = INPUTS + other
            return True
    if room[N_STATED] == STATED:
        return False
    room[STATED_OF + room[N_STATED]] = one
    room[ROW_SOURCE + row] = INPUTS + room[N_STATED]
    room[N_STATED] += 1
    return True


@together
def derive(room: Numbers) -> bool:
    """Fill edges, columns and counts; whether there is anything new."""
    room[N_EDGES] = room[N_COLUMNS] = room[N_NEW_LINKS] = 0
    first_in = first_out = NEVER
    for one in range(room[N_INPUTS]):
        first_in = min(first_in, room[IN_FIRST + one])
    for one in range(room[N_OUTPUTS]):
        first_out = min(first_out, room[OUT_FIRST + one])
        room[INTO_FIRST + one] = first_in
    for row in range(room[N_ROWS]):
        target = room[ROW_TARGET + row]
        room[INTO_FIRST + target] = min(room[INTO_FIRST + target], room[ROW_FIRST + row])
    for target in range(room[N_OUTPUTS]):
        _derive_into(room, target)
    for source in range(room[N_INPUTS]):
        known = max(room[IN_FIRST + source], room[END])
        if known < first_out:
            _edge(room, source, NONE, known, first_out if first_out < NEVER else NONE)
    for row in range(room[N_ROWS]):
        read = room[ROW_INPUT + row]
        source = room[ROW_SOURCE + row]
        if source >= 0:
            withdrawn = room[IN_FIRST + read] if source >= INPUTS and read >= 0 else NONE
            _column(room, row, source, room[ROW_FIRST + row], withdrawn)
        if read >= 0 and source != read:
            _column(room, row, read, max(room[ROW_FIRST + row], room[IN_FIRST + read]), NONE)
    for link in range(room[N_LINKS]):
        if room[LINK_FIRST + link] >= room[N_OLD]:
            room[N_NEW_LINKS] += 1
    return bool(room[N_EDGES] + room[N_COLUMNS] + room[N_NEW_LINKS] > 0)


@together
def _derive_into(room: Numbers, target: Place) -> None:
    """Edges into one output."""
    for source in range(room[N_INPUTS]):
        known = max(room[IN_FIRST + source], room[OUT_FIRST + target])
        for row in range(room[N_ROWS]):
            if room[ROW_TARGET + row] == target and room[ROW_SOURCE + row] == source:
                known = min(known, room[ROW_FIRST + row])
        _edge(room, source, target, known, NONE)
    for stated in range(INPUTS, INPUTS + room[N_STATED]):
        known = np.int64(NEVER)
        withdrawn = NONE
        for row in range(room[N_ROWS]):
            if room[ROW_TARGET + row] == target and room[ROW_SOURCE + row] == stated:
                known = min(known, room[ROW_FIRST + row])
                if room[ROW_INPUT + row] >= 0:
                    withdrawn = room[IN_FIRST + room[ROW_INPUT + row]]
        if known < NEVER:
            _edge(room, stated, target, known, withdrawn)
    known = max(room[OUT_FIRST + target], room[END])
    if known < room[INTO_FIRST + target]:
        _edge(room, NONE, target, known, room[INTO_FIRST + target] if room[INTO_FIRST + target] < NEVER else NONE)


@together
def _edge(room: Numbers, source: Place, target: Place, known: Place, withdrawn: Place) -> None:
    if known >= room[N_OLD] or withdrawn >= room[N_OLD]:
        at = room[N_EDGES]
        room[EDGE + 4 * at + 0] = source
        room[EDGE + 4 * at + 1] = target
        room[EDGE + 4 * at + 2] = known
        room[EDGE + 4 * at + 3] = withdrawn
        room[N_EDGES] += 1


@together
def _column(room: Numbers, row: Place, source: Place, known: Place, withdrawn: Place) -> None:
    if known >= room[N_OLD] or withdrawn >= room[N_OLD]:
        at = room[N_COLUMNS]
        room[COLUMN + 5 * at + 0] = source
        room[COLUMN + 5 * at + 1] = room[ROW_TARGET + row]
        room[COLUMN + 5 * at + 2] = known
        room[COLUMN + 5 * at + 3] = withdrawn
        room[COLUMN + 5 * at + 4] = room[ROW_OF + row]
        room[N_COLUMNS] += 1
