"""The contract's records as OpenLineage events: the other way round of translation.

What a facet of the specification can say stands there; the rest that the graph needs stands in the facet `headwater`
(own.py). What was kept of an event as JSON is given back as it came.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from headwater.openlineage.described import dataset_facets, facet_of, job_facets
from headwater.openlineage.own import NAME
from headwater.openlineage.translation import REST
from headwater.schemas import times

#: What stands in place of a text that was too long.
_CUT: Final = {"cut", "digest"}
PRODUCER: Final = "urn:headwater:export"
_SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


def written(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The OpenLineage events of one run event as a dict of all its fields; of a dataset event one a dataset version,
    which name no job: as a job's event it would say that the job writes what it describes.

    Raises OverflowError for a time that no calendar has.
    """
    kept = _kept(event["environment"].get(REST))
    head: dict[str, Any] = {"eventTime": _time(event["event_time"]), "producer": PRODUCER, **kept}
    if event["kind"] == "dataset" and event["run"] is None:
        for dataset in _joined(event["outputs"]):
            yield {"schemaURL": _SPEC + "DatasetEvent", **head, "dataset": _dataset(dataset, "dataset")}
        return
    said = {
        **head,
        "job": _job(event["job"] or {"namespace": "headwater", "name": "unknown"}),
        "inputs": [_dataset(one, "input") for one in event["inputs"]],
        "outputs": [_dataset(one, "output") for one in event["outputs"]],
    }
    if event["run"] is None:
        yield {"schemaURL": _SPEC + "JobEvent", **said}
    else:
        yield {"eventType": event["run"]["state"], "schemaURL": _SPEC + "RunEvent", **said, "run": _run(event)}


def _joined(datasets: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Each dataset version once, with all that was said of it: an edge that one mention states and another one's
    columns imply is a stated one, which two events of one time would not say.
    """
    found: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for dataset in datasets:
        known = found.setdefault((dataset["namespace"], dataset["name"], dataset["version"]), {})
        for name, value in dataset.items():
            before = known.get(name)
            if isinstance(value, list):
                known[name] = [*(before or []), *value]
            elif isinstance(value, dict):
                known[name] = {**value, **(before or {})}
            elif name == "edges_complete" or before is None:
                known[name] = before or value
    return found.values()


def _time(micros: int) -> str:
    return times.moment(micros).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _kept(text: str | None) -> dict[str, Any]:
    """What stood beside the facets; nothing where it is no object (it was too long, and cut)."""
    found: Any = json.loads(text) if text else {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) and found.keys() != _CUT else {}


def _facets(said: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, Any]:
    """Facets from fields, and over them those that were kept whole."""
    return {**said, **{name: json.loads(text) for name, text in kept.items() if name != REST}}


def _run(event: Mapping[str, Any]) -> dict[str, Any]:
    run: Mapping[str, Any] = event["run"]
    said: dict[str, Any] = {}
    parent, root = run["parent"], run["root"]
    if parent is not None:
        said["parent"] = facet_of("ParentRunFacet") | _reference(parent)
        if root is not None:
            said["parent"]["root"] = _reference(root)
    if run["nominal_start"] is not None:
        said["nominalTime"] = facet_of("NominalTimeRunFacet") | {"nominalStartTime": _time(run["nominal_start"])}
        if run["nominal_end"] is not None:
            said["nominalTime"]["nominalEndTime"] = _time(run["nominal_end"])
    if (error := event["error"]) is not None:
        message = ": ".join(part for part in (error["type"], error["message"]) if part)
        said["errorMessage"] = facet_of("ErrorMessageRunFacet") | {
            "message": message,
            "programmingLanguage": error["language"] or "unknown",
            "stackTrace": error["stack_trace"],
        }
    if event["parameters"]:
        said["executionParameters"] = facet_of("ExecutionParametersRunFacet") | {
            "parameters": [{"key": key, "value": json.loads(text)} for key, text in event["parameters"].items()]
        }
    if engine := event["environment"].get("processing_engine"):
        said["processing_engine"] = facet_of("ProcessingEngineRunFacet") | json.loads(engine)
    own = {name: run[name].hex() for name in ("trace_id", "span_id") if run[name] is not None}
    links = [{name: of.hex() if isinstance(of, bytes) else of for name, of in one.items()} for one in run["links"]]
    if links or own or (parent is None and root is not None):
        said[NAME] = facet_of("headwater") | own | {"links": links}
        if parent is None and root is not None:
            said[NAME]["root"] = _reference(root)
    rest = _kept(run["facets"].get(REST))
    return {"runId": str(uuid.UUID(bytes=run["run_id"])), **rest, "facets": _facets(said, run["facets"])}


def _reference(of: Mapping[str, Any]) -> dict[str, Any]:
    job = {"namespace": of["job_namespace"], "name": of["job_name"]}
    return {"run": {"runId": str(uuid.UUID(bytes=of["run_id"]))}, "job": job}


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    kept: Mapping[str, str] = job.get("facets", {})
    # The job's own lineage was told of its datasets, and is told there again.
    facets = {name: of for name, of in _facets(job_facets(job), kept).items() if name != "lineage"}
    return {"namespace": job["namespace"], "name": job["name"], **_kept(kept.get(REST)), "facets": facets}


def _dataset(dataset: Mapping[str, Any], role: str) -> dict[str, Any]:
    whole, of_use = dataset_facets(dataset, role)
    kept: Mapping[str, str] = dataset["facets"]
    found = {"namespace": dataset["namespace"], "name": dataset["name"], **_kept(kept.get(REST))}
    found["facets"] = _facets(whole, kept)
    if of_use and role != "dataset":
        found[f"{role}Facets"] = of_use
    return found
