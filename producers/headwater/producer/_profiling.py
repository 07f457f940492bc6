"""A profile as messages: parts of at most 256 KB, each with the dataset, the run and some of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.errors import MissingExtra
from headwater.producer import _avro, _ids
from headwater.producer._core import Core, now_us
from headwater.producer.handles import Dataset, Job
from headwater.schemas import framing, topics

_ENCODERS: Final = _avro.encoders("profile")
_MESSAGE: Final = _ENCODERS.message
_COLUMN: Final = _ENCODERS.types["ColumnProfile"]
_HEADER: Final = framing.single_object_header(_ENCODERS.schema)
_LARGEST: Final = 240 * 1024
_AFTER_HEAD: Final = _MESSAGE.position["namespace"]


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
    try:
        from headwater.producer import profiles  # noqa: PLC0415 — numpy, only where a profile is wanted
    except ImportError as error:
        raise MissingExtra("profiles", "numpy") from error
    described = [dataset]

    def work() -> None:
        found = profiles.profile(data, personal=dataset.personal_columns, digest_key=core.settings.digest_key)
        version, origin = dataset.version, dataset.version_origin
        if version is None and role == "output" and run_id is not None:
            version, origin = core.run_version(run_id), "run"
        rows = found.rows if sampled_of is None else sampled_of
        values: dict[str, Any] = {
            "namespace": dataset.namespace,
            "name": dataset.name,
            "version": version,
            "version_origin": origin,
            "kind": dataset.kind,
            "run_id": run_id,
            "job_namespace": job.namespace if job else "",
            "job_name": job.name if job else "",
            "role": role,
            "partitions": partitions,
            **profiles.as_record(found),
            "rows": rows,
            "sampled_rows": None if sampled_of is None else found.rows,
        }
        _send(core, dataset.key, values, [_COLUMN.encode(column) for column in found.columns], event_time)
        # Of a sample the fingerprint is not the dataset's.
        described[0] = (
            dataset.at(rows=rows) if sampled_of is not None else dataset.at(rows=rows, fingerprint=found.fingerprint)
        )
        if partitions:
            described[0] = described[0].at(partitions=partitions)

    core.guard(work)
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
        slots[at] = _avro.block(part)
        message = b"".join(
            (
                core.head(_HEADER, event_id, event_time),
                _avro.long(number) + _avro.long(len(parts)),
                *slots[_AFTER_HEAD:],
            )
        )
        core.send(topics.PROFILES.name, key, message)
        # The rows' sketch belongs to the event, not to each part of it.
        slots[_MESSAGE.position["row_kmv"]] = _avro.binary(b"")
