"""Messages for the plain path: one by one, or those of a long run together, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, overload

import numpy as np

from headwater.schemas.records import Schema
from headwater.stitching.columns import Columns
from headwater.stitching.facts import Facts
from headwater.stitching.folding import read
from headwater.stitching.hashing import Numbers, Words


class Plain:
    """A message for the plain path: its row, its writer schema's number, what it says.

    `columns`, `place`: of a long run, what its messages say as columns, and which row of them this one is.
    """

    __slots__ = ("_facts", "_message", "_schema", "columns", "number", "place", "row")

    def __init__(
        self, row: int, number: int, schema: Schema, message: bytes, columns: Columns | None = None, place: int = -1
    ) -> None:
        self.row, self.number = row, number
        self._schema, self._message = schema, message
        self.columns, self.place = columns, place
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What it says; decoded when it is first asked for."""
        if self._facts is None:
            self._facts = read(self._schema, self._message)
        return self._facts


class Long(Sequence[Plain]):
    """Messages of a long run, in order of arrival: their rows; row `first` of the columns is what the first says.

    One of them is made into an object only where somebody asks for it.
    """

    def __init__(
        self,
        rows: Sequence[int],
        number: int,
        schema: Schema,
        values: Sequence[bytes],
        columns: Columns,
        first: int = 0,
    ) -> None:
        self.rows, self.number, self.columns, self.first = rows, number, columns, first
        self._schema, self._values = schema, values

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Plain: ...
    @overload
    def __getitem__(self, index: slice) -> list[Plain]: ...
    def __getitem__(self, index: int | slice) -> Plain | list[Plain]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        row = self.rows[index]
        return Plain(row, self.number, self._schema, self._values[row], self.columns, self.first + index)


class Stands(NamedTuple):
    """Of N messages: their offsets, int64[N], their digests, uint64[N], their lengths in bytes, int64[N]."""

    offsets: Numbers
    digests: Words
    lengths: Numbers

    def of(self, at: int) -> tuple[int, int, int]:
        """Of one of them."""
        return int(self.offsets[at]), int(self.digests[at]), int(self.lengths[at])


def stretches(messages: Sequence[Plain]) -> Iterator[tuple[Columns | None, Numbers]]:
    """Messages that follow one another in the same columns: those, and which rows of them each is."""
    if isinstance(messages, Long):
        yield messages.columns, np.arange(messages.first, messages.first + len(messages))
        return
    for _, of_columns in groupby(messages, lambda one: id(one.columns)):
        some = list(of_columns)
        yield some[0].columns, np.array([one.place for one in some], np.int64)
