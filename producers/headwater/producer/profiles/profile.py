"""A dataset's profile: its columns' statistics, its rows' fingerprint and sketch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.producer import _json
from headwater.producer.handles import Fingerprint
from headwater.producer.profiles import frames, hashing, sketches
from headwater.producer.profiles.columns import Column
from headwater.producer.profiles.quantiles import RANK_ERROR
from headwater.producer.profiles.values import Values
from headwater.schemas import digests

#: Of more columns than this only the first are profiled; `columns_total` says how many there are.
MOST_COLUMNS: Final = 500
#: Where names of columns come without end (a stream of free mappings), those beyond this are no longer counted.
_MOST_NAMES: Final = 100_000
#: The algorithm of the fingerprint: rows, sum and exclusive or of the row hashes of headwater-hash-2.
FINGERPRINT: Final = "headwater-rows-2"


@dataclass(frozen=True)
class Profile:
    """What was found; field names are the contract's."""

    rows: int
    columns_total: int
    columns: list[dict[str, Any]]
    row_kmv: bytes
    hashing: str
    fingerprint: Fingerprint | None
    facets: Mapping[str, str]


class Gathering:
    """A profile in the making: add tables, or parts of one, and take the result."""

    def __init__(
        self, *, personal: Collection[str] = (), digest_key: str = "", most_columns: int = MOST_COLUMNS
    ) -> None:
        self._personal = frozenset(personal)
        self._digest_key = digest_key
        self._most = most_columns
        self._columns: dict[str, Column] = {}
        self._left_out: set[str] = set()
        self._fingerprint = sketches.Fingerprint()
        self._smallest = sketches.Smallest(sketches.ROW_KMV)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._fingerprint.rows

    def add(self, table: Any, *, last: bool = False) -> int:
        """A table, or what gives tables; returns its rows. Where a table in memory is refused nothing was added.

        `last`: nothing follows, so its arrays need not be copied, nor all its columns be there at the same time.
        """
        before = self.rows
        tables = frames.batches(table)
        if tables is None:
            self._add(table, last=last)
        else:
            for part in tables:
                self._add(part)
        return self.rows - before

    def _add(self, table: Any, *, last: bool = False) -> None:
        columns = frames.columns(table)
        room = self._most - len(self._columns)
        unknown = [name for name, _ in columns if name not in self._columns]
        left_out = set(unknown[max(room, 0) :])
        made: Iterable[tuple[str, Values]] = ((name, make()) for name, make in columns if name not in left_out)
        count = len(columns[0][1]()) if len(left_out) == len(columns) > 0 else None
        if not last:
            made = list(made)
            count = _same_length(made, count)
        rows: hashing.Rows | None = None
        for name, values in made:
            if rows is None:
                count = len(values)
                rows = hashing.Rows(count)
            elif len(values) != count:
                raise _lengths(name, len(values), count or 0)
            self._take(name, values, rows, last=last)
        there = {name for name, _ in columns}
        for name, column in self._columns.items():
            if name not in there:
                column.skip(count or 0)
        if len(self._left_out) < _MOST_NAMES:
            self._left_out |= left_out
        of_rows = (rows or hashing.Rows(count or 0)).hashes()
        self._fingerprint.add(of_rows)
        self._smallest.add(of_rows)
        if not last:
            for column in self._columns.values():
                column.detach()

    def _take(self, name: str, values: Values, rows: hashing.Rows, *, last: bool) -> None:
        column = self._columns.get(name)
        if column is None:
            column = Column(name, personal=name in self._personal, digest_key=self._digest_key)
            column.skip(self.rows)
            self._columns[name] = column
        hashes = column.add(values)
        if last:
            column.settle()
        if hashes is not None:
            rows.add(name, hashes)

    def result(self) -> Profile:
        """What was found so far."""
        keyed = bool(self._digest_key) and not self._personal.isdisjoint(self._columns)
        unkeyed = not self._digest_key and not self._personal.isdisjoint(self._columns)
        # What is hashed by a key, or without some columns, is comparable with its like alone.
        variant = (f"/key-{digests.key_id(self._digest_key)}" if keyed else "") + (
            "/partial" if unkeyed or self._left_out else ""
        )
        exact = all(column.exact for column in self._columns.values())
        return Profile(
            rows=self.rows,
            columns_total=len(self._columns) + len(self._left_out),
            columns=[column.record() for column in self._columns.values()],
            row_kmv=sketches.packed(self._smallest.hashes),
            hashing=hashing.HASHING + variant,
            fingerprint={"algorithm": FINGERPRINT + variant, "digest": self._fingerprint.digest},
            facets={} if exact else {"quantiles_rank_error": _json.text(RANK_ERROR)},
        )


def _same_length(made: Iterable[tuple[str, Values]], count: int | None) -> int | None:
    for name, values in made:
        count = len(values) if count is None else count
        if len(values) != count:
            raise _lengths(name, len(values), count)
    return count


def _lengths(name: str, rows: int, before: int) -> ValueError:
    return ValueError(f"column {name} has {rows} rows, those before it have {before}")


def profile(
    data: Any,
    *,
    personal: Collection[str] = (),
    digest_key: str = "",
    most_columns: int = MOST_COLUMNS,
) -> Profile:
    """Profile a dataframe, a relation, a reader of batches, or a mapping of column names to arrays or lists.

    `personal`: columns of which only keyed digests are told, without extremes and quantiles; without a `digest_key`
    of them only counts and nulls are told, and rows are hashed without them (the algorithm's name says so).
    Raises MissingExtra, and TypeError or ValueError where `data` is no table.
    """
    gathering = Gathering(personal=personal, digest_key=digest_key, most_columns=most_columns)
    gathering.add(data, last=True)
    return gathering.result()


def as_record(found: Profile) -> Mapping[str, Any]:
    """The fields of the contract that a profile fills, without its columns."""
    return {
        "rows": found.rows,
        "columns_total": found.columns_total,
        "row_kmv": found.row_kmv,
        "hashing": found.hashing,
        "fingerprint": found.fingerprint,
        "facets": found.facets,
    }
