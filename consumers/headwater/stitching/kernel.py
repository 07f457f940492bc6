"""The compiled path: edge sets of ordinary runs, made by copying byte slices. The same rules as `unit`.

In an ordinary run everything that is known follows from when each thing was first said (which event, in order of
arrival), so no state but the bodies is needed. `stitch` leaves to `unit` what is not ordinary: see ODD below.
All of it stands in one file, for Numba's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled, word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
#: A whole number, Python's or NumPy's: type checkers take an element of an array for an array.
Place = Any

#: Outcomes of a run: nothing new, a message, not ordinary: more than one part, explicit edges, message links, two
#: jobs, a dataset under several versions where that matters, or more than the limits below.
NOTHING, MESSAGE, ODD = range(3)

#: Limits of an ordinary run: events, inputs, outputs, column edges, links.
EVENTS, INPUTS, OUTPUTS, ROWS, LINKS = 16, 64, 64, 256, 4
#: Sources that only column lineage names.
STATED = 64
EDGES = 1024
#: After every ordinal: never.
NEVER = 1 << 40


@compiled
def same(buffer: Bytes, first: Place, first_end: Place, second: Place, second_end: Place) -> bool:
    """Whether two slices hold the same bytes."""
    length = first_end - first
    if length != second_end - second:
        return False
    at = 0
    while at + 8 <= length:
        if word(buffer, first + at) != word(buffer, second + at):
            return False
        at += 8
    while at < length:
        if buffer[first + at] != buffer[second + at]:
            return False
        at += 1
    return True


@compiled
def put_number(out: Bytes, at: Place, number: Place) -> int:
    """A zigzag number; the place after it."""
    value = (np.uint64(number) << np.uint64(1)) ^ np.uint64(np.int64(number) >> np.int64(63))
    while value >= np.uint64(128):
        out[at] = np.uint8((value & np.uint64(127)) | np.uint64(128))
        value >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(value)
    return at + 1


@compiled
def put_slice(out: Bytes, at: Place, buffer: Bytes, start: Place, end: Place) -> int:
    """Bytes as they are; the place after them."""
    for i in range(end - start):
        out[at + i] = buffer[start + i]
    return at + end - start


@compiled
def _mix(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@compiled
def _turn(value: np.uint64, bits: Place) -> np.uint64:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@compiled
def digest(out: Bytes, start: Place, end: Place, to: Place) -> None:
    """MurmurHash3_x64_128, seed 0, of out[start:end], written at `to`. 16 bytes behind `end` are overwritten."""
    first = np.uint64(0)
    second = np.uint64(0)
    c1 = np.uint64(0x87C37B91114253D5)
    c2 = np.uint64(0x4CF5AD432745937F)
    length = end - start
    for i in range(16):
        out[end + i] = 0
    at = start
    while at < end:
        k1 = word(out, at)
        k2 = word(out, at + 8)
        last = end - at < 16
        second_mix = _turn(k2 * c2, 33) * c1
        first_mix = _turn(k1 * c1, 31) * c2
        first ^= first_mix
        if last:
            second ^= second_mix
            break
        first = (_turn(first, 27) + second) * np.uint64(5) + np.uint64(0x52DCE729)
        second ^= second_mix
        second = (_turn(second, 31) + first) * np.uint64(5) + np.uint64(0x38495AB5)
        at += 16
    first ^= np.uint64(length)
    second ^= np.uint64(length)
    first += second
    second += first
    first = _mix(first)
    second = _mix(second)
    first += second
    second += first
    for i in range(8):
        out[to + i] = np.uint8((first >> np.uint64(8 * i)) & np.uint64(255))
        out[to + 8 + i] = np.uint8((second >> np.uint64(8 * i)) & np.uint64(255))


@compiled
def _earlier(buffer: Bytes, first: Place, second: Place) -> bool:
    """Whether 16 bytes come before 16 others."""
    for i in range(16):
        if buffer[first + i] != buffer[second + i]:
            return bool(buffer[first + i] < buffer[second + i])
    return False


@compiled
def _standing(buffer: Bytes, start: Place, end: Place) -> int:
    """A run's state as a rank: terminal 0; else what stands over the others first."""
    length = end - start
    letter = buffer[start] if length else 0
    if (
        (length == 8 and letter == 67 and same_text(buffer, start, b"COMPLETE"))
        or (length == 4 and letter == 70 and same_text(buffer, start, b"FAIL"))
        or (length == 5 and letter == 65 and same_text(buffer, start, b"ABORT"))
    ):
        return 0
    if length == 7 and same_text(buffer, start, b"RUNNING"):
        return 1
    if length == 5 and same_text(buffer, start, b"START"):
        return 2
    return 3


@compiled
def same_text(buffer: Bytes, start: Place, text: bytes) -> bool:
    """Whether `text` stands at `start`."""
    for i in range(len(text)):  # noqa: SIM110 — Numba compiles no generators
        if buffer[start + i] != text[i]:
            return False
    return True


@compiled
def put_hex(out: Bytes, at: Place, buffer: Bytes, start: Place) -> int:
    """A UUID's text, from its 16 bytes."""
    for i in range(16):
        if i in (4, 6, 8, 10):
            out[at] = 45
            at += 1
        whole = np.int64(buffer[start + i])
        for half in (whole >> 4, whole & 15):
            out[at] = half + (48 if half < 10 else 87)
            at += 1
    return at


@compiled
def stitch(
    buffer: Bytes,
    body_ends: Numbers,
    #: Bodies of run r: runs[r] to runs[r + 1], in order of arrival; the first old[r] were stitched before.
    runs: Numbers,
    old: Numbers,
    event_ids: Numbers,
    times: Numbers,
    parts: Numbers,
    run_valid: Bytes,
    run_ids: Numbers,
    states: Numbers,
    state_ends: Numbers,
    #: Parent and root: presence, start, end.
    parent_valid: Bytes,
    parents: Numbers,
    parent_ends: Numbers,
    root_valid: Bytes,
    roots: Numbers,
    root_ends: Numbers,
    link_offsets: Numbers,
    job_valid: Bytes,
    jobs: Numbers,
    job_ends: Numbers,
    #: Datasets: where each begins, where its name, version and kind end.
    in_offsets: Numbers,
    ins: Numbers,
    in_names: Numbers,
    in_versions: Numbers,
    in_kinds: Numbers,
    out_offsets: Numbers,
    outs: Numbers,
    out_names: Numbers,
    out_versions: Numbers,
    out_kinds: Numbers,
    out_valid: Bytes,
    out_edges: Numbers,
    out_complete: Numbers,
    row_offsets: Numbers,
    rows: Numbers,
    row_names: Numbers,
    row_versions: Numbers,
    row_valid: Bytes,
    row_fields: Numbers,
    row_field_ends: Numbers,
    head: Bytes,
    #: Results: what became of each run, whether a body says what an earlier one said, messages of runs.
    outcome: Numbers,
    doubled: Bytes,
    ended: Bytes,
    out: Bytes,
    message_starts: Numbers,
    message_ends: Numbers,
    first_run: int,
    at: int,
) -> tuple[int, int]:
    """Stitch runs from `first_run` on, writing from `at`; where it stopped (their count: done) and wrote to.

    `head` is what each message begins with: header, emit time, producer id, sequence.
    """
    event_of = np.zeros(EVENTS, np.int64)
    in_of = np.zeros(INPUTS, np.int64)
    in_first = np.zeros(INPUTS, np.int64)
    out_of = np.zeros(OUTPUTS, np.int64)
    out_first = np.zeros(OUTPUTS, np.int64)
    row_of = np.zeros(ROWS, np.int64)
    row_first = np.zeros(ROWS, np.int64)
    row_target = np.zeros(ROWS, np.int64)
    row_source = np.zeros(ROWS, np.int64)
    row_input = np.zeros(ROWS, np.int64)
    stated_of = np.zeros(STATED, np.int64)
    link_of = np.zeros(LINKS, np.int64)
    link_kind = np.zeros(LINKS, np.int64)
    link_first = np.zeros(LINKS, np.int64)
    into_first = np.zeros(OUTPUTS, np.int64)
    edges = np.zeros((EDGES, 4), np.int64)
    columns = np.zeros((ROWS * 2, 5), np.int64)
    nodes = INPUTS + STATED + OUTPUTS
    node_index = np.zeros(nodes, np.int64)
    node_order = np.zeros(nodes, np.int64)
    event_index = np.zeros(EVENTS, np.int64)
    event_order = np.zeros(EVENTS, np.int64)
    for run in range(first_run, len(runs) - 1):
        begin, stop = runs[run], runs[run + 1]
        n_events = n_in = n_out = n_rows = n_stated = n_links = n_old = 0
        odd = False
        end = NEVER
        ended_by = -1
        rank = 3
        state_of = begin
        lead = begin
        # 1. What was said, and when first.
        for body in range(begin, stop):
            if (
                run_valid[body] == 0
                or job_valid[body] == 0
                or parts[body] > 1
                or link_offsets[body] != link_offsets[body + 1]
                or not same(buffer, run_ids[body], run_ids[body] + 16, run_ids[lead], run_ids[lead] + 16)
                or not same(buffer, jobs[body], job_ends[body], jobs[lead], job_ends[lead])
            ):
                odd = True
                break
            doubled[body] = 0
            for event in range(n_events):
                before = event_of[event]
                if same(buffer, event_ids[body], body_ends[body], event_ids[before], body_ends[before]):
                    doubled[body] = 1
                    break
            if doubled[body]:
                continue
            if n_events == EVENTS:
                odd = True
                break
            event = n_events
            event_of[event] = body
            n_events += 1
            if body - begin < old[run]:
                n_old = n_events
            standing = _standing(buffer, states[body], state_ends[body])
            if standing == 0:
                end = min(end, event)
                if (
                    ended_by < 0
                    or times[body] < times[ended_by]
                    or (times[body] == times[ended_by] and _earlier(buffer, event_ids[body], event_ids[ended_by]))
                ):
                    ended_by = body
            elif standing < rank or event == 0:
                rank = standing
                state_of = body
            for kind in range(2):
                if (parent_valid[body] if kind == 0 else root_valid[body]) == 0:
                    continue
                start = parents[body] if kind == 0 else roots[body]
                link_end = parent_ends[body] if kind == 0 else root_ends[body]
                found = False
                for link in range(n_links):
                    other = link_of[link]
                    if link_kind[link] == kind and same(
                        buffer,
                        start,
                        link_end,
                        parents[other] if kind == 0 else roots[other],
                        parent_ends[other] if kind == 0 else root_ends[other],
                    ):
                        found = True
                        break
                if found:
                    continue
                if n_links == LINKS:
                    odd = True
                    break
                link_of[n_links] = body
                link_kind[n_links] = kind
                link_first[n_links] = event
                n_links += 1
            for one in range(in_offsets[body], in_offsets[body + 1]):
                found = False
                for other in range(n_in):
                    if same(buffer, ins[one], in_versions[one], ins[in_of[other]], in_versions[in_of[other]]):
                        found = True
                        break
                if found:
                    continue
                if n_in == INPUTS:
                    odd = True
                    break
                in_of[n_in] = one
                in_first[n_in] = event
                n_in += 1
            for one in range(out_offsets[body], out_offsets[body + 1]):
                if out_complete[one] != 0 or out_edges[one] != out_edges[one + 1]:
                    odd = True
                    break
                target = -1
                for other in range(n_out):
                    held = out_of[other]
                    if same(buffer, outs[one], out_names[one], outs[held], out_names[held]):
                        if same(buffer, outs[one], out_versions[one], outs[held], out_versions[held]):
                            target = other
                        elif out_valid[one] == 0 or out_valid[held] == 0:
                            odd = True
                if target < 0:
                    if n_out == OUTPUTS:
                        odd = True
                        break
                    target = n_out
                    out_of[n_out] = one
                    out_first[n_out] = event
                    n_out += 1
                for row in range(row_offsets[one], row_offsets[one + 1]):
                    found = False
                    for other in range(n_rows):
                        held = row_of[other]
                        if (
                            row_target[other] == target
                            and same(
                                buffer, row_fields[row], row_field_ends[row], row_fields[held], row_field_ends[held]
                            )
                            and same(buffer, rows[row], row_versions[row], rows[held], row_versions[held])
                        ):
                            found = True
                            break
                    if found:
                        continue
                    if n_rows == ROWS:
                        odd = True
                        break
                    row_of[n_rows] = row
                    row_target[n_rows] = target
                    row_first[n_rows] = event
                    n_rows += 1
            if odd:
                break
        ended[run] = 1 if end < NEVER else 0
        if odd:
            outcome[run] = ODD
            continue
        outcome[run] = NOTHING
        if n_events == n_old:
            continue
        # 2. Where column lineage comes from: inputs, or sources that only it names.
        for row in range(n_rows):
            one = row_of[row]
            row_input[row] = -1
            matches = 0
            for other in range(n_in):
                held = in_of[other]
                if row_valid[one] == 0:
                    if same(buffer, rows[one], row_names[one], ins[held], in_names[held]):
                        matches += 1
                        row_input[row] = other
                elif same(buffer, rows[one], row_versions[one], ins[held], in_versions[held]):
                    row_input[row] = other
            if matches > 1:
                odd = True
            for other in range(row):
                held = row_of[other]
                if row_valid[held] != row_valid[one] and same(
                    buffer, rows[one], row_names[one], rows[held], row_names[held]
                ):
                    odd = True
            row_source[row] = -1
            if row_input[row] >= 0:
                held = in_of[row_input[row]]
                if same(buffer, rows[one], row_versions[one], ins[held], in_versions[held]):
                    row_source[row] = row_input[row]
                    continue
                if row_first[row] >= in_first[row_input[row]]:
                    continue
            for other in range(n_stated):
                held = stated_of[other]
                if same(buffer, rows[one], row_versions[one], rows[held], row_versions[held]):
                    row_source[row] = INPUTS + other
                    break
            if row_source[row] < 0:
                if n_stated == STATED:
                    odd = True
                    break
                stated_of[n_stated] = one
                row_source[row] = INPUTS + n_stated
                n_stated += 1
        if odd or (n_in + n_stated + 1) * n_out + n_in > EDGES:
            outcome[run] = ODD
            continue
        # 3. Edges and column edges that this chunk made known or withdrew: source, target, known by, withdrawn by.
        n_edges = n_columns = 0
        first_in = NEVER
        for one in range(n_in):
            first_in = min(first_in, in_first[one])
        first_out = NEVER
        for one in range(n_out):
            first_out = min(first_out, out_first[one])
            into_first[one] = first_in
        for row in range(n_rows):
            target = row_target[row]
            into_first[target] = min(into_first[target], row_first[row])
        for target in range(n_out):
            for source in range(n_in):
                known = max(in_first[source], out_first[target])
                for row in range(n_rows):
                    if row_target[row] == target and row_source[row] == source:
                        known = min(known, row_first[row])
                if known >= n_old:
                    edges[n_edges, 0], edges[n_edges, 1], edges[n_edges, 2], edges[n_edges, 3] = (
                        source,
                        target,
                        known,
                        -1,
                    )
                    n_edges += 1
            for stated in range(n_stated):
                known = NEVER
                withdrawn = -1
                for row in range(n_rows):
                    if row_target[row] == target and row_source[row] == INPUTS + stated:
                        known = min(known, row_first[row])
                        if row_input[row] >= 0:
                            withdrawn = in_first[row_input[row]]
                if known < NEVER and (known >= n_old or withdrawn >= n_old):
                    edges[n_edges, 0], edges[n_edges, 1] = INPUTS + stated, target
                    edges[n_edges, 2], edges[n_edges, 3] = known, withdrawn
                    n_edges += 1
            known = max(out_first[target], end)
            if known < into_first[target]:
                withdrawn = into_first[target] if into_first[target] < NEVER else -1
                if known >= n_old or withdrawn >= n_old:
                    edges[n_edges, 0], edges[n_edges, 1], edges[n_edges, 2], edges[n_edges, 3] = (
                        -1,
                        target,
                        known,
                        withdrawn,
                    )
                    n_edges += 1
        for source in range(n_in):
            known = max(in_first[source], end)
            if known < first_out:
                withdrawn = first_out if first_out < NEVER else -1
                if known >= n_old or withdrawn >= n_old:
                    edges[n_edges, 0], edges[n_edges, 1], edges[n_edges, 2], edges[n_edges, 3] = (
                        source,
                        -1,
                        known,
                        withdrawn,
                    )
                    n_edges += 1
        for row in range(n_rows):
            read = row_input[row]
            source = row_source[row]
            if source >= 0:
                withdrawn = in_first[read] if source >= INPUTS and read >= 0 else -1
                if row_first[row] >= n_old or withdrawn >= n_old:
                    columns[n_columns, 0], columns[n_columns, 1] = source, row_target[row]
                    columns[n_columns, 2], columns[n_columns, 3] = row_first[row], withdrawn
                    columns[n_columns, 4] = row_of[row]
                    n_columns += 1
            if read >= 0 and source != read:
                known = max(row_first[row], in_first[read])
                if known >= n_old:
                    columns[n_columns, 0], columns[n_columns, 1] = read, row_target[row]
                    columns[n_columns, 2], columns[n_columns, 3] = known, -1
                    columns[n_columns, 4] = row_of[row]
                    n_columns += 1
        new_links = 0
        for link in range(n_links):
            if link_first[link] >= n_old:
                new_links += 1
        if n_edges + n_columns + new_links == 0:
            continue
        # 4. Which datasets and events they name, and how many bytes that takes at most.
        node_index[:] = -1
        event_index[:] = -1
        n_nodes = n_used = 0
        need = len(head) + 512 + (job_ends[lead] - jobs[lead]) + 16 * n_edges + 64 * new_links
        latest = np.int64(-(1 << 62))
        for entry in range(n_edges + n_columns):
            is_edge = entry < n_edges
            place = entry if is_edge else entry - n_edges
            for end_of in range(2):
                node = edges[place, end_of] if is_edge else columns[place, end_of]
                if node < 0:
                    continue
                if end_of == 1:
                    node += INPUTS + STATED
                if node_index[node] < 0:
                    node_index[node] = n_nodes
                    node_order[n_nodes] = node
                    n_nodes += 1
            for moment in range(2, 4):
                event = edges[place, moment] if is_edge else columns[place, moment]
                if event >= 0 and event_index[event] < 0:
                    event_index[event] = n_used
                    event_order[n_used] = event
                    n_used += 1
            if not is_edge:
                row = columns[place, 4]
                need += 24 + row_field_ends[row] - row_fields[row]
        for link in range(n_links):
            if link_first[link] >= n_old:
                event = link_first[link]
                if event_index[event] < 0:
                    event_index[event] = n_used
                    event_order[n_used] = event
                    n_used += 1
                body = link_of[link]
                need += parent_ends[body] - parents[body] + root_ends[body] - roots[body]
        for place in range(n_nodes):
            node = node_order[place]
            if node < INPUTS:
                need += in_kinds[in_of[node]] - ins[in_of[node]]
            elif node < INPUTS + STATED:
                need += 8 + row_versions[stated_of[node - INPUTS]] - rows[stated_of[node - INPUTS]]
            else:
                one = out_of[node - INPUTS - STATED]
                need += 64 + out_kinds[one] - outs[one]
        for place in range(n_used):
            latest = max(latest, times[event_of[event_order[place]]])
        need += 32 * n_used
        if at + need + 32 > len(out):
            return run, at
        # 5. The message.
        message_starts[run] = at
        at = put_slice(out, at, head, 0, len(head))
        id_at = at
        at += 16
        hashed = at
        at = put_number(out, at, latest)
        out[at] = 2
        at = put_slice(out, at + 1, buffer, run_ids[lead], run_ids[lead] + 16)
        at = put_slice(out, at, buffer, jobs[lead], job_ends[lead])
        if ended_by >= 0:
            state_of = ended_by
        if ended_by < 0 and rank == 3:
            at = put_number(out, at, 5)
            for letter in (79, 84, 72, 69, 82):
                out[at] = letter
                at += 1
        else:
            at = put_number(out, at, state_ends[state_of] - states[state_of])
            at = put_slice(out, at, buffer, states[state_of], state_ends[state_of])
        at = put_number(out, at, n_used)
        for place in range(n_used):
            body = event_of[event_order[place]]
            at = put_slice(out, at, buffer, event_ids[body], event_ids[body] + 16)
            at = put_number(out, at, times[body])
        out[at] = 0
        at += 1
        if n_nodes:
            at = put_number(out, at, n_nodes)
        for place in range(n_nodes):
            node = node_order[place]
            if node < INPUTS:
                one = in_of[node]
                at = put_slice(out, at, buffer, ins[one], in_kinds[one])
            elif node < INPUTS + STATED:
                one = stated_of[node - INPUTS]
                at = put_slice(out, at, buffer, rows[one], row_versions[one])
                for letter in (0, 10, 116, 97, 98, 108, 101):  # no origin, kind table
                    out[at] = letter
                    at += 1
            else:
                one = out_of[node - INPUTS - STATED]
                if out_valid[one]:
                    at = put_slice(out, at, buffer, outs[one], out_kinds[one])
                else:
                    at = put_slice(out, at, buffer, outs[one], out_names[one])
                    for letter in (2, 80, 114, 117, 110, 58):  # a text of 40: run:
                        out[at] = letter
                        at += 1
                    at = put_hex(out, at, buffer, run_ids[lead])
                    for letter in (2, 6, 114, 117, 110):  # origin run
                        out[at] = letter
                        at += 1
                    # Behind the version, a null byte, stands the origin: null, or 2 and a text.
                    kind_at = out_versions[one] + 1
                    if buffer[out_versions[one]] != 0:
                        length = np.int64(0)
                        shift = 0
                        while True:
                            byte = np.int64(buffer[kind_at])
                            kind_at += 1
                            length |= (byte & 127) << shift
                            shift += 7
                            if byte < 128:
                                break
                        kind_at += length >> 1
                    at = put_slice(out, at, buffer, kind_at, out_kinds[one])
        out[at] = 0
        at += 1
        if n_edges:
            at = put_number(out, at, n_edges)
            for place in range(n_edges):
                source, target = edges[place, 0], edges[place, 1]
                at = put_number(out, at, node_index[source] if source >= 0 else -1)
                at = put_number(out, at, node_index[INPUTS + STATED + target] if target >= 0 else -1)
                at = put_number(out, at, event_index[edges[place, 2]])
                at = put_number(out, at, event_index[edges[place, 3]] if edges[place, 3] >= 0 else -1)
                out[at] = 0
                at += 1
        out[at] = 0
        out[at + 1] = 0
        at += 2
        if n_columns:
            at = put_number(out, at, n_columns)
            for place in range(n_columns):
                at = put_number(out, at, node_index[columns[place, 0]])
                at = put_number(out, at, node_index[INPUTS + STATED + columns[place, 1]])
                at = put_number(out, at, event_index[columns[place, 2]])
                at = put_number(out, at, event_index[columns[place, 3]] if columns[place, 3] >= 0 else -1)
                row = columns[place, 4]
                at = put_slice(out, at, buffer, row_fields[row], row_field_ends[row])
        out[at] = 0
        at += 1
        if new_links:
            at = put_number(out, at, new_links)
            for link in range(n_links):
                if link_first[link] < n_old:
                    continue
                body = link_of[link]
                if link_kind[link] == 0:
                    at = put_number(out, at, 6)
                    for letter in (112, 97, 114, 101, 110, 116):
                        out[at] = letter
                        at += 1
                else:
                    at = put_number(out, at, 4)
                    for letter in (114, 111, 111, 116):
                        out[at] = letter
                        at += 1
                at = put_number(out, at, event_index[link_first[link]])
                at = put_number(out, at, -1)
                out[at] = 2
                at += 1
                if link_kind[link] == 0:
                    at = put_slice(out, at, buffer, parents[body], parent_ends[body])
                else:
                    at = put_slice(out, at, buffer, roots[body], root_ends[body])
                for _ in range(5):  # no trace, span, topic, partition, offset
                    out[at] = 0
                    at += 1
        out[at] = 0
        at += 1
        digest(out, hashed, at, id_at)
        message_ends[run] = at
        outcome[run] = MESSAGE
    return len(runs) - 1, at
