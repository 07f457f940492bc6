"""What the kernel found: the outcome of each body and the captured columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ContractError

Form = Literal["integer", "double", "float", "span", "presence", "list"]
Numbers = NDArray[np.int64]
Scalar = TypeVar("Scalar", np.int64, np.float64, np.uint8)
Valid = NDArray[np.uint8] | None


@dataclass(frozen=True)
class Capture:
    """Where a captured path is written. `lane`, `valid`: -1 where there is none; `level`: whose rows it has."""

    path: str
    form: Form
    level: int
    lane: int = -1
    valid: int = -1
    #: The writer does not have it: every row is `default`, None for null.
    absent: bool = False
    default: Any = None


class Integers(NamedTuple):
    """int, long, boolean (0, 1). `values` int64[R]; `valid` uint8[R], None where every row has a value."""

    values: Numbers
    valid: Valid


class Doubles(NamedTuple):
    """double, float. `values` float64[R]; `valid` as above; 0.0 where there is none."""

    values: NDArray[np.float64]
    valid: Valid


class Spans(NamedTuple):
    """string, bytes, fixed, or neighbouring fields. `starts`, `ends` int64[R]: bytes of `Batch.buffer`."""

    starts: Numbers
    ends: Numbers
    valid: Valid


class Cells(NamedTuple):
    """What was captured, lane behind lane: numbers, one of them before each lane's first row, and validities. `lanes`,
    `valids`: where the first row of each is.
    """

    numbers: Numbers
    flags: NDArray[np.uint8]
    lanes: Sequence[int]
    valids: Sequence[int]


class Batch:
    """The outcome of N bodies. Row i of the columns of the record itself is body i.

    `error` int64[N]: 0 proved whole, else a number of `ERRORS`. A body with an error has a row of zeros and
    nulls, and no items. `buffer` uint8[B]: what the spans point into.
    """

    def __init__(
        self,
        *,
        error: Numbers,
        buffer: NDArray[np.uint8],
        rows: list[int],
        captures: Mapping[str, Capture],
        cells: Cells,
    ) -> None:
        self.error = error
        self.buffer = buffer
        self._rows = rows
        self._captures = captures
        self._cells = cells
        self._defaults: dict[bytes, tuple[int, int]] = {}
        self._add_defaults()

    def __len__(self) -> int:
        return len(self.error)

    def integers(self, path: str) -> Integers:
        """A column of int, long or boolean."""
        capture = self._capture(path, "integer")
        if capture.absent:
            return Integers(self._filled(capture, int(capture.default or 0), np.int64), self._valid(capture))
        return Integers(self._lane(capture), self._valid(capture))

    def doubles(self, path: str) -> Doubles:
        """A column of double or float."""
        capture = self._capture(path, "double", "float")
        if capture.absent:
            values = self._filled(capture, float(capture.default or 0), np.float64)
        elif capture.form == "float":
            # The lane holds the eight bytes read; the number is the first four.
            values = self._lane(capture).astype(np.uint32).view(np.float32).astype(np.float64)
        else:
            values = self._lane(capture).view(np.float64)
        return Doubles(values, self._valid(capture))

    def spans(self, path: str) -> Spans:
        """A column of string, bytes or fixed, or of neighbouring fields."""
        capture = self._capture(path, "span")
        if capture.absent:
            start, end = self._defaults.get(_bytes(capture.default), (0, 0))
            starts, ends = self._filled(capture, start, np.int64), self._filled(capture, end, np.int64)
            return Spans(starts, ends, self._valid(capture))
        return Spans(self._lane(capture), self._lane(capture, 1), self._valid(capture))

    def offsets(self, path: str) -> Numbers:
        """Where each parent's items begin among all items: int64[parents + 1], from 0."""
        capture = self._capture(path, "list")
        if capture.absent:
            return np.zeros(self._rows[capture.level] + 1, np.int64)
        base = self._cells.lanes[capture.lane]
        return self._cells.numbers[base - 1 : base + self._rows[capture.level]]

    def presence(self, path: str) -> NDArray[np.uint8]:
        """Whether a record that may be null is there: uint8[R]."""
        capture = self._capture(path, "presence")
        if capture.absent:
            return self._filled(capture, int(capture.default is not None), np.uint8)
        valid = self._valid(capture)
        return np.ones(self._rows[capture.level], np.uint8) if valid is None else valid

    def text(self, path: str, row: int) -> bytes | None:
        """One value of a column of spans; None where it is null. For single rows: slow."""
        column = self.spans(path)
        if column.valid is not None and not column.valid[row]:
            return None
        return self.buffer[column.starts[row] : column.ends[row]].tobytes()

    def _capture(self, path: str, *forms: Form) -> Capture:
        capture = self._captures.get(path)
        if capture is None:
            raise ContractError(f"{path} was not asked for; asked for were {', '.join(self._captures)}")
        if capture.form not in forms:
            raise ContractError(f"{path} is a column of form {capture.form}, not {forms[0]}")
        return capture

    def _lane(self, capture: Capture, further: int = 0) -> Numbers:
        base = self._cells.lanes[capture.lane + further]
        return self._cells.numbers[base : base + self._rows[capture.level]]

    def _filled(self, capture: Capture, default: float, kind: type[Scalar]) -> NDArray[Scalar]:
        """A column of a default; zero where a record above is null, and in the rows of errors."""
        filled = np.full(self._rows[capture.level], default, kind)
        if capture.valid >= 0:
            filled[self._flags(capture) == 0] = 0
        if capture.level == 0:
            filled[self.error != 0] = 0
        return filled

    def _valid(self, capture: Capture) -> Valid:
        rows = self._rows[capture.level]
        if capture.absent and capture.default is None:
            return np.zeros(rows, np.uint8)
        return None if capture.valid < 0 else self._flags(capture)

    def _flags(self, capture: Capture) -> NDArray[np.uint8]:
        base = self._cells.valids[capture.valid]
        return self._cells.flags[base : base + self._rows[capture.level]]

    def _add_defaults(self) -> None:
        """Put the default texts of absent columns behind the bodies, where spans can point at them."""
        wanted = {_bytes(c.default) for c in self._captures.values() if c.absent and c.form == "span"} - {b""}
        at = len(self.buffer)
        for text in sorted(wanted):
            self._defaults[text] = (at, at + len(text))
            at += len(text)
        if wanted:
            self.buffer = np.concatenate([self.buffer, np.frombuffer(b"".join(sorted(wanted)) + bytes(8), np.uint8)])
            self.buffer.flags.writeable = False


def _bytes(default: Any) -> bytes:
    """A default as bytes; JSON holds bytes and fixed as text of code points 0 to 255, which `program` undoes."""
    if default is None:
        return b""
    return default if isinstance(default, bytes) else str(default).encode()
