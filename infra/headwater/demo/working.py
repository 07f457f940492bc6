"""The demo's processes, one after another: each works alone, and the next one loads meanwhile."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from headwater.demo.process import Task
from headwater.errors import HeadwaterError


class Working:
    """One process: loading since it was made, working while `work` is asked, killed at the context's end."""

    def __init__(self, task: Task, environment: Mapping[str, str]) -> None:
        self.task = task
        self._words = tempfile.TemporaryFile("w+")  # noqa: SIM115 — closed with the process, by __exit__
        self._process = subprocess.Popen(
            task.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env=dict(environment),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._words.close()

    def work(self) -> Iterator[dict[str, Any]]:
        """Let it work and give what it says. Raises HeadwaterError with its last words where it fails."""
        try:
            self._tell()
            assert self._process.stdout is not None  # noqa: S101 -- asked for above
            for line in self._process.stdout:
                yield json.loads(line)
        except BrokenPipeError:  # it ended while it was loading, and says why
            pass
        if self._process.wait():
            self._words.seek(0)
            last = (self._words.read().strip().splitlines() or ["it said nothing"])[-1]
            raise HeadwaterError(f"the process for {self.task.work} of {self.task.days[0]} failed: {last}")

    def _tell(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 -- asked for above
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()


@contextmanager
def working(tasks: Sequence[Task], environment: Mapping[str, str]) -> Generator[Iterator[Working]]:
    """The processes for these tasks, in order, each to be let work before the next is taken."""
    with ExitStack() as begun:

        def made() -> Iterator[Working]:
            loading = begun.enter_context(Working(tasks[0], environment))
            for task in tasks[1:]:
                current, loading = loading, begun.enter_context(Working(task, environment))
                yield current
            yield loading

        yield made()
