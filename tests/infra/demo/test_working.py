"""The demo's processes: the next loads while one works, none works before it is told, and none stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from headwater.demo.options import Options
from headwater.demo.process import Task
from headwater.demo.working import working
from headwater.errors import HeadwaterError
from tests.backends.processes import wait_until

pytestmark = pytest.mark.integration

#: Leaves a file once it is loaded, and works where it is told to: as the demo's own, in no time.
SCRIPT = """
import json, os, pathlib, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
(folder / f"{name}.new").write_text(str(os.getpid()))
(folder / f"{name}.new").rename(folder / name)
if name == "broken":
    sys.exit("the disk is full")
if sys.stdin.readline():
    print(json.dumps({"worked": name}), flush=True)
    if name == "failing":
        sys.exit("no such table")
"""


class Scripted(Task):
    """A task whose process runs the script above."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", SCRIPT, self.folder, self.work]


def tasks(folder: Path, *names: str) -> list[Task]:
    return [Scripted(name, ("2013-01-01",), str(folder), Options().to_json()) for name in names]


def test_the_next_loads_while_one_works(tmp_path: Path) -> None:
    """In order, each when it is its turn; the one after it is there by then, the one after that is not."""
    told: list[object] = []
    with working(tasks(tmp_path, "first", "second", "third"), os.environ) as processes:
        first = next(processes)
        wait_until((tmp_path / "second").exists, 20, "the second loading")
        assert not (tmp_path / "third").exists()
        told += first.work()
        assert told == [{"worked": "first"}]
        for process in processes:
            told += process.work()
    assert told == [{"worked": name} for name in ("first", "second", "third")]


def test_none_stays(tmp_path: Path) -> None:
    """Where the demo ends early, the process that was loading ends with it and has not worked."""

    def interrupted() -> None:
        with working(tasks(tmp_path, "first", "second"), os.environ) as processes:
            next(processes)
            for name in ("first", "second"):
                wait_until((tmp_path / name).exists, 20, f"the {name} loading")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    for name in ("first", "second"):
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / name).read_text()), 0)


@pytest.mark.parametrize(("name", "words"), [("failing", "no such table"), ("broken", "the disk is full")])
def test_one_that_fails_is_named_with_its_last_words(tmp_path: Path, name: str, words: str) -> None:
    """Whether it fails while it works or while it loads."""
    with working(tasks(tmp_path, name), os.environ) as processes:
        process = next(processes)
        wait_until((tmp_path / name).exists, 20, "its loading")
        with pytest.raises(HeadwaterError, match=f"the process for {name} of 2013-01-01 failed: {words}"):
            list(process.work())
