"""What the state benchmark measures in processes of their own: `python -m tests.benchmarks.state_cases CASE …`."""

from __future__ import annotations

import dataclasses
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from headwater.schemas import plain, records
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.streams import memory, run
from headwater.streams.chunk import Chunk
from headwater.streams.reading import read
from headwater.streams.schemas import SchemaBook
from headwater.streams.step import program_of
from tests.benchmarks import workload

Message = tuple[bytes, bytes]
Dataset = dict[str, str]
SCHEMA = records.current("run_event")
_CHUNK = 4000
#: Events between two measurements of growth, and how often both ends of it are measured.
_STRETCH, _TURNS = 100_000, 7


class Feed:
    """Events of many runs, made from a few by putting in other ids."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._made: list[tuple[bytes, bytes, bytes, bytes, bytes]] = []
        for number in range(64):
            run_id, start, complete = workload.events_of(number, self._chance)
            self._made.append(
                (
                    run_id,
                    plain.message(SCHEMA, start),
                    start["event_id"],
                    plain.message(SCHEMA, complete),
                    complete["event_id"],
                )
            )
        self.open: list[bytes] = []

    def _event(self, run_id: bytes, place: int) -> bytes:
        old_run, *events = self._made[run_id[0] % len(self._made)]
        message, old_event = events[place], events[place + 1]
        return message.replace(old_run, run_id).replace(old_event, self._chance.randbytes(16))

    def starts(self, count: int) -> list[Message]:
        """START of so many new runs, which are open then."""
        ids = [self._chance.randbytes(16) for _ in range(count)]
        self.open += ids
        return [(one, self._event(one, 0)) for one in ids]

    def completes(self, count: int) -> list[Message]:
        """COMPLETE of some that are open."""
        return [(one, self._event(one, 2)) for one in self._chance.sample(self.open, count)]

    def more(self, count: int) -> list[Message]:
        """Another event of runs that are open."""
        return [(one, self._event(one, 0)) for one in self._chance.choices(self.open, k=count)]

    def short(self, runs: int) -> list[Message]:
        """All events of so many short runs, shuffled within 20 s."""
        made: list[Message] = []
        for at in range(0, runs, 10_000):
            ids = [self._chance.randbytes(16) for _ in range(min(10_000, runs - at))]
            some = [(one, self._event(one, place)) for one in ids for place in (0, 2)]
            self._chance.shuffle(some)
            made += some
        return made


class Line:
    """The step with its reading. Commits after each chunk, ticks each second of broker time."""

    def __init__(self, settings: Settings) -> None:
        self.step = StitchingStep(settings)
        self._program = program_of(self.step)
        self._book = SchemaBook(settings)
        self._offset = 0
        self.sent = 0
        self.cpu = 0.0

    def take(self, messages: list[Message]) -> float:
        """Process them in chunks; CPU µs an event."""
        spent = 0.0
        for at in range(0, len(messages), _CHUNK):
            some = messages[at : at + _CHUNK]
            first = self._offset
            self._offset += len(some)
            times = [1_700_000_000_000 + n for n in range(first, self._offset)]
            chunk = Chunk(
                "lineage.runs", 0, [k for k, _ in some], [v for _, v in some], list(range(first, self._offset)), times
            )
            began = time.process_time()
            reading = read(chunk, self._book, program=self._program)
            outputs = [*self.step.process(reading.batch)]
            self.step.committed({("lineage.runs", 0): self._offset})
            outputs += self.step.tick(0)
            spent += time.process_time() - began
            self.sent += sum(len(o.value) for o in outputs if o.partition >= 0)
        return spent / len(messages) * 1e6


def _memory() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def growth(first: int, last: int, folder: str) -> dict[str, float]:
    """Cost of short runs up to event `first`, and after `last` events: in turns, so that the machine's other load is
    the same for both; medians.
    """
    line, feed = Line(Settings(stitching_folder=folder)), Feed()
    line.take(feed.short(_CHUNK))  # compiles
    for at in range(0, last, _STRETCH):
        line.take(feed.short(_STRETCH // 2))
        print(f"{at + _STRETCH:,} events, {_memory() / 2**20:,.0f} MiB", file=sys.stderr, flush=True)
    turns: list[tuple[float, float]] = []
    for _ in range(_TURNS):
        # Several workers that begin, so that as many events are measured of both.
        young = [Line(Settings(stitching_folder=folder)) for _ in range(_STRETCH // first)]
        before = sum(one.take(feed.short(first // 2)) for one in young) / len(young)
        turns.append((before, line.take(feed.short(_STRETCH // 2))))
    before, after = (statistics.median(column) for column in zip(*turns, strict=True))
    return {"first": before, "last": after, "rss": _memory(), "kept": line.step.gauges()["kept_runs"]}


def with_open(count: int, folder: str) -> dict[str, float]:
    """Cost of short runs with a quarter of the events to open runs that were put away."""
    line, feed = Line(Settings(stitching_folder=folder)), Feed()
    line.take(feed.short(_CHUNK))
    for at in range(0, count, 50_000):
        line.take(feed.starts(min(50_000, count - at)))
    line.take(feed.short(175_000))  # 350 s: what was open before is put away
    memory = _memory()
    cost = 0.0
    for _ in range(20):
        messages = [*feed.short(3750), *feed.more(2500)]
        random.Random(1).shuffle(messages)
        cost += line.take(messages) / 20
    runs = line.step._partitions[0]  # pyright: ignore[reportPrivateUsage]  # what nobody else asks
    return {"cost": cost, "rss": max(memory, _memory()), "disk": runs.parked.disk_bytes, "sent": line.sent}


def long(count: int, folder: str) -> dict[str, object]:
    """Cost of a run of many RUNNING events that say the same, and of some whose events each say something new: of
    short runs beside it, of its events, and of its events with its end.
    """
    line, feed = Line(Settings(stitching_folder=folder)), Feed()
    line.take(feed.short(_CHUNK))
    memory = [_memory() // 2**20]
    chance = random.Random(3)
    run_id, start, _complete = workload.events_of(1, chance)

    def running(number: int, run: bytes, inputs: list[Dataset], outputs: list[Dataset], state: str) -> Message:
        told = {**start, "event_id": number.to_bytes(16, "big"), "inputs": [*start["inputs"], *inputs]}
        told["outputs"] = outputs
        told["run"] = {**start["run"], "run_id": run, "state": state}
        return run, plain.message(SCHEMA, told)

    def named(name: str) -> list[Dataset]:
        return [{"namespace": "s3://lake", "name": name, "version": "1", "version_origin": "store"}]

    def measured(messages: list[Message], end: Message | None) -> dict[str, float]:
        # In turns, so that the machine's other load is the same for both.
        pieces = [messages[at : at + len(messages) // 10] for at in range(0, len(messages), len(messages) // 10)]
        turns = [(line.take(feed.short(5000)), line.take(piece)) for piece in pieces]
        short, cost = (sum(column) / len(turns) for column in zip(*turns, strict=True))
        memory.append(_memory() // 2**20)
        return {"short": short, "cost": cost, "ended": cost + (line.take([end]) / len(messages) if end else 0.0)}

    def growing(run: bytes, events: int, inputs: str, outputs: str) -> list[Message]:
        return [
            running(
                n,
                run,
                named(inputs.format(n)) if inputs else [],
                named(outputs.format(n)) if outputs else [],
                "RUNNING",
            )
            for n in range(events)
        ]

    costs: dict[str, object] = {"same": measured([running(n, run_id, [], [], "RUNNING") for n in range(count)], None)}
    # What is compiled is compiled before: a run that is wide, too.
    line.take(growing(chance.randbytes(16), 5000, "warm-{}", "sink"))
    for case, inputs, outputs, events in (
        ("reading", "part-{}", "", count),
        ("writing", "part-{}", "sink", count),
        ("outputs", "", "part-{}", count),
    ):
        run = chance.randbytes(16)
        end = running(count, run, [], named(outputs.format(0) or "sink"), "COMPLETE")
        costs[case] = measured(growing(run, events, inputs, outputs), end)
    return {**costs, "rss": memory}


def main() -> int:
    name, *arguments = sys.argv[1:]
    if name == "worker":
        bootstrap, prefix, young = arguments
        settings = Settings(brokers=bootstrap, prefix=prefix)
        return run([StitchingStep(dataclasses.replace(settings, stitching_young_seconds=float(young)))], settings)
    memory.keep()  # as a worker does when it starts
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        cases: dict[str, Callable[..., object]] = {"growth": growth, "open": with_open, "long": long}
        print(json.dumps(cases[name](*map(int, arguments), folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
