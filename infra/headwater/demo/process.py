"""One process of the demo, as a service would be one: a month of nights, or the making of a model.

`python -m headwater.demo.process <JSON of a Task>`; brokers and prefix come from the settings. It loads, waits for a
line on its stdin, and works; without a line it ends. It prints one JSON object a line: {"day", "mae"} after each night,
{"parameters", …} for a model.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from headwater.demo import fit
from headwater.demo.daily import Night
from headwater.demo.lake import Lake
from headwater.demo.lifecycle import Lifecycle
from headwater.demo.options import Options
from headwater.demo.tracked import IDENTIFIERS, Clock, Tracked
from headwater.producer import Producer

#: Longest wait for the broker to take what is left, seconds.
WAIT = 60.0


@dataclass(frozen=True)
class Task:
    """What a process is asked for."""

    #: nights: run the nights of `days`; v1 or v2: make that model from `days`.
    work: str
    days: tuple[str, ...]
    #: The demo's folder: deliveries, lake and models are in it.
    folder: str
    #: `Options.to_json()`.
    options: str
    #: The model that serves those nights; empty: none does yet.
    model: str = ""

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "headwater.demo.process", json.dumps(asdict(self))]


def run(task: Task, tracked: Tracked) -> None:
    """Do it; see the module for what is printed."""
    options, folder = Options.from_json(task.options), Path(task.folder)
    days = [date.fromisoformat(day) for day in task.days]
    lifecycle = Lifecycle(tracked, options, folder / "models")
    if task.work == "nights":
        serving = lifecycle.serving(task.model) if task.model else None
        with tracked.around("nights", days[0], days[0], days[-1]):
            for day in days:
                night = Night(tracked, options, folder / "deliveries", day)
                tracked.make_room()
                night.prepare()
                _say({"day": str(day), "mae": None if serving is None else night.serve(serving)})
        return
    with tracked.around("release", days[-1], days[0], days[-1]):
        made = lifecycle.first(days) if task.work == "v1" else lifecycle.again(days)
    _say({"model": made.model_version, **made.measured})


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The process. It fails where events were lost on their way to the broker."""
    content = json.loads(sys.argv[1])
    task = Task(**(content | {"days": tuple(content["days"])}))
    if task.work != "nights":
        fit.load()
    if not sys.stdin.readline():
        return
    clock = Clock()
    options = Options.from_json(task.options)
    producer = Producer(clock=clock, service=f"flights-{task.work}")
    try:
        identifiers = frozenset(options.column(name) for name in IDENTIFIERS)
        run(task, Tracked(Lake(Path(task.folder) / "lake"), producer, clock, identifiers))
    finally:
        producer.close(WAIT)
    if lost := producer.stats().dropped:
        sys.exit(f"{lost} events did not reach the broker: {producer.stats().last_error or producer.stats().drops}")


if __name__ == "__main__":
    main()
