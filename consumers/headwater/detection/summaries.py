"""What detection keeps of a profile: its parts put together, each column reduced to what is compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headwater.detection.recent import forget
from headwater.detection.statistics.numeric import POINTS

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Kind = Literal["numeric", "categorical", "none"]
#: Profiles with missing parts that are kept waiting for them.
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a profile."""

    kind: Kind
    #: Rows seen, and of these the ones without a value (null, NaN or infinite).
    rows: int
    nulls: int
    #: 129 ascending points of the finite values; timestamps as µs before or after the profile's own time.
    points: Floats | None = None
    #: Counts of the most frequent values, and whether the list was cut.
    values: Mapping[str, int] | None = None
    cut: bool = False

    @property
    def valued(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls


@dataclass(frozen=True, slots=True)
class Summary:
    """One whole profile of a dataset version or a slice of it."""

    event_id: bytes
    event_time: int
    namespace: str
    name: str
    version: str | None
    role: str
    kind: str
    partitions: tuple[str, ...]
    run_id: bytes | None
    job_namespace: str
    job_name: str
    rows: int
    columns: Mapping[str, Column]
    #: Sketch of the rows' hashes and how they were hashed; both empty where there is none.
    row_kmv: bytes = b""
    hashing: str = ""
    #: Rows looked at, where not all.
    sampled_rows: int | None = None
    #: Algorithm and digest of the content.
    fingerprint: Mapping[str, Any] | None = None
    columns_total: int = 0
    #: Of a stream: the last event time in it, µs.
    window_end: int | None = None

    @property
    def slicing(self) -> tuple[str, ...]:
        """What kind of slice it is: the names before `=` of its partitions, each once."""
        return tuple(sorted({partition.split("=", 1)[0] for partition in self.partitions}))


class Assembly:
    """Puts the parts of profiles together."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, dict[int, Mapping[str, Any]]] = OrderedDict()

    def add(self, part: Mapping[str, Any]) -> Summary | None:
        """The whole profile once its last part came, else None. A part that comes again changes nothing."""
        parts = max(1, part["parts"])
        if parts == 1:
            return summarize([part])
        event_id: bytes = part["event_id"]
        known = self._waiting.setdefault(event_id, {})
        known.setdefault(part["part"], part)
        if len(known) == parts:
            del self._waiting[event_id]
            return summarize([known[number] for number in sorted(known)])
        forget(self._waiting, _MOST_WAITING)
        return None


def summarize(parts: Sequence[Mapping[str, Any]]) -> Summary:
    """A profile's parts as one summary. Names that come again and again are one text each."""
    first = parts[0]
    columns = {
        column["name"]: reduce_column(column, first["event_time"]) for part in parts for column in part["columns"]
    }
    return Summary(
        event_id=first["event_id"],
        event_time=first["event_time"],
        namespace=intern(first["namespace"]),
        name=intern(first["name"]),
        version=first["version"],
        role=intern(first["role"]),
        kind=intern(first["kind"]),
        partitions=tuple(first["partitions"]),
        run_id=first["run_id"],
        job_namespace=intern(first["job_namespace"]),
        job_name=intern(first["job_name"]),
        rows=first["rows"],
        columns=columns,
        row_kmv=next((part["row_kmv"] for part in parts if part["row_kmv"]), b""),
        hashing=intern(first["hashing"]),
        sampled_rows=first["sampled_rows"],
        fingerprint=next((part["fingerprint"] for part in parts if part["fingerprint"]), None),
        columns_total=first["columns_total"],
        window_end=first["window_end"],
    )


def reduce_column(column: Mapping[str, Any], event_time: int) -> Column:
    """A column profile reduced to what is compared; what cannot be compared becomes kind none."""
    rows = max(0, column["count"])
    # an infinite value can be compared with nothing either; how many there are is what is watched
    lacking = (column[kind] for kind in ("nulls", "nans", "positive_infinities", "negative_infinities"))
    nulls = min(rows, sum(max(0, count) for count in lacking))
    quantiles = column["quantiles_exact"] or column["quantiles"]
    if len(quantiles) == POINTS:
        points = np.asarray(quantiles, dtype=np.float64)
        if np.isfinite(points).all():
            if column["type"] == "timestamp":
                points = points - event_time
            # a producer's sort is not taken on trust; single precision halves what a baseline holds, and what
            # needs more (ids) comes as doubles
            exact = bool(column["quantiles_exact"]) and column["type"] != "timestamp"
            kept: Floats = np.sort(points) if exact else np.sort(points).astype(np.float32)
            return Column("numeric", rows, nulls, points=kept)
    if column["values"]:
        values = {intern(item["value"]): item["count"] for item in column["values"] if item["count"] > 0}
        return Column("categorical", rows, nulls, values=values, cut=bool(column["other_values"]))
    return Column("none", rows, nulls)
