"""The columns of a remembered profile, packed: their numbers side by side in bytes, no object for each column.

A series remembers some 60 profiles, and a column as an object with an array of its own takes nearly twice what its 129
points do. What is compared is the same to the last bit: a point keeps the precision that it came with.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from headwater.detection.statistics.numeric import POINTS
from headwater.detection.summaries import Column, Floats, Kind

#: The first of a column's values among those of all columns, the one behind its last, and `Counts.floor`.
_LISTED = struct.Struct("<IId")
#: Bytes of a column's points in single precision; in double precision they are twice as many.
_SINGLE = 4 * POINTS
#: Numbers of rows take four bytes each, or eight where one of them is as large as this.
_LARGE = 2**32


class Counts(NamedTuple):
    """The most frequent values of a column and their counts, in the order in which the profile listed them."""

    values: tuple[str, ...]
    counts: bytes
    #: The share below which a value may be missing, since the list was cut; 0 where it was not.
    floor: float

    def numbers(self) -> list[int]:
        """The counts."""
        return memoryview(self.counts).cast("Q" if len(self.counts) == 8 * len(self.values) else "I").tolist()


class _Slot(NamedTuple):
    """Where a column's numbers stand: its rows, and its points or what is said of its values, from byte to byte."""

    rows: int
    kind: Kind
    begin: int
    end: int


class Columns(Mapping[str, Column]):
    """The columns of one profile. Those of the next one share the names and places, as long as they are the same."""

    __slots__ = ("_counts", "_listed", "_points", "_rows", "_values", "slots")

    def __init__(self, columns: Mapping[str, Column], like: Columns | None = None) -> None:
        points, listed = bytearray(), bytearray()
        rows: list[int] = []
        values: list[str] = []
        counts: list[int] = []
        #: Of each column; a plain dict, as it is asked for each column of each profile of each baseline.
        self.slots: dict[str, _Slot] = {}
        for name, column in columns.items():
            at = len(rows)
            rows += column.rows, column.nulls
            begin, end = len(points), 0
            if column.points is not None:
                points += column.points.tobytes()
                end = len(points)
            elif column.values is not None:
                begin, first = len(listed), len(values)
                values += column.values
                counts += column.values.values()
                listed += _LISTED.pack(first, len(values), floor_of(column))
                end = len(listed)
            self.slots[name] = _Slot(at, column.kind, begin, end)
        if like is not None and like.slots == self.slots:
            self.slots = like.slots
        self._rows, self._counts = _packed(rows), _packed(counts).tobytes()
        self._points, self._listed, self._values = bytes(points), bytes(listed), tuple(values)

    def rows(self, name: str) -> tuple[int, int]:
        """Rows, and of these the ones without a value."""
        at = self.slots[name].rows
        return self._rows[at], self._rows[at + 1]

    def points(self, name: str) -> tuple[int, bytes] | None:
        """Rows with a value, and the points as bytes; None where the column is not numeric."""
        at, kind, begin, end = self.slots[name]
        if kind != "numeric" or not end:
            return None
        return self._rows[at] - self._rows[at + 1], self._points[begin:end]

    def counts(self, name: str) -> tuple[int, Counts] | None:
        """Rows with a value, and the counts; None where the column is not one of listed values."""
        at, kind, begin, end = self.slots[name]
        if kind != "categorical" or not end:
            return None
        first, after, floor = _LISTED.unpack_from(self._listed, begin)
        width = 4 if len(self._counts) == 4 * len(self._values) else 8
        counts = Counts(self._values[first:after], self._counts[width * first : width * after], floor)
        return self._rows[at] - self._rows[at + 1], counts

    def __getitem__(self, name: str) -> Column:
        kind = self.slots[name].kind
        rows, nulls = self.rows(name)
        if (numeric := self.points(name)) is not None:
            return Column(kind, rows, nulls, points=joined([numeric[1]]))
        if (listed := self.counts(name)) is not None:
            values = dict(zip(listed[1].values, listed[1].numbers(), strict=True))
            return Column(kind, rows, nulls, values=values, cut=listed[1].floor > 0)
        return Column(kind, rows, nulls)

    def __contains__(self, name: object) -> bool:
        return name in self.slots

    def __iter__(self) -> Iterator[str]:
        return iter(self.slots)

    def __len__(self) -> int:
        return len(self.slots)


def joined(sides: list[bytes]) -> Floats:
    """The points of several columns one after another; in double precision where one of them is."""
    if sum(map(len, sides)) == _SINGLE * len(sides):
        return np.frombuffer(bytearray().join(sides), np.float32)
    arrays = [np.frombuffer(side, np.float32 if len(side) == _SINGLE else np.float64) for side in sides]
    return np.concatenate(arrays, dtype=np.float64)


def floor_of(column: Column) -> float:
    """The share below which a value may be missing from a list that was cut."""
    if not column.cut or not column.values or column.valued <= 0:
        return 0.0
    return min(column.values.values()) / column.valued


def _packed(numbers: list[int]) -> array[int]:
    return array("Q" if max(numbers, default=0) >= _LARGE else "I", numbers)
