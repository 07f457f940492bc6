"""Jobs and datasets as a service names them: made once, encoded once, used in many events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, Unpack, cast

from headwater.producer import _avro, _events
from headwater.producer._values import DATASET_VALUES, JOB_VALUES, Owners, Tags, tags_as_records
from headwater.schemas import bounds, encoding, topics
from headwater.secrets import loggable, without_credentials, without_user

_log: Final = logging.getLogger("headwater.producer")
_TYPES: Final = _avro.encoders("run_event").types
_DATASET: Final = _TYPES["Dataset"]
_JOB: Final = _TYPES["Job"]
_COLUMN: Final = _TYPES["Column"]
_IDENTITY: Final = slice(0, 3)  # namespace, name and version stand first in Dataset, as they are in DatasetRef
_VERSION: Final = _DATASET.position["version"]
_VERSION_ORIGIN: Final = _DATASET.position["version_origin"]
_DECLARED: Final = _DATASET.field("version_origin")("declared")
_JOB_CODE: Final = _JOB.position["code"]

#: A column with one of these tags holds personal data: no plain value of it leaves the process.
PERSONAL: Final = frozenset({"personal", "pii"})


@dataclass(frozen=True)
class Column:
    """A column of a dataset's schema; a nested column's name is its path, joined by dots."""

    name: str
    type: str | None = None
    nullable: bool | None = None
    description: str | None = None
    tags: Tags = ()

    @property
    def personal(self) -> bool:
        """Whether it is tagged personal (or pii)."""
        return any(tag.lower() in PERSONAL for tag in self.tags)


class Fingerprint(TypedDict):
    """An order-independent digest of a content, as `headwater.producer.profiles.fingerprint` makes it."""

    algorithm: str
    digest: bytes


class OffsetRange(TypedDict):
    """A range of a topic partition: first offset included, last excluded."""

    partition: int
    start: int
    end: int


class DatasetFields(TypedDict, total=False):
    """What can be said of a dataset beside its names; the contract's field table says what each means."""

    version: str | None
    version_origin: str | None
    kind: str
    rows: int | None
    bytes: int | None
    partitions: Sequence[str]
    offset_ranges: Sequence[OffsetRange]
    subjects: Mapping[str, Any] | None
    aliases: Iterable[tuple[str, str]]
    lifecycle: str | Mapping[str, Any] | None
    columns: Iterable[Column | str]
    columns_read: Sequence[str]
    owners: Owners
    tags: Tags
    description: str | None
    source_name: str | None
    source_uri: str | None
    origin: str | None
    retention_class: str | None
    fingerprint: Fingerprint | None
    assertions: Sequence[Mapping[str, Any]]
    facets: Mapping[str, object]


class JobFields(TypedDict, total=False):
    """What can be said of a job beside its names."""

    kind: str | None
    processing: str | None
    integration: str | None
    description: str | None
    owners: Owners
    tags: Tags
    code: Mapping[str, Any] | None
    facets: Mapping[str, object]


class Dataset:
    """A dataset, or one version of it. Make it with `Producer.dataset`; `at` gives variants cheaply."""

    __slots__ = ("_slots", "columns", "encoded", "entries", "kind", "name", "namespace", "version", "version_origin")

    def __init__(self, namespace: str, name: str, **fields: Unpack[DatasetFields]) -> None:
        self.namespace = namespace = bounds.taken("a dataset's namespace", without_credentials(namespace))
        self.name = name = bounds.taken("a dataset's name", without_user(name))
        self.version: str | None = None
        self.version_origin: str | None = None
        self.columns: tuple[Column, ...] = ()
        self.kind = "table"
        self._set(_DATASET.slots({"namespace": namespace, "name": name, "kind": "table"}), fields)

    def _set(self, slots: list[bytes], fields: DatasetFields, *, strict: bool = True) -> None:
        for field, value in fields.items():
            try:
                position, encode, convert = _DATASET_FIELDS[field]
            except KeyError:
                raise TypeError(f"a dataset has no field {field!r}") from None
            try:
                if field == "columns":
                    value = self.columns = _columns(cast("Any", value))  # noqa: PLW2901 — an iterator, read twice
                slots[position] = encode(value if convert is None else convert(value))
            except Exception as error:
                if strict:
                    raise
                _log.error("%s of %s is left out: %s: %s", field, self.name, type(error).__name__, loggable(error))
                slots[position] = _BARE_DATASET[position]
                cast("dict[str, Any]", fields)[field] = _BARE_VALUES.get(field)
        if "version" in fields:
            self.version = None if fields["version"] is None else str(fields["version"])
            if "version_origin" not in fields:
                self.version_origin = None if self.version is None else "declared"
                slots[_VERSION_ORIGIN] = _DECLARED if self.version_origin else encoding.NULL
        if "version_origin" in fields:
            self.version_origin = fields["version_origin"]
        if "kind" in fields:
            self.kind = fields["kind"]
        self._slots = slots
        #: Its bytes in an event.
        self.encoded: bytes = b"".join(slots)
        #: Its entries in an event: one, or several where its schema alone is too large for a message.
        self.entries: Sequence[bytes] = (self.encoded,) if self.small else self._pieces()

    def at(self, **fields: Unpack[DatasetFields]) -> Dataset:
        """This dataset with other fields, e.g. a version and its rows; only those are encoded anew.

        It stands where events are told, so unlike the making of a handle it never raises because of a value: a
        field that cannot be told is left out and logged.
        """
        variant = Dataset.__new__(Dataset)
        variant.namespace, variant.name = self.namespace, self.name
        variant.version, variant.version_origin = self.version, self.version_origin
        variant.columns, variant.kind = self.columns, self.kind
        variant._set(self._slots.copy(), fields, strict=False)  # noqa: SLF001 — its own class
        return variant

    @property
    def reference(self) -> bytes:
        """Its bytes where it is named by its identity alone."""
        return b"".join(self._slots[_IDENTITY])

    @property
    def key(self) -> bytes:
        """The Kafka key of messages about it."""
        return topics.dataset_key(self.namespace, self.name)

    @property
    def personal_columns(self) -> frozenset[str]:
        """Names of the columns that are tagged personal."""
        return frozenset(column.name for column in self.columns if column.personal)

    def with_slots(self, **encoded: bytes) -> bytes:
        """Its bytes in an event with some fields given as bytes."""
        slots = self._slots.copy()
        for field, value in encoded.items():
            slots[_DATASET.position[field]] = value
        return b"".join(slots)

    def bare(self, **encoded: bytes) -> bytes:
        """Its identity and kind, and some fields given as bytes: an addition to what an event said of it before."""
        slots = _BARE_DATASET.copy()
        slots[:5] = self._slots[:5]
        for field, value in encoded.items():
            slots[_DATASET.position[field]] = value
        return b"".join(slots)

    @property
    def small(self) -> bool:
        """Whether it fits one message with room for as much again."""
        return len(self.encoded) <= _events.LARGEST // 2

    def _pieces(self) -> Sequence[bytes]:
        columns = [_COLUMN.encode(value) for value in _column_values(self.columns)]
        pieces = [self.bare(columns=encoding.block(piece)) for piece in _events.chunks(columns)]
        return (self.with_slots(columns=encoding.EMPTY), *pieces)

    def __repr__(self) -> str:
        return f"Dataset({self.namespace!r}, {self.name!r}, version={self.version!r}, kind={self.kind!r})"


class Job:
    """A process that is run again and again. Make it with `Producer.job`."""

    __slots__ = ("_encoded", "_slots", "name", "namespace", "own_code")

    def __init__(self, namespace: str, name: str, **fields: Unpack[JobFields]) -> None:
        self.namespace = namespace = bounds.taken("a job's namespace", without_credentials(namespace))
        self.name = name = bounds.taken("a job's name", without_user(name))
        #: Whether the code was given; else an event carries what the process runs.
        self.own_code = "code" in fields
        values: dict[str, Any] = {"integration": "HEADWATER"}
        for field, value in fields.items():
            values[field] = JOB_VALUES.get(field, _same)(value)
        self._slots = _JOB.slots({"namespace": namespace, "name": name, **values})
        #: The code it was last encoded with, and the bytes.
        self._encoded: tuple[bytes | None, bytes] = (None, b"")

    def encoded(self, code: bytes) -> bytes:
        """Its bytes in an event, after the mark that a job is there; `code` stands where none was given."""
        if self._encoded[0] is not code:
            slots = self._slots.copy()
            if not self.own_code:
                slots[_JOB_CODE] = code
            self._encoded = (code, encoding.PRESENT + b"".join(slots))
        return self._encoded[1]

    @property
    def key(self) -> bytes:
        """The Kafka key of events about it without a run."""
        return topics.dataset_key(self.namespace, self.name)

    def __repr__(self) -> str:
        return f"Job({self.namespace!r}, {self.name!r})"


def _same(value: Any) -> Any:
    return value


def _columns(columns: Iterable[Column | str]) -> tuple[Column, ...]:
    return tuple(Column(column) if isinstance(column, str) else column for column in columns)


def _column_values(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "description": column.description,
            "tags": tags_as_records(column.tags),
        }
        for column in columns
    ]


def _bounded(field: str) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        return None if value is None else bounds.taken(f"a dataset's {field}", str(value))

    return checked


_DATASET_VALUES: Final[Mapping[str, Any]] = {
    **DATASET_VALUES,
    "columns": _column_values,
    **{field: _bounded(field) for field in ("version", "version_origin", "kind")},
}
#: Of each field its place, its encoder, and what makes the contract's value of a caller's.
_DATASET_FIELDS: Final[Mapping[str, tuple[int, encoding.Encode, Callable[[Any], Any] | None]]] = {
    field.name: (position, field.encode, _DATASET_VALUES.get(field.name))
    for position, field in enumerate(_DATASET.fields)
}
#: What a field that is left out has as the handle's own value, where that is not None.
_BARE_VALUES: Final[Mapping[str, Any]] = {"kind": "table", "columns": ()}
_BARE_DATASET: Final = _DATASET.slots({"namespace": "", "name": ""})
assert _VERSION == 2  # noqa: S101 — the slice above rests on it; the contract's own test holds the order
