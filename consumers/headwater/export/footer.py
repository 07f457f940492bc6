"""How many rows a Parquet file says that it has, without a library: its footer is Thrift's compact protocol.

Source: the Parquet format's README and parquet.thrift (FileMetaData: 1 version, 2 schema, 3 num_rows), and Thrift's
"compact protocol" specification.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from headwater.errors import StateError

_MAGIC: Final = b"PAR1"
_NUM_ROWS: Final = 3
_LISTS: Final = (9, 10)
_STRUCT: Final = 12
_DEEPEST: Final = 32


def parquet_rows(path: Path) -> int:
    """The number of rows. Raises StateError where it is no whole Parquet file."""
    try:
        with path.open("rb") as file:
            file.seek(-8, 2)
            size, magic = struct.unpack("<I4s", file.read(8))
            if magic != _MAGIC:
                raise StateError(f"{path} is no whole Parquet file")
            file.seek(-8 - size, 2)
            return _Footer(file.read(size)).rows()
    except (OSError, IndexError, ValueError) as error:
        raise StateError(f"{path} is no whole Parquet file: {error}") from None


class _Footer:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def rows(self) -> int:
        field = 0
        while True:
            head = self._byte()
            if head == 0:
                raise ValueError("its footer says no number of rows")
            field = field + (head >> 4) if head >> 4 else self._number()
            if field == _NUM_ROWS:
                return self._number()
            self._skip(head & 15, 0)

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _length(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _number(self) -> int:
        value = self._length()
        return value >> 1 ^ -(value & 1)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError("its footer nests too deeply")
        if kind == 3:
            self._byte()
        elif kind in (4, 5, 6):
            self._length()
        elif kind == 7:
            self._at += 8
        elif kind == 8:
            # Not in one line: the length itself moves the place.
            size = self._length()
            self._at += size
        elif kind in _LISTS:
            head = self._byte()
            count = self._length() if head >> 4 == 15 else head >> 4
            for _ in range(count):
                self._skip(head & 15, depth + 1)
        elif kind == _STRUCT:
            while (head := self._byte()) != 0:
                if head >> 4 == 0:
                    self._number()
                self._skip(head & 15, depth + 1)
        elif kind not in (1, 2):
            raise ValueError(f"its footer has a field of kind {kind}")
