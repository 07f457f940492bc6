"""The code blocks of our READMEs, so that tests run what readers copy.

A block of ```python or ```sh stands below an HTML comment: `<!-- test: name -->` where a test runs it, or
`<!-- no test: why -->`. A test takes it with `snippet("README.md", "name")` and runs it with `run`;
test_repository.py holds every block to one of the two, and every named one to a test that takes it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

_COMMENT = re.compile(r"<!-- (?P<verb>test|no test): (?P<what>.+?) -->")
_BLOCK = re.compile(r"^```(?P<language>python|sh)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """One block. `name` and `excuse` are both None where no comment stands above it."""

    path: str
    line: int
    language: str
    text: str
    name: str | None
    excuse: str | None

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


def snippets(path: str) -> list[Snippet]:
    """All blocks of one file, its path relative to the repository."""
    content = (ROOT / path).read_text("utf-8")
    found: list[Snippet] = []
    for block in _BLOCK.finditer(content):
        before = content[: block.start()]
        above = before.rstrip().splitlines()[-1:] or [""]
        comment = _COMMENT.fullmatch(above[0].strip())
        verb, what = (comment["verb"], comment["what"]) if comment else (None, None)
        found.append(
            Snippet(
                path,
                before.count("\n") + 1,
                block["language"],
                block["text"],
                what if verb == "test" else None,
                what if verb == "no test" else None,
            )
        )
    return found


def snippet(path: str, name: str) -> Snippet:
    """The block with that name. Raises KeyError."""
    for candidate in snippets(path):
        if candidate.name == name:
            return candidate
    raise KeyError(f"{path} has no block below <!-- test: {name} -->")


def run(
    block: Snippet,
    environment: Mapping[str, str],
    folder: Path,
    *,
    replace: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> str:
    """Run the block as a reader would, in a process of its own in `folder`; returns what it printed.

    `environment` is added to ours, where the commands of this Python's environment come first on the PATH.
    `replace` exchanges what a reader would exchange too (an address); each key must occur. Raises
    AssertionError with the output where it fails.
    """
    text = block.text
    for old, new in (replace or {}).items():
        assert old in text, f"{block.where} does not contain {old!r}"
        text = text.replace(old, new)
    command = [sys.executable, "-c", text] if block.language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{block.where} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
