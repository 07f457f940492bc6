"""Files with OpenLineage events: one object, a list, a line each, pages with `events`; plain or gzip."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from headwater.errors import NotFound, StateError

#: What an import puts beside its source.
REFUSED: Final = ".refused.ndjson"
_GZIP: Final = b"\x1f\x8b"
#: A file that is no line each is read as a whole; a larger one must have lines.
_LARGEST_WHOLE: Final = 1024 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Unit(NamedTuple):
    """A line, or an entry of a file that is one JSON text. `value`: None where `raw` is no JSON, `wrong` says why."""

    #: From 1.
    number: int
    raw: bytes
    value: Any = None
    wrong: str = ""

    def events(self) -> list[Any]:
        """The events in it: itself, those of a list, or of a page of Marquez's events API."""
        said = self.value
        if isinstance(said, dict) and "eventTime" not in said:
            page = cast("dict[str, Any]", said)
            said = page.get("events", page)
        if isinstance(said, list):
            return [*cast("Iterable[Any]", said)]
        return [self.value]


def sources(path: Path) -> list[Path]:
    """The file, or all files of a folder and those below, by name; hidden ones and those of imports left out.

    Raises NotFound.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NotFound(f"{path} is neither a file nor a folder")
    inside = (one for one in sorted(path.rglob("*")) if one.is_file() and not one.name.endswith(REFUSED))
    return [one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts)]


def units(path: Path, done: int = 0) -> Iterator[Unit]:
    """The units of a file after the first `done`. The last is wrong where the file is cut.

    Raises StateError where it cannot be read.
    """
    number = done
    try:
        with _opened(path) as file:
            first = file.readline()
            file.seek(0)
            if first.strip() and not _is_json(first):
                whole = file.read(_LARGEST_WHOLE + 1)
                if len(whole) <= _LARGEST_WHOLE and (found := _of_whole(whole)) is not None:
                    yield from (unit for unit in found if unit.number > done)
                    return
                del whole
                file.seek(0)
            for number, line in enumerate(file, 1):
                if number > done and line.strip():
                    yield _read(number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Unit(number + 1, b"", wrong=f"the file ends here or is damaged: {error}")
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error}") from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if zipped else path.open("rb")


def _is_json(line: bytes) -> bool:
    return not _read(1, line).wrong


def _read(number: int, raw: bytes) -> Unit:
    raw = raw.strip().removeprefix(_BOM)
    try:
        return Unit(number, raw, json.loads(raw))
    except RecursionError:
        return Unit(number, raw, wrong="nested too deep")
    except ValueError as error:  # also UnicodeDecodeError, and integers of thousands of digits
        return Unit(number, raw, wrong=f"no JSON: {error}")


def _of_whole(text: bytes) -> list[Unit] | None:
    """The events of a file that is one JSON text; None where it is none."""
    unit = _read(1, text)
    if unit.wrong:
        return None
    return [Unit(number, b"", event) for number, event in enumerate(unit.events(), 1)]
