"""A profile as messages: parts of at most 256 KB, each with the dataset, the run and some of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import MissingExtra
from headwater.producer import _avro, _forks, _ids
from headwater.producer._core import Core, now_us
from headwater.producer.handles import Dataset, Job
from headwater.schemas import encoding, framing, topics

if TYPE_CHECKING:
    from headwater.producer.profiles import Gathering, Profile

_ENCODERS: Final = _avro.encoders("profile")
_MESSAGE: Final = _ENCODERS.message
_COLUMN: Final = _ENCODERS.types["ColumnProfile"]
_HEADER: Final = framing.single_object_header(_ENCODERS.schema)
_LARGEST: Final = 240 * 1024
_AFTER_HEAD: Final = _MESSAGE.position["namespace"]


@dataclass(frozen=True)
class About:
    """What a profile is of, beside the data."""

    core: Core
    dataset: Dataset
    role: str
    partitions: Sequence[str]
    job: Job | None
    run_id: bytes | None

    def gathering(self) -> Gathering:
        """A profile in the making. Raises MissingExtra."""
        try:
            with _forks.making():
                from headwater.producer import profiles  # noqa: PLC0415 — numpy, only where a profile is wanted
        except ImportError as error:
            raise MissingExtra("profiles", "numpy") from error
        return profiles.Gathering(personal=self.dataset.personal_columns, digest_key=self.core.settings.digest_key)

    def send(
        self,
        found: Profile,
        *,
        rows: int | None = None,
        window: tuple[int, int] | None = None,
        event_time: int | None = None,
    ) -> Dataset:
        """Send a profile; returns the dataset with its rows and fingerprint.

        `rows`: of the whole, where `found` is of a sample. `window`: first and last event time in it, µs.
        """
        from headwater.producer import profiles  # noqa: PLC0415 — whoever has a profile has numpy

        dataset = self.dataset
        version, origin = dataset.version, dataset.version_origin
        if version is None and self.role == "output" and self.run_id is not None:
            version, origin = self.core.run_version(self.run_id), "run"
        whole = found.rows if rows is None else rows
        values: dict[str, Any] = {
            "namespace": dataset.namespace,
            "name": dataset.name,
            "version": version,
            "version_origin": origin,
            "kind": dataset.kind,
            "run_id": self.run_id,
            "job_namespace": self.job.namespace if self.job else "",
            "job_name": self.job.name if self.job else "",
            "role": self.role,
            "partitions": self.partitions,
            **profiles.as_record(found),
            "rows": whole,
            "sampled_rows": None if rows is None else found.rows,
        }
        if window is not None:
            values["window_start"], values["window_end"] = window
        _send(self.core, dataset.key, values, [_COLUMN.encode(column) for column in found.columns], event_time)
        # Of a sample the fingerprint is not the dataset's.
        described = (
            dataset.at(rows=whole) if rows is not None else dataset.at(rows=whole, fingerprint=found.fingerprint)
        )
        return described.at(partitions=self.partitions) if self.partitions else described


def send_profile(
    core: Core,
    dataset: Dataset,
    data: Any,
    *,
    role: str,
    partitions: Sequence[str],
    sampled_of: int | None,
    job: Job | None,
    run_id: bytes | None,
    event_time: int | None,
) -> Dataset:
    """Profile `data`, send it, and return the dataset with its rows and fingerprint.

    Raises MissingExtra; what else goes wrong is counted, and the dataset comes back as it was.
    """
    about = About(core, dataset, role, partitions, job, run_id)
    gathering = about.gathering()
    described = [dataset]
    missing: list[MissingExtra] = []

    def work() -> None:
        try:
            gathering.add(data, last=True)
        except MissingExtra as error:
            missing.append(error)
            return
        described[0] = about.send(gathering.result(), rows=sampled_of, event_time=event_time)

    core.guard(work)
    if missing:
        raise missing[0]
    return described[0]


def _send(core: Core, key: bytes, values: Mapping[str, Any], columns: Sequence[bytes], event_time: int | None) -> None:
    common = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, "event_id": bytes(16), "event_time": 0}
    slots = _MESSAGE.slots({**common, **values})
    at = _MESSAGE.position["columns"]
    room = _LARGEST - sum(map(len, slots))
    parts: list[list[bytes]] = [[]]
    for column in columns:
        if len(column) > room and parts[-1]:
            parts.append([])
            room = _LARGEST - sum(map(len, slots))
        parts[-1].append(column)
        room -= len(column)
    event_id = _ids.uuid7(now_us()) if len(parts) > 1 else None
    for number, part in enumerate(parts, 1):
        slots[at] = encoding.block(part)
        message = b"".join(
            (
                core.head(_HEADER, event_id, event_time),
                encoding.long(number) + encoding.long(len(parts)),
                *slots[_AFTER_HEAD:],
            )
        )
        core.send(topics.PROFILES.name, key, message)
        # The rows' sketch belongs to the event, not to each part of it.
        slots[_MESSAGE.position["row_kmv"]] = encoding.binary(b"")
