"""The demo's lake: one Parquet file a table and day, whose version is the day and the file's digest."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Slice:
    """A day of a table as it stands in a file."""

    version: str
    day: date
    rows: int
    bytes: int


def version_of(day: date, content: bytes) -> str:
    """The day and the first 40 bits of the content's SHA-256: `2013-07-04.5f1d0c22ab`."""
    return f"{day}.{hashlib.sha256(content).hexdigest()[:10]}"


@dataclass(frozen=True)
class Lake:
    """A folder with a folder a table."""

    folder: Path

    def write(self, table: str, day: date, frame: pl.DataFrame) -> Slice:
        """Put a day into a table; a day that is there already is replaced."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="lz4")
        content = buffer.getvalue()
        path = self._path(table, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Slice(version_of(day, content), day, frame.height, len(content))

    def read(self, table: str, day: date) -> tuple[pl.DataFrame, Slice]:
        """A day of a table. Raises FileNotFoundError where it was never written."""
        content = self._path(table, day).read_bytes()
        frame = pl.read_parquet(content)
        return frame, Slice(version_of(day, content), day, frame.height, len(content))

    def has(self, table: str, day: date) -> bool:
        """Whether that day was written."""
        return self._path(table, day).exists()

    def days(self, table: str) -> list[date]:
        """The days of a table, in order."""
        return sorted(date.fromisoformat(path.stem) for path in (self.folder / table).glob("*.parquet"))

    def _path(self, table: str, day: date) -> Path:
        return self.folder / table / f"{day}.parquet"
