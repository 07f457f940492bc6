"""The ordinary runs that a chunk touches, taken out of the state and put back all together.

Most runs are touched by one message of a chunk: the first of the run, or the second. Those two shapes go through the
interpreter's own loops (zip, map, dict.update); what is left is done run by run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import cast

import numpy as np

from headwater.stitching import kernel
from headwater.stitching.apart import Rows
from headwater.stitching.hashing import Numbers
from headwater.stitching.kept import HEAD, MESSAGE_BYTES, RUN_BYTES, Ordinary
from headwater.stitching.ordinary import Stitched
from headwater.stitching.runs import Runs

#: An ordinary run of one message.
_SINGLE = HEAD + 2


@dataclass
class Touched:
    """R runs of one writer schema, in the order in which they are stitched: `first` runs whose first message this is,
    `second` whose second, then the others. `befores`: flags of the runs that were there; -1 for new ones.

    `kept`: the messages of those that were there, with their `places` (offsets). `order`, `runs`, `old`: as
    `ordinary.stitch` takes them; rows below `base` are the chunk's.
    """

    keys: list[bytes]
    rows: list[int]
    first: int
    second: int
    befores: list[int]
    kept: list[bytes]
    places: list[int]
    order: Numbers
    runs: Numbers
    old: Numbers
    base: int


def touched(rows_of: dict[bytes, Rows], runs: Runs, rows_there: Numbers, size: int) -> Touched:
    """The runs of these keys. `rows_there`: which messages of the chunk, of so many, are of this writer schema."""
    base = len(rows_there)
    where = np.full(size, -1, np.int64)
    where[rows_there] = np.arange(base)
    get = runs.kept.get
    first_keys: list[bytes] = []
    first_rows: list[int] = []
    second_keys: list[bytes] = []
    second_rows: list[int] = []
    second_runs: list[Ordinary] = []
    others: list[tuple[bytes, Ordinary, list[int]]] = []
    for key, rows in rows_of.items():
        run = cast("Ordinary | None", get(key))
        if type(rows) is int:
            if run is None:
                first_keys.append(key)
                first_rows.append(rows)
                continue
            if len(run) == _SINGLE:
                second_keys.append(key)
                second_rows.append(rows)
                second_runs.append(run)
                continue
        others.append((key, run or (), [rows] if type(rows) is int else cast("list[int]", rows)))
    first, second = len(first_keys), len(second_keys)
    befores = [-1] * first + [cast("int", run[1]) for run in second_runs]
    places = [cast("int", run[HEAD]) for run in second_runs]
    kept = [cast("bytes", run[HEAD + 1]) for run in second_runs]
    rows_so_far = first_rows + second_rows
    single = where[np.array(rows_so_far, np.int64)]
    pairs = np.empty(2 * second, np.int64)
    pairs[0::2] = np.arange(base, base + second)
    pairs[1::2] = single[first:]
    order = [single[:first], pairs]
    counts = [np.ones(first, np.int64), np.full(second, 2, np.int64)]
    old = [np.zeros(first, np.int64), np.ones(second, np.int64)]
    if others:
        more: list[int] = []
        lengths: list[int] = []
        known: list[int] = []
        placed = where.tolist()
        for _, run, rows in others:
            count = max(len(run) - HEAD, 0) // 2
            befores.append(cast("int", run[1]) if run else -1)
            more += range(base + len(kept), base + len(kept) + count)
            more += [placed[row] for row in rows]
            places += cast("tuple[int, ...]", run[HEAD : HEAD + count])
            kept += cast("tuple[bytes, ...]", run[HEAD + count :])
            lengths.append(count + len(rows))
            known.append(count)
            rows_so_far += rows
        order.append(np.array(more, np.int64))
        counts.append(np.array(lengths, np.int64))
        old.append(np.array(known, np.int64))
    starts = np.zeros(first + second + len(others) + 1, np.int64)
    np.cumsum(np.concatenate(counts), out=starts[1:])
    keys = first_keys + second_keys + [key for key, _, _ in others]
    return Touched(
        keys,
        rows_so_far,
        first,
        second,
        befores,
        kept,
        places,
        np.concatenate(order),
        starts,
        np.concatenate(old),
        base,
    )


def keep(
    one: Touched, stitched: Stitched, runs: Runs, number: int, values: Sequence[bytes], offsets: Sequence[int]
) -> None:
    """Put the runs back, each with what it was told now; odd ones are left as they were."""
    flags = stitched.ended.astype(np.int64)
    before = np.array(one.befores, np.int64)
    there = before >= 0
    flags[there] |= before[there] & ~1
    odd = stitched.outcome == kernel.ODD
    runs.open += int((~odd).sum() - stitched.ended[~odd].sum()) - int((there & ~odd & (before & 1 == 0)).sum())
    flag_of = flags.tolist()
    keys, rows, first, second = one.keys, one.rows, one.first, one.second
    serial, kept = runs.serial, runs.kept
    both = first + second
    messages = [values[row] for row in rows[:both]]
    at = [offsets[row] for row in rows[:both]]
    # Of a first message nothing can be repeated; of a second one, itself.
    news = zip(repeat(serial), flag_of[:first], repeat(number), at[:first], messages[:first])
    seconds = zip(
        repeat(serial), flag_of[first:both], repeat(number), one.places[:second], at[first:],
        one.kept[:second], messages[first:],
    )  # fmt: skip
    again = stitched.doubled[one.runs[first:both] + 1] if second else stitched.doubled[:0]
    if odd[:both].any() or again.any():
        said: list[Ordinary] = list(news)
        for place, run in enumerate(seconds):
            said.append((*run[:HEAD], run[HEAD], run[HEAD + 2]) if again[place] else run)
        whole = (~odd[:both]).tolist()
        kept.update(pair for pair, is_whole in zip(zip(keys, said, strict=False), whole, strict=True) if is_whole)
    else:
        kept.update(zip(keys[:first], news, strict=True))
        kept.update(zip(keys[first:both], seconds, strict=True))
    grown = (RUN_BYTES + MESSAGE_BYTES) * int((~odd[:first]).sum()) + MESSAGE_BYTES * int((~odd[first:both]).sum())
    lengths = np.fromiter(map(len, messages), np.int64, both)
    new = ~odd[:both]
    new[first:] &= again == 0
    grown += int(lengths[new].sum()) - MESSAGE_BYTES * int((again[~odd[first:both]] != 0).sum())
    runs.size += grown
    if len(keys) > both:
        _keep_others(one, stitched, runs, number, values, offsets, flag_of, odd)


def _keep_others(
    one: Touched,
    stitched: Stitched,
    runs: Runs,
    number: int,
    values: Sequence[bytes],
    offsets: Sequence[int],
    flags: list[int],
    odd: Numbers,
) -> None:
    both = one.first + one.second
    row, there = both, one.second
    doubled = stitched.doubled.tolist()
    for place in range(both, len(one.keys)):
        begin, known = int(one.runs[place]), int(one.old[place])
        count = int(one.runs[place + 1]) - begin
        new = one.rows[row : row + count - known]
        at = one.places[there : there + known] + [offsets[n] for n in new]
        said = one.kept[there : there + known] + [values[n] for n in new]
        size_before = sum(map(len, said[:known])) + MESSAGE_BYTES * known
        row += count - known
        there += known
        if odd[place]:
            continue
        if any(doubled[begin : begin + count]):
            left = [n for n in range(count) if not doubled[begin + n]]
            at, said = [at[n] for n in left], [said[n] for n in left]
        runs.size += sum(map(len, said)) + MESSAGE_BYTES * len(said) - size_before
        if one.befores[place] < 0:
            runs.size += RUN_BYTES
        runs.kept[one.keys[place]] = (runs.serial, flags[place], number, *at, *said)
