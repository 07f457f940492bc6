"""What an export says of itself: manifest.json, written last, so that a folder without one is no export."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from headwater.audit.model import plain
from headwater.errors import StateError

FORMAT: Final = "headwater-export-1"
NAME: Final = "manifest.json"
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class File:
    """A file of an export. `rows`: where it is a table. `sha256`: hexadecimal."""

    name: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class Held:
    """A table of an export, and the files that hold it: each holds all of it. `columns`: ClickHouse's types."""

    name: str
    what: str
    rows: int
    files: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """All that there is. Times are ISO 8601 with Z.

    `made`: when; `at`, `known_at`: the two clocks, `at` None: everything; `truncated`: something was left out,
    `reasons` say what; `gaps`: what the history itself says is missing.
    """

    scope: Mapping[str, Any]
    made: str
    at: str | None
    known_at: str | None
    database: str
    truncated: bool
    reasons: Sequence[str]
    gaps: Mapping[str, Any]
    tables: Sequence[Held]
    files: Sequence[File]
    #: The history's last checkpoint, as `headwater verify --last` tells it; None where none was exported.
    checkpoint: Mapping[str, Any] | None = None
    format: str = field(default=FORMAT)

    def text(self) -> str:
        """As it is written."""
        return json.dumps(plain(self), indent=1, ensure_ascii=False) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal: who has it can tell that nothing of the export was altered."""
        return sha256(self.text().encode()).hexdigest()


def read(folder: Path) -> tuple[Manifest, str]:
    """The manifest of a folder, and the SHA-256 of its file. Raises StateError where there is none."""
    try:
        raw = (folder / NAME).read_bytes()
        said = cast("dict[str, Any]", json.loads(raw))
        if said["format"] != FORMAT:
            raise StateError(f"{folder} is an export of another version: {said['format']}")
        tables = tuple(_held(**one) for one in said["tables"])
        files = tuple(File(**one) for one in said["files"])
        held: dict[str, Any] = {**said, "tables": tables, "files": files}
        return Manifest(**held), sha256(raw).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{folder} holds no whole export: {NAME}: {error}") from None


def _held(name: str, what: str, rows: int, files: Sequence[str], columns: Mapping[str, str]) -> Held:
    return Held(name, what, rows, tuple(files), columns)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    hashing = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hashing.update(piece)
    return hashing.hexdigest()
