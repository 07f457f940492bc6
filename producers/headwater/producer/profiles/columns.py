"""The statistics of one column, as the contract's ColumnProfile."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer import _json
from headwater.producer.profiles import frames, hashing, sketches
from headwater.producer.profiles.frames import Values
from headwater.producer.profiles.hashing import Floats, Hashes
from headwater.schemas import digests

#: Distinct values are counted exactly up to here.
COUNTED: Final = 1000
#: So many of them are told, the most frequent.
TOLD: Final = 50
#: A value longer than this (bytes) is told as a digest: it is a document, not a category.
LONGEST: Final = 256


def profile(name: str, values: Values, *, personal: bool, digest_key: str) -> tuple[dict[str, Any], Hashes | None]:
    """A column's record and the hash of each of its rows; no hashes where it is personal and there is no key."""
    record: dict[str, Any] = {
        "name": name,
        "type": values.kind,
        "declared_type": values.declared_type,
        "count": len(values),
        "nulls": int(np.count_nonzero(values.nulls)),
        "personal": personal,
    }
    if personal:
        return record, _personal(record, values, digest_key)
    if values.numbers is None:
        return record, _texts(record, values)
    if values.kind == frames.BOOLEAN:
        return record, _boolean(record, values, values.numbers)
    return record, _numbers(record, values, values.numbers)


def _numbers(record: dict[str, Any], values: Values, numbers: NDArray[Any]) -> Hashes:
    is_time = values.kind == frames.TIMESTAMP
    given = numbers[~values.nulls] if record["nulls"] else numbers
    as_floats: Floats = given.astype(np.float64, copy=False)
    if given.dtype.kind == "f":
        ordered = np.sort(as_floats)  # NaN and +inf come last, -inf first
        record["nans"] = nans = int(np.isnan(as_floats).sum())
        ordered = ordered[: len(ordered) - nans]
        low, high = np.searchsorted(ordered, [-np.inf, np.inf], side="left")
        low = np.searchsorted(ordered, -np.inf, side="right")
        record["negative_infinities"], record["positive_infinities"] = int(low), int(len(ordered) - high)
        finite = ordered[low:high]
    else:
        ordered = np.sort(given)
        finite = ordered.astype(np.float64)
    if len(finite):
        _describe(record, finite, exact=is_time)
    hash_of = hashing.times if is_time else hashing.numbers if given.dtype.kind == "f" else hashing.integers
    distinct = _distinct(ordered)
    _sketch(record, hash_of(distinct), exact=len(distinct))
    hashes = hash_of(numbers)
    hashes[values.nulls] = hashing.NULL
    return hashes


def _distinct(ordered: NDArray[Any]) -> NDArray[Any]:
    if len(ordered) == 0:
        return ordered
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _describe(record: dict[str, Any], finite: Floats, *, exact: bool) -> None:
    """Extremes, mean, M2 and quantiles of the sorted finite numbers."""
    low, high = float(finite[0]), float(finite[-1])
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        deviations = finite - mean
        record |= {"minimum": low, "maximum": high, "mean": mean, "m2": float(np.dot(deviations, deviations))}
    quantiles = sketches.quantiles(finite)
    # A float32 holds 24 bits: it must tell apart what the column tells apart, e.g. ids, or 1e9 ± 1.
    largest = max(abs(low), abs(high))
    if exact or largest > 1e38 or largest / 2**24 > (high - low) / 4096 > 0:
        record["quantiles_exact"] = quantiles.tolist()
    else:
        record["quantiles"] = quantiles.tolist()


def _boolean(record: dict[str, Any], values: Values, numbers: NDArray[np.bool_]) -> Hashes:
    given = numbers[~values.nulls]
    true = int(np.count_nonzero(given))
    counts = {"true": true, "false": len(given) - true}
    record["values"] = [{"value": v, "count": c} for v, c in sorted(counts.items(), key=lambda item: -item[1]) if c]
    record["other_values"] = 0
    hashes = hashing.numbers(numbers.astype(np.float64))
    _sketch(record, sketches.distinct_of(np.sort(hashes[~values.nulls])), exact=len(record["values"]))
    hashes[values.nulls] = hashing.NULL
    return hashes


def _texts(record: dict[str, Any], values: Values) -> Hashes:
    texts, codes = values.texts, values.codes
    assert codes is not None  # noqa: S101 — a column has numbers or codes
    of_texts = hashing.texts(texts)
    counts = np.bincount(codes[~values.nulls], minlength=len(texts))
    present = np.flatnonzero(counts)
    if values.kind == frames.CATEGORICAL:
        _tell(record, [(_told(texts[i]), int(counts[i])) for i in _most_frequent(counts, present)], counts)
    _sketch(record, of_texts[present], exact=len(present))
    hashes = of_texts[codes]
    hashes[values.nulls] = hashing.NULL
    return hashes


def _personal(record: dict[str, Any], values: Values, digest_key: str) -> Hashes | None:
    codes = values.codes
    if values.numbers is not None:
        numbers = values.numbers
        distinct, codes = np.unique(numbers, return_inverse=True)
        # Digests are of the text that a person would write to find the value again.
        texts = [_json.text(value) for value in distinct.tolist()]
        if numbers.dtype.kind == "f":
            record["nans"] = int(np.isnan(numbers[~values.nulls]).sum())
    else:
        texts = list(values.texts)
    if not digest_key:
        return None
    assert codes is not None  # noqa: S101 — a column has numbers or codes
    of_texts = hashing.personal(texts, digest_key)
    counts = np.bincount(codes[~values.nulls], minlength=len(texts))
    present = np.flatnonzero(counts)
    told = [
        (digests.digest(digest_key, digests.VALUE, texts[i]).hex(), int(counts[i]))
        for i in _most_frequent(counts, present)
    ]
    _tell(record, told, counts)
    _sketch(record, of_texts[present], exact=len(present))
    hashes = of_texts[codes]
    hashes[values.nulls] = hashing.NULL
    return hashes


def _most_frequent(counts: NDArray[np.int64], present: NDArray[np.int64]) -> list[int]:
    """At most 50, the most frequent first; none where there are too many for categories."""
    if len(present) > COUNTED:
        return []
    taken: list[int] = present[np.argsort(-counts[present], kind="stable")][:TOLD].tolist()
    return taken


def _tell(record: dict[str, Any], told: list[tuple[str, int]], counts: NDArray[np.int64]) -> None:
    record["values"] = [{"value": value, "count": count} for value, count in told]
    record["other_values"] = int(counts.sum()) - sum(count for _, count in told)


def _told(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= LONGEST else "sha256:" + hashlib.sha256(encoded).hexdigest()


def _sketch(record: dict[str, Any], distinct: Hashes, exact: int) -> None:
    smallest = sketches.kmv(distinct, sketches.COLUMN_KMV)
    record["kmv"] = sketches.packed(smallest)
    record["distinct_exact"] = exact <= COUNTED
    record["distinct"] = exact if exact <= COUNTED else sketches.estimate(smallest, sketches.COLUMN_KMV)
