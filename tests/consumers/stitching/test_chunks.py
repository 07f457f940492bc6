"""The compiled path takes a chunk's bodies as they were read, and kept messages behind them, in whatever order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from headwater.schemas import plain
from headwater.schemas.codec import Bodies
from headwater.settings import Settings
from headwater.stitching import StitchingStep, kernel, ordinary
from headwater.stitching.folding import Folded
from headwater.stitching.kept import size_of
from headwater.stitching.runs import Runs
from headwater.streams import Group
from tests.consumers.stitching import worlds


@given(
    st.lists(st.lists(worlds.events(ordinary=True), min_size=1, max_size=4), min_size=1, max_size=4),
    st.integers(0, 3),
    st.randoms(use_true_random=False),
)
def test_in_one_piece_or_as_they_came(runs: list[list[dict[str, Any]]], many: int, chance: Any) -> None:
    """Runs whose messages are partly kept and partly in a chunk, shuffled, are stitched as when all stand side by side,
    whether the chunk was read by the step's program before or not.
    """
    program = ordinary.program(worlds.SCHEMA)
    assert program is not None
    messages = [[plain.message(worlds.SCHEMA, event) for event in run] for run in runs]
    known = [min(many, len(run) - 1) for run in messages]
    firsts = np.cumsum([0, *map(len, messages)]).astype(np.int64)
    old = np.array(known, np.int64)
    flat = [message for run in messages for message in run]
    side_by_side = ordinary.Told.of(program, Group(worlds.SCHEMA, np.arange(len(flat)), Bodies.join(flat, 10)))
    in_order = np.arange(len(flat), dtype=np.int64)
    expected = ordinary.stitch(program, side_by_side, [], in_order, firsts, old, bytes(16), 5)

    kept = [message for run, n in zip(messages, known, strict=True) for message in run[:n]]
    new = [(run, n) for run in range(len(runs)) for n in range(known[run], len(messages[run]))]
    chance.shuffle(new)
    bodies = Bodies.join([messages[run][n] for run, n in new], 10)
    rows = {place: row for row, place in enumerate(new)}
    behind = iter(range(len(new), len(flat)))
    order = [
        next(behind) if n < known[run] else rows[run, n] for run in range(len(runs)) for n in range(len(messages[run]))
    ]
    decoded = program.decode(bodies)
    for group in (
        Group(worlds.SCHEMA, np.arange(len(new)), bodies),
        Group(worlds.SCHEMA, np.arange(len(new)), bodies, program, decoded),
    ):
        told = ordinary.Told.of(program, group)
        found = ordinary.stitch(program, told, kept, np.array(order, np.int64), firsts, old, bytes(16), 5)
        assert found.outcome.tolist() == expected.outcome.tolist()
        assert found.messages == expected.messages
        ordinary_ones = np.repeat(expected.outcome != kernel.ODD, np.diff(firsts))
        assert found.doubled[ordinary_ones].tolist() == expected.doubled[ordinary_ones].tolist()
        assert found.ended.tolist() == expected.ended.tolist()


@given(st.lists(st.lists(worlds.events(ordinary=True), max_size=5), max_size=6), st.data())
def test_what_the_state_takes_is_counted(chunks: list[list[dict[str, Any]]], data: st.DataObject) -> None:
    """Chunk by chunk, of several runs, new and repeated: memory and open runs are those of what is kept."""
    step = StitchingStep(Settings())
    for chunk in chunks:
        for event in chunk:
            event["run"]["run_id"] = bytes([data.draw(st.integers(1, 3))]) * 16
        step.process(worlds.batch(chunk))
    partitions: dict[int, Runs] = vars(step)["_partitions"]
    for runs in partitions.values():
        assert runs.size == sum(map(size_of, runs.kept.values()))
        together = dict(runs.young.items())
        assert not together.keys() & runs.kept.keys()
        assert len(runs.young) == len(together)
        both = [*runs.kept.values(), *together.values()]
        ended = [run.ended if isinstance(run, Folded) else bool(int(run[1]) & 1) for run in both]
        assert runs.open == ended.count(False)
