"""What the codec costs an event, on the stitching benchmark's run events: CPU time, printed."""

from __future__ import annotations

import random
import time

import pytest

from headwater.schemas import plain
from headwater.schemas.codec import Bodies, compile_schema
from headwater.schemas.records import current
from tests.benchmarks.workload import events_of

CAPTURES = (
    "event_id", "event_time", "part", "parts", "kind", "run.run_id", "run.state", "job.namespace", "job.name",
    "inputs[].namespace..version", "inputs[].namespace..kind", "outputs[].namespace..version",
    "outputs[].namespace..kind", "outputs[].edges_complete", "outputs[].column_lineage[].namespace..version",
    "outputs[].column_lineage[].column..captured",
)  # fmt: skip


@pytest.mark.prove
def test_cost_of_an_event(seed: int) -> None:
    """Proving run events and reading what stitching wants takes at most 3 µs each on one core (aim: 1 and 1.5)."""
    schema = current("run_event")
    chance = random.Random(seed)
    messages = [plain.encode(schema, event) for run in range(2000) for event in events_of(run, chance)[1:]] * 20
    size = sum(map(len, messages)) / len(messages)
    begin = time.thread_time()
    bodies = Bodies.join(messages)
    joining = time.thread_time() - begin
    print(f"\n{len(messages):,} run events of {size:.0f} bytes; joined in {joining / len(messages) * 1e6:.2f} µs each")  # noqa: T201 — the proof's record
    for captures in ((), CAPTURES):
        program = compile_schema(schema, captures)
        assert not program.decode(bodies).error.any()
        costs: list[float] = []
        for _ in range(9):
            begin = time.thread_time()
            program.decode(bodies)
            costs.append((time.thread_time() - begin) / len(messages) * 1e6)
        print(f"{len(captures)} captures: {min(costs):.2f} µs an event at best, {sorted(costs)[4]:.2f} in the middle")  # noqa: T201 — the proof's record
        assert min(costs) < 3
