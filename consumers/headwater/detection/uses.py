"""A run event taken apart: one use for each dataset that it names, and one for its job where none tells its state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headwater.detection.ids import digest

Event = Mapping[str, Any]
_NO_DATASET: Mapping[str, Any] = {
    "namespace": "",
    "name": "",
    "version": None,
    "version_origin": None,
    "kind": "",
    "rows": None,
    "bytes": None,
    "partitions": [],
    "lifecycle": None,
    "columns": [],
    "columns_read": [],
    "owners": [],
    "tags": [],
    "fingerprint": None,
    "assertions": [],
}
#: Fields of a use that stand in the event's dataset under the same name.
COPIED: Final = tuple(_NO_DATASET)
#: Run states that are told of the job itself …
FAILED = frozenset({"FAIL", "ABORT"})
#: … and those that are where the event names no dataset: how long a run takes must be known.
_ENDS = frozenset({"START", "COMPLETE"})


def uses(event: Event) -> Iterator[dict[str, Any]]:
    """The uses of one run event (or part of one), without emit_time, producer_id and sequence.

    A write without a version has the version `run:<run id>`. Metrics about a dataset go with its use, those
    about none with each output, where there is none with each input; a dataset that only a metric names is
    described. Ids are digests of what the use says, so a repeated event repeats its uses.
    """
    common = _common(event)
    metrics = list(event["metrics"])
    about_none = [metric for metric in metrics if metric["about"] is None]
    named: set[tuple[str, str]] = set()
    for access, datasets in (("read", event["inputs"]), ("write", event["outputs"])):
        if access == "write" and event["kind"] == "dataset":
            access = "describe"  # noqa: PLW2901  # what a dataset event calls its output is described, not written
        takes_rest = access != "read" or not event["outputs"]
        for dataset in datasets:
            identity = (dataset["namespace"], dataset["name"])
            mine = [metric for metric in metrics if _is_about(metric, identity)] + (about_none if takes_rest else [])
            named.add(identity)
            yield _use(event, common, access, dataset, mine)
    others: dict[tuple[str, str, str | None], list[Event]] = {}
    for metric in metrics:
        about = metric["about"]
        if about is not None and (about["namespace"], about["name"]) not in named:
            others.setdefault((about["namespace"], about["name"], about["version"]), []).append(metric)
    for (namespace, name, version), mine in others.items():
        dataset = {**_NO_DATASET, "namespace": namespace, "name": name, "version": version, "kind": "model"}
        yield _use(event, common, "describe", dataset, mine)
    state = common["run_state"]
    if common["job_name"] and (state in FAILED or (state in _ENDS and not named)):
        yield _use(event, common, "describe", _NO_DATASET, [])


def about(use: Event) -> tuple[str, str]:
    """What a use is keyed by: its dataset, the job where it stands for one."""
    return (use["namespace"], use["name"]) if use["name"] else (use["job_namespace"], use["job_name"])


def parameters_digest(parameters: Mapping[str, str]) -> str | None:
    """Digest of a run's parameters, whatever their order; None for none."""
    if not parameters:
        return None
    text = json.dumps(sorted(parameters.items()), ensure_ascii=False, separators=(",", ":"))
    return "blake2b-128:" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _common(event: Event) -> dict[str, Any]:
    run, job = event["run"], event["job"]
    return {
        "event_time": event["event_time"],
        "source_event_id": event["event_id"],
        "run_id": run["run_id"] if run else None,
        "run_state": run["state"] if run else "",
        "job_namespace": job["namespace"] if job else "",
        "job_name": job["name"] if job else "",
        "nominal_start": run["nominal_start"] if run else None,
        "code": job["code"] if job else None,
        "parameters_digest": parameters_digest(event["parameters"]),
        "actor": event["actor"],
        "purpose": event["purpose"],
    }


def _use(
    event: Event, common: Mapping[str, Any], access: str, dataset: Mapping[str, Any], metrics: Sequence[Event]
) -> dict[str, Any]:
    use = {name: dataset[name] for name in COPIED}
    if access == "write" and use["version"] is None and common["run_id"] is not None:
        use["version"], use["version_origin"] = f"run:{_uuid_text(common['run_id'])}", "run"
    use["metrics"] = [{name: metric[name] for name in ("name", "value", "step", "split")} for metric in metrics]
    said = _JSON.encode({**use, **common})
    return {**common, **use, "access": access, "event_id": digest("use", event["event_id"], access, said)}


def _uuid_text(run_id: bytes) -> str:
    text = run_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _is_about(metric: Event, identity: tuple[str, str]) -> bool:
    about = metric["about"]
    return about is not None and (about["namespace"], about["name"]) == identity


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


_JSON: Final = json.JSONEncoder(default=_as_text, sort_keys=True)
