"""Versions of files and folders that git keeps."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from headwater.producer.versions.said import NoVersion, Said, quiet, stored_as

_SECONDS: Final = 30.0


@quiet
def git(path: str | os.PathLike[str], /) -> Said:
    """A file's or folder's id in its repository, which names its content: `blob:<id>`, or `tree:<id>` of a folder.

    The top folder of a repository gives `commit:<id>`. A file is named by what stands in it now, committed or not; a
    folder with changes that are not committed has no version (`folder` gives its digest), nor has what git ignores.
    """
    found = Path(path).resolve(strict=True)
    if not found.is_dir():
        tracked = _git(found.parent, "ls-files", "--error-unmatch", "--", found.name)
        if not tracked:
            raise NoVersion("git does not keep it")
        return {
            **stored_as(f"blob:{_git(found.parent, 'hash-object', '--', found.name)}"),
            "bytes": found.stat().st_size,
        }
    if _git(found, "status", "--porcelain", "--untracked-files=all", "--", "."):
        raise NoVersion("it has changes that are not committed")
    prefix = _git(found, "rev-parse", "--show-prefix")
    if not prefix:
        return stored_as(f"commit:{_git(found, 'rev-parse', '--verify', 'HEAD')}")
    return stored_as(f"tree:{_git(found, 'rev-parse', '--verify', 'HEAD:./')}")


def _git(folder: Path, *arguments: str) -> str:
    # Nothing of ours may write the repository's index or ask somebody for a password.
    quiet_git = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **quiet_git},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoVersion(f"git did not answer: {type(error).__name__}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NoVersion(said[-1] if said else f"git ended with {done.returncode}")
    return done.stdout.strip()
