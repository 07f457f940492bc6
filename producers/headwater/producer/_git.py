"""What a git work tree says of its code. Files are read; git itself is asked for one thing, beside everything else."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Final, NamedTuple

from headwater.producer import _forks
from headwater.secrets import without_credentials

#: How long git may take to answer, seconds.
_SECONDS: Final = 10.0
#: Whether tracked files differ from the commit. No lock is taken, no hook of the repository is run.
_COMMAND: Final = ("-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch", "--untracked-files=no")


class Head(NamedTuple):
    """Where a work tree stands."""

    commit: str | None
    branch: str | None


def find_work_tree(start: Path) -> Path | None:
    """The git work tree around a folder."""
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return None


def head(work_tree: Path) -> Head:
    """The commit and the branch; what cannot be found out is None."""
    branch = None
    try:
        folder, common = _folders(work_tree)
        text = (folder / "HEAD").read_text("utf-8").strip()
        if not text.startswith("ref: "):
            return Head(text or None, None)
        ref = text.removeprefix("ref: ")
        branch = ref.removeprefix("refs/heads/")
        if (common / ref).is_file():
            return Head((common / ref).read_text("utf-8").strip(), branch)
        for line in (common / "packed-refs").read_text("utf-8").splitlines():
            commit, _, name = line.partition(" ")
            if name == ref:
                return Head(commit, branch)
    except (OSError, UnicodeDecodeError):
        pass
    return Head(None, branch)


def remote(work_tree: Path) -> str | None:
    """The address of origin, else of the first remote, without credentials."""
    with _forks.making():
        import configparser  # noqa: PLC0415 — a host waits for our imports

    try:
        config = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        config.read_string((_folders(work_tree)[1] / "config").read_text("utf-8"))
        for section in ('remote "origin"', *config.sections()):
            if section.startswith("remote ") and (url := config.get(section, "url", fallback=None)):
                return without_credentials(url)
    except (OSError, UnicodeDecodeError, configparser.Error):
        pass
    return None


def _folders(work_tree: Path) -> tuple[Path, Path]:
    """The folder with HEAD, and the one with refs and config: they differ in a linked work tree."""
    folder = work_tree / ".git"
    if folder.is_file():
        folder = (work_tree / folder.read_text("utf-8").partition("gitdir:")[2].strip()).resolve()
    common = folder / "commondir"
    return folder, (folder / common.read_text("utf-8").strip()).resolve() if common.is_file() else folder


class DirtyCheck:
    """Asks git whether tracked files differ from the commit, and waits for nothing. Made: it is under way."""

    def __init__(self, work_tree: Path | None) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answer: IO[bytes] | None = None
        #: None where git has not said, or cannot say.
        self.dirty: bool | None = None
        if work_tree is None:
            return
        import tempfile  # noqa: PLC0415 — as above

        try:
            # Into a file: a pipe would have to be read while git writes, and the host's own handling of its
            # children may take the exit code away from us.
            self._answer = tempfile.TemporaryFile()  # noqa: SIM115 — open until git has answered
            self._process = subprocess.Popen(
                ["git", "-C", str(work_tree), *_COMMAND],
                stdin=subprocess.DEVNULL,
                stdout=self._answer,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            )
        except OSError:
            if self._answer is not None:
                self._answer.close()
            return
        self._give_up_at = time.monotonic() + _SECONDS

    @property
    def unanswered(self) -> bool:
        """Whether git is still at it, as far as one has looked."""
        return self._process is not None

    def done(self) -> bool:
        """Whether there is an answer, or will be none."""
        if not self._lock.acquire(blocking=False):
            return False  # another thread looks just now
        try:
            process = self._process
            if process is None:
                return True
            if process.poll() is None:
                if time.monotonic() < self._give_up_at:
                    return False
                process.kill()
                process.wait()
            elif self._answer is not None:
                self._answer.seek(0)
                lines = self._answer.read().splitlines()
                # Without its first lines git did not come to an end.
                if any(line.startswith(b"# branch.oid ") for line in lines):
                    self.dirty = not all(line.startswith(b"#") for line in lines)
            if self._answer is not None:
                self._answer.close()
            self._process = None
            return True
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """Hear no answer any more."""
        if self._process is not None:
            self._process.returncode = 0  # else Python complains of a child that it lost sight of
            self._process = None

    def wait(self, seconds: float) -> bool:
        """Wait for the answer; False where the time was too short."""
        until = time.monotonic() + seconds
        while not self.done():
            if time.monotonic() >= until:
                return False
            time.sleep(0.002)
        return True
