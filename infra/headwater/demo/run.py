"""The demo from beginning to end: a stack of its own, the year in processes, the answers."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from headwater.audit import connect
from headwater.demo import feeds
from headwater.demo.answers.document import Document, document
from headwater.demo.options import Options
from headwater.demo.process import Task
from headwater.demo.progress import Progress
from headwater.demo.working import Working, working
from headwater.embedded.home import hold, open_home
from headwater.embedded.reading import reading
from headwater.embedded.stack import Stack
from headwater.embedded.status import status
from headwater.errors import StateError, Unavailable
from headwater.settings import PREFIX, Settings

#: Says that a home is a demo's, and of which choices.
MARK = "demo.json"
#: Longest wait for the history to have everything, seconds.
ARCHIVED = 120.0
#: Longest wait for the workers to listen, seconds: the first start after an installation compiles.
READY = 180.0
#: A process of the demo may queue this much before it waits, bytes.
QUEUE = 128 * 1024 * 1024


def run(options: Options, home: Path, progress: Progress, prediction: str | None = None) -> Document:
    """Make the demo's history in `home` anew and ask it.

    Raises StateError where the home holds another history or is in use, and what the stack raises.
    """
    prepare(home, options, progress)
    progress.begin("starting broker, store and workers")
    with ThreadPoolExecutor(1) as pool:
        delivering = pool.submit(feeds.deliver, options, home / "demo" / "deliveries")
        with Stack(home, settings=Settings(home=str(home)), tell=progress.say) as stack:
            days = delivering.result()
            progress.end(f"{len(days)} days of {', '.join(options.sources)} delivered")
            progress.begin("waiting for the workers")
            _wait_until_ready(home, stack)
            progress.end("compiled, which the first start does once; joined")
            _live(options, days, home, stack, progress)
            progress.begin("waiting for the history")
            if not stack.wait_until_archived(ARCHIVED):
                raise Unavailable(f"after {ARCHIVED:g} s {_behind(stack)} are not worked off; see {home / 'logs'}")
            progress.end("all events are in it")
            progress.begin("asking the history")
            answers = document(connect(stack.settings), options, prediction)
            progress.end()
            progress.begin("stopping")
        progress.end("the history is kept")
    return answers


def _wait_until_ready(home: Path, stack: Stack) -> None:
    """A year in a minute is faster than any pipeline: what is told of it before all workers listen is told piecemeal.

    Raises Unavailable where they do not within READY seconds.
    """
    deadline = time.monotonic() + READY
    opened = open_home(home)
    while True:
        parts: list[dict[str, Any]] = status(opened, stack.settings)["parts"]
        workers = [part for part in parts if part["name"] not in {"broker", "store"}]
        waiting = [str(part["name"]) for part in workers if not part["health"] or not part["health"]["ok"]]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"after {READY:g} s {', '.join(waiting)} are not ready; see {home / 'logs'}")
        time.sleep(0.2)


def _behind(stack: Stack) -> str:
    """What waits for which consumer group."""
    waiting = [
        f"{count} messages of {topic} for {group}"
        for group, topics in stack.behind().items()
        for topic, count in topics.items()
        if count
    ]
    return ", ".join(waiting) or "some messages"


def prepare(home: Path, options: Options, progress: Progress) -> None:
    """Empty the home of an earlier demo. Raises StateError where it holds anything else, or is in use."""
    mark = home / "demo" / MARK
    if home.exists() and any(home.iterdir()):
        if not mark.exists():
            raise StateError(f"{home} holds something else than a demo: choose another --home")
        with hold(open_home(home), "stack"):
            made = json.loads(mark.read_text())["made"]
            progress.say(f"Replacing the demo of {made} in {home}; --home FOLDER keeps both.")
            for entry in home.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.parent.mkdir()
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    mark.write_text(json.dumps({"made": made, "options": json.loads(options.to_json())}))


def _live(options: Options, days: Sequence[date], home: Path, stack: Stack, progress: Progress) -> None:
    """The year: months without a model, the first model, months that it serves, the second model."""

    def task(work: str, chosen: Sequence[date], model: str = "") -> Task:
        return Task(work, tuple(map(str, chosen)), str(home / "demo"), options.to_json(), model)

    tasks = [task("nights", _of(days, month)) for month in options.training_months]
    tasks.append(task("v1", [day for day in days if day.month in options.training_months]))
    tasks += [task("nights", _of(days, month), "v1") for month in options.scored_months]
    tasks.append(task("v2", days))
    with working(tasks, _environment(stack.bootstrap)) as processes:
        for process in processes:
            (_nights if process.task.work == "nights" else _release)(process, progress)


def _of(days: Sequence[date], month: int) -> list[date]:
    return [day for day in days if day.month == month]


def _nights(process: Working, progress: Progress) -> None:
    days = process.task.days
    progress.begin(f"{date.fromisoformat(days[0]):%B %Y}: a process, a run a step and night", len(days))
    errors: list[float] = []
    for done, said in enumerate(process.work(), 1):
        if said["mae"] is not None:
            errors.append(said["mae"])
        progress.update(done, str(said["day"]))
    error = f", mean error {sum(errors) / len(errors):.1f} minutes" if errors else ", no model yet"
    progress.end(f"{len(days)} nights{error}")


def _release(process: Working, progress: Progress) -> None:
    progress.begin(f"model {process.task.work}: train, validate, deploy")
    for said in process.work():
        progress.end(f"{said['model']}, validated: mean error {said['mae']:.1f} minutes, R² {said['r2']:.3f}")


def _environment(bootstrap: str) -> dict[str, str]:
    """What a service is given: where the broker is. Settings of whoever runs the demo are left out."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {
        **inherited,
        "HEADWATER_SETTINGS": os.devnull,
        "HEADWATER_BROKERS": bootstrap,
        "HEADWATER_QUEUE_BYTES": str(QUEUE),
    }


def ask(home: Path, prediction: str | None = None) -> Document:
    """The answers of the demo that a home holds already. Raises StateError where it holds none."""
    mark = home / "demo" / MARK
    if not mark.exists():
        raise StateError(f"{home} holds no demo: `headwater demo` makes one")
    options = Options.from_json(json.dumps(json.loads(mark.read_text())["options"]))
    with reading(home, Settings()) as settings:
        return document(connect(settings), options, prediction)
