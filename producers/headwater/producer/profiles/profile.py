"""A dataset's profile: its columns' statistics, its rows' fingerprint and sketch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from headwater.producer.handles import Fingerprint
from headwater.producer.profiles import columns, frames, hashing, sketches
from headwater.schemas import digests

#: Of more columns than this only the first are profiled; `columns_total` says how many there are.
MOST_COLUMNS: Final = 500
#: The algorithm of the fingerprint: rows, sum and exclusive or of the row hashes of headwater-hash-1.
FINGERPRINT: Final = "headwater-rows-1"


@dataclass(frozen=True)
class Profile:
    """What `profile` found; field names are the contract's."""

    rows: int
    columns_total: int
    columns: list[dict[str, Any]]
    row_kmv: bytes
    hashing: str
    fingerprint: Fingerprint | None


def profile(
    data: Any,
    *,
    personal: Collection[str] = (),
    digest_key: str = "",
    most_columns: int = MOST_COLUMNS,
) -> Profile:
    """Profile a dataframe or a mapping of column names to arrays or lists.

    `personal`: columns of which only keyed digests are told, without extremes and quantiles; without a `digest_key`
    of them only counts and nulls are told, and rows are hashed without them (the algorithm's name says so).
    Raises MissingExtra, and TypeError or ValueError where `data` is no table.
    """
    names = frames.names(data)
    found: list[dict[str, Any]] = []
    rows: hashing.Rows | None = None
    count = 0
    left_out = len(names) > most_columns
    keyed = False
    for name, values in islice(frames.columns(data), most_columns):
        if rows is None:
            count = len(values)
            rows = hashing.Rows(count)
        elif len(values) != count:
            raise ValueError(f"column {name} has {len(values)} rows, those before it have {count}")
        record, hashes = columns.profile(name, values, personal=name in personal, digest_key=digest_key)
        found.append(record)
        keyed = keyed or (name in personal and hashes is not None)
        left_out = left_out or hashes is None
        if hashes is not None:
            rows.add(name, hashes)
    of_rows = rows.hashes() if rows is not None else np.zeros(0, np.uint64)
    # What is hashed by a key, or without some columns, is comparable with its like alone.
    variant = (f"/key-{digests.key_id(digest_key)}" if keyed else "") + ("/partial" if left_out else "")
    return Profile(
        rows=count,
        columns_total=len(names),
        columns=found,
        row_kmv=sketches.packed(sketches.kmv(of_rows, sketches.ROW_KMV)),
        hashing=hashing.HASHING + variant,
        fingerprint={"algorithm": FINGERPRINT + variant, "digest": sketches.fingerprint(of_rows)},
    )


def as_record(found: Profile) -> Mapping[str, Any]:
    """The fields of the contract that a profile fills, without its columns."""
    return {
        "rows": found.rows,
        "columns_total": found.columns_total,
        "row_kmv": found.row_kmv,
        "hashing": found.hashing,
        "fingerprint": found.fingerprint,
    }
