"""What the kernel works on: the columns of the events and the room for one run, each in one array of numbers.

One array each, because compiled functions take each array by value, and there would be sixty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headwater.stitching.kernel.together import Numbers

#: Outcomes of a run: nothing new, a message, not ordinary: more than one part, explicit edges, message links, two
#: jobs, a dataset under several versions where that matters, or more than the limits below.
NOTHING, MESSAGE, ODD = range(3)

#: Limits of an ordinary run: events that say something, inputs, outputs, column edges, links, sources that only column
#: lineage names.
MOST_EVENTS, INPUTS, OUTPUTS, MOST_ROWS, LINKS, STATED = 16, 64, 64, 256, 4, 64
MOST_EDGES = 1024
#: Largest message, by the paths that cut messages alike; an ordinary run's single one is not cut, so it is odd beyond.
MAX_BYTES = 256 * 1024
#: A number that says "none" or "the first". Numba compiles a function once more for each plain number that it is given.
NONE, ZERO = cast("int", np.int64(-1)), cast("int", np.int64(0))
#: After every event in order of arrival: never.
NEVER = 1 << 40

#: What bodies say: the codec's columns. value_of(said, COLUMN, row) is a value; a row is a body, a dataset or a line of
#: column lineage. Names in the plural: where a thing begins, …_ENDS: where it ends. Of datasets and lines: where name,
#: version and kind end.
(
    EVENT_IDS, TIMES, PARTS, RUN_VALID, RUN_IDS, STATES, STATE_ENDS, PARENT_VALID, PARENTS, PARENT_ENDS,
    ROOT_VALID, ROOTS, ROOT_ENDS, LINK_OFFSETS, JOB_VALID, JOBS, JOB_ENDS, IN_OFFSETS, INS, IN_NAMES,
    IN_VERSIONS, IN_KINDS, OUT_OFFSETS, OUTS, OUT_NAMES, OUT_VERSIONS, OUT_KINDS, OUT_VALID, OUT_EDGES,
    OUT_COMPLETE, ROW_OFFSETS, ROWS, ROW_NAMES, ROW_VERSIONS, ROW_VALID, ROW_FIELDS, ROW_FIELD_ENDS,
) = range(37)  # fmt: skip
SAID = 37
#: From a parent's columns to the same of a root run.
LINK_COLUMNS = ROOTS - PARENTS
_OFFSETS = frozenset((LINK_OFFSETS, IN_OFFSETS, OUT_OFFSETS, OUT_EDGES, ROW_OFFSETS))

#: The room, from its beginning: how many there are of each; when the run ended (which event), the body that ended it,
#: the body whose state stands otherwise, and that state's rank.
N_EVENTS, N_OLD, N_INPUTS, N_OUTPUTS, N_ROWS, N_STATED, N_LINKS, END, ENDED_BY, STATE_OF, RANK = range(11)
N_EDGES, N_COLUMNS, N_NEW_LINKS, N_NODES, N_USED = range(11, 16)
#: …_OF: the row of each different thing among those said; …_FIRST: the event that first said it.
EVENT_OF = 16
#: One place more: an event takes its place before it turns out to say something.
IN_OF = EVENT_OF + MOST_EVENTS + 1
IN_FIRST = IN_OF + INPUTS
OUT_OF = IN_FIRST + INPUTS
OUT_FIRST = OUT_OF + OUTPUTS
INTO_FIRST = OUT_FIRST + OUTPUTS
ROW_OF = INTO_FIRST + OUTPUTS
ROW_FIRST = ROW_OF + MOST_ROWS
#: Of a line: which output, which source, which input it means. A source is an input, or from INPUTS on one that only
#: column lineage names.
ROW_TARGET = ROW_FIRST + MOST_ROWS
ROW_SOURCE = ROW_TARGET + MOST_ROWS
ROW_INPUT = ROW_SOURCE + MOST_ROWS
STATED_OF = ROW_INPUT + MOST_ROWS
LINK_OF = STATED_OF + STATED
LINK_KIND = LINK_OF + LINKS
LINK_FIRST = LINK_KIND + LINKS
#: Places in the message of nodes (inputs, stated sources, outputs) and events, and which stands at each place.
NODES = INPUTS + STATED + OUTPUTS
NODE_INDEX = LINK_FIRST + LINKS
NODE_ORDER = NODE_INDEX + NODES
EVENT_INDEX = NODE_ORDER + NODES
EVENT_ORDER = EVENT_INDEX + MOST_EVENTS
#: Edges, four numbers each: source, target (-1: none), known by, withdrawn by (-1: it stands); column edges, five: the
#: same, and the row of the line.
EDGE = EVENT_ORDER + MOST_EVENTS
COLUMN = EDGE + 4 * MOST_EDGES
_ROOM = COLUMN + 5 * 2 * MOST_ROWS


def room() -> Numbers:
    """Room for any ordinary run."""
    return np.zeros(_ROOM, np.int64)


def pack(*sets: Sequence[NDArray[Any]]) -> Numbers:
    """The columns of one or several sets of bodies, in the order of their names above, as `said`: the rows of the
    first set stand first.
    """
    for columns in sets:
        if len(columns) != SAID:
            raise ValueError(f"{len(columns)} columns, not {SAID}")
    parts: list[NDArray[Any]] = []
    lengths = np.zeros(SAID, np.int64)
    for name in range(SAID):
        shift = 0
        for place, columns in enumerate(sets):
            column = columns[name]
            if name in _OFFSETS:
                # Of the items of all sets before; the last offset is the next set's first.
                column = column + shift if shift else column
                shift = int(column[-1])
                column = column if place == len(sets) - 1 else column[:-1]
            parts.append(column)
            lengths[name] += len(column)
    bases = SAID + np.cumsum(lengths) - lengths
    return np.concatenate((bases, *parts), dtype=np.int64)
