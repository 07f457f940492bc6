"""The statistics of one column, as the contract's ColumnProfile, gathered from one batch of values or many."""

from __future__ import annotations

import hashlib
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer.profiles import hashing, sketches, values
from headwater.producer.profiles.hashing import Hashes
from headwater.producer.profiles.quantiles import Quantiles
from headwater.producer.profiles.values import Values

#: So many values are told, the most frequent.
TOLD: Final = 50
#: A value longer than this (bytes) is told as a digest: it is a document, not a category.
LONGEST: Final = 256
#: Bytes that a column's record may take, where its values are what makes it large …
_LARGEST: Final = 3 * 1024
#: … and what its other fields take of them, and what a value does beside its text.
_BESIDE, _A_VALUE = 120, 7
_NUMERIC: Final = {values.NUMERIC, values.TIMESTAMP}
_TELLING: Final = {values.CATEGORICAL, values.BOOLEAN}


class Column:
    """What is known of a column so far."""

    def __init__(self, name: str, *, personal: bool, digest_key: str) -> None:
        self.name = name
        self._personal = personal
        self._digest_key = digest_key
        self._kind = values.UNKNOWN
        self._declared = ""
        self._count = self._nulls = 0
        self._numbers = _Numbers()
        self._tally = sketches.Tally()
        self._told: dict[int, str] = {}

    def skip(self, rows: int) -> None:
        """Rows that do not have this column: null in it."""
        self._count += rows
        self._nulls += rows

    def add(self, batch: Values) -> Hashes | None:
        """Further rows; returns their hashes, None where the column is personal and there is no key."""
        self._declared = self._declared or batch.declared_type
        if self._kind == values.UNKNOWN:
            self._kind = batch.kind
        elif batch.kind not in {self._kind, values.UNKNOWN}:
            self._kind = values.OTHER
        self._count += len(batch)
        if batch.nulls is not None:
            self._nulls += int(np.count_nonzero(batch.nulls))
        if self._kind in _NUMERIC and batch.numbers is not None:
            given = batch.numbers if batch.nulls is None else batch.numbers[~batch.nulls]
            if self._personal:
                self._numbers.nans += int(np.isnan(given).sum()) if given.dtype.kind == "f" else 0
            else:
                self._numbers.add(given)
        hashes = batch.hashes
        if self._personal:
            if not self._digest_key:
                return None
            return self._keyed(batch)
        new = self._tally.add(_present(hashes))
        if len(new) and self._kind in _TELLING:
            where = sketches.places(new, hashes)
            self._told.update(zip(new.tolist(), map(_told, batch.texts(where)), strict=True))
        return hashes

    def _keyed(self, batch: Values) -> Hashes:
        """The batch's hashes made of keyed digests."""
        distinct, first, codes = np.unique(batch.hashes, return_index=True, return_inverse=True)
        given = distinct != hashing.NULL
        keyed = distinct.copy()
        keyed[given], digests = hashing.personal(batch.texts(first[given]), self._digest_key)
        hashes = keyed[codes]
        new = self._tally.add(_present(hashes))
        if len(new):
            digest_of = dict(zip(keyed[given].tolist(), digests, strict=True))
            self._told.update((number, digest_of[number].hex()) for number in new.tolist())
        return hashes

    def detach(self) -> None:
        """Let go of the caller's arrays."""
        self._numbers.quantiles.detach()

    def settle(self) -> None:
        """Nothing follows: keep only what is told."""
        self._numbers.quantiles.settle()

    @property
    def exact(self) -> bool:
        """Whether the quantiles were taken of all numbers."""
        return self._numbers.quantiles.exact

    def record(self) -> dict[str, Any]:
        """The contract's record."""
        kind = self._kind or values.OTHER
        record: dict[str, Any] = {
            "name": self.name,
            "type": kind,
            "declared_type": self._declared,
            "count": self._count,
            "nulls": self._nulls,
            "personal": self._personal,
        }
        if kind in _NUMERIC:
            record |= self._numbers.record(exact=kind == values.TIMESTAMP) if not self._personal else {}
            record["nans"] = self._numbers.nans
        if self._personal and not self._digest_key:
            return record
        if self._personal or kind in _TELLING:
            record |= self._values()
        tally = self._tally
        record["kmv"] = sketches.packed(tally.kmv)
        record["distinct_exact"] = not tally.over
        record["distinct"] = tally.distinct
        return record

    def _values(self) -> dict[str, Any]:
        """The most frequent at most 50, as many as have room; none where there are too many for categories."""
        tally = self._tally
        total = self._count - self._nulls - (self._numbers.nans if self._kind in _NUMERIC else 0)
        most = np.argsort(-tally.counts, kind="stable")[:TOLD]
        hashes: list[int] = tally.hashes[most].tolist()
        counts: list[int] = tally.counts[most].tolist()
        told: list[dict[str, Any]] = []
        room = _LARGEST - _BESIDE - tally.kmv.nbytes - len(self.name.encode()) - len(self._declared.encode())
        for number, count in zip(hashes, counts, strict=True):
            value = self._told.get(number)
            if value is None:
                continue
            room -= len(value.encode("utf-8", "replace")) + _A_VALUE
            if room < 0:
                break
            told.append({"value": value, "count": count})
        return {"values": told, "other_values": total - sum(entry["count"] for entry in told)}


class _Numbers:
    """Counts of what is not finite, and extremes, moments and quantiles of what is."""

    def __init__(self) -> None:
        self.nans = self._above = self._below = 0
        self._minimum, self._maximum = math.inf, -math.inf
        self._mean = self._m2 = 0.0
        self._finite = 0
        self.quantiles = Quantiles()

    def add(self, given: NDArray[Any]) -> None:
        ordered: NDArray[Any] = np.sort(given)  # NaN and +inf come last, -inf first
        if given.dtype.kind == "f":
            upto = int(np.searchsorted(ordered, np.nan))
            self.nans += len(ordered) - upto
            ordered = ordered[:upto]
            low = int(np.searchsorted(ordered, -np.inf, side="right"))
            high = int(np.searchsorted(ordered, np.inf))
            self._below += low
            self._above += len(ordered) - high
            ordered = ordered[low:high]
        if len(ordered):
            self._minimum = min(self._minimum, float(ordered[0]))
            self._maximum = max(self._maximum, float(ordered[-1]))
            self._moments(ordered)
            self.quantiles.add(ordered)

    def _moments(self, finite: NDArray[Any]) -> None:
        """Joined with those before as in Chan, Golub, LeVeque, "Updating formulae …" (1979)."""
        with np.errstate(over="ignore", invalid="ignore"):
            count = len(finite)
            mean = float(finite.mean(dtype=np.float64))
            m2 = 0.0
            for start in range(0, count, hashing.CHUNK):
                deviations = finite[start : start + hashing.CHUNK].astype(np.float64) - mean
                m2 += float(np.dot(deviations, deviations))
            apart, both = np.float64(mean) - self._mean, self._finite + count
            self._m2 += m2 + float(apart * apart * (self._finite / both) * count)
            self._mean += float(apart * (count / both))
            self._finite = both

    def record(self, *, exact: bool) -> dict[str, Any]:
        """`exact`: quantiles in double precision."""
        record: dict[str, Any] = {"positive_infinities": self._above, "negative_infinities": self._below}
        if not self._finite:
            return record
        low, high = self._minimum, self._maximum
        record |= {"minimum": low, "maximum": high, "mean": self._mean, "m2": self._m2}
        told = self.quantiles.told()
        told[0], told[-1] = low, high
        # A float32 holds 24 bits: it must tell apart what the column tells apart, e.g. ids, or 1e9 ± 1.
        largest = max(abs(low), abs(high))
        exact = exact or largest > 1e38 or largest / 2**24 > (high - low) / 4096 > 0
        record["quantiles_exact" if exact else "quantiles"] = told.tolist()
        return record


def _present(hashes: Hashes) -> Hashes:
    absent = hashes == hashing.NULL
    return hashes[~absent] if absent.any() else hashes


def _told(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= LONGEST else "sha256:" + hashlib.sha256(encoded).hexdigest()
