"""Workers as an operator starts them: `headwater worker NAME` as processes, for tests of the whole line."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from headwater.settings import PREFIX, Settings
from tests.backends.processes import ServerProcess


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which commands of ours have these settings and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {
        PREFIX + field.name.upper(): str(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != field.default
    }
    return {**plain, **given}


def _says_ready(log: Path) -> bool:
    return " ready" in log.read_text("utf-8")


@contextlib.contextmanager
def working(names: Sequence[str], settings: Settings, folder: Path) -> Generator[dict[str, ServerProcess]]:
    """Run these workers while the block lasts; they are ready when it begins, and end in order after it."""
    workers: dict[str, ServerProcess] = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            log = folder / f"{name}.log"
            workers[name] = ServerProcess(
                f"worker {name}",
                [sys.executable, "-m", "headwater.cli", "worker", name],
                log,
                ready=partial(_says_ready, log),
                seconds=60,
                environment=environment(settings),
                folder=folder,
            )
            stack.callback(workers[name].stop, 20)
            workers[name].start()
        yield workers
