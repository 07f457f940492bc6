"""Fields of a job and of a dataset as facets of OpenLineage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.openlineage.own import NAME

_PRODUCER: Final = "urn:headwater:export"
#: How a row of column lineage reads where OpenLineage's facet says all of it.
_PLAIN_ROW: Final[Mapping[str, Any]] = {"version": None, "confidence": None, "captured": ""}


def facet_of(of: str) -> dict[str, Any]:
    """What every facet has."""
    if of == NAME:
        return {"_producer": _PRODUCER, "_schemaURL": "urn:headwater:facet:1"}
    return {
        "_producer": _PRODUCER,
        "_schemaURL": f"https://openlineage.io/spec/facets/1-0-0/{of}.json#/$defs/{of}",
    }


def _there(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def job_facets(job: Mapping[str, Any]) -> dict[str, Any]:
    """The facets of a job."""
    said = _common(job, "Job")
    if job.get("processing") or job.get("integration") or job.get("kind"):
        said["jobType"] = facet_of("JobTypeJobFacet") | _there(
            processingType=job["processing"] or "BATCH",
            integration=job["integration"] or "HEADWATER",
            jobType=job["kind"],
        )
    if job.get("tags"):
        said["tags"] = facet_of("TagsJobFacet") | {"tags": [_tag(one) for one in job["tags"]]}
    code = job.get("code")
    if code and code["source"] is not None:
        if code["language"] == "sql":
            said["sql"] = facet_of("SQLJobFacet") | {"query": code["source"]}
        else:
            said["sourceCode"] = facet_of("SourceCodeJobFacet") | {
                "language": code["language"] or "unknown",
                "sourceCode": code["source"],
            }
    if code and code["repository"] is not None:
        said["sourceCodeLocation"] = facet_of("SourceCodeLocationJobFacet") | _there(
            type="git",
            url=code["repository"],
            repoUrl=code["repository"],
            path=code["entrypoint"],
            version=code["commit"],
            branch=code["branch"],
        )
    return said


def _common(of: Mapping[str, Any], kind: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if of.get("description") is not None:
        said["documentation"] = facet_of(f"Documentation{kind}Facet") | {"description": of["description"]}
    if of.get("owners"):
        owners = [_there(name=one["name"], type=one["type"]) for one in of["owners"]]
        said["ownership"] = facet_of(f"Ownership{kind}Facet") | {"owners": owners}
    return said


def _tag(tag: Mapping[str, Any], column: str | None = None) -> dict[str, Any]:
    return _there(key=tag["key"], value=tag["value"], source=tag["source"], field=column)


def dataset_facets(dataset: Mapping[str, Any], role: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facets of a dataset, and those of its use. `role`: input, output or dataset."""
    said = _common(dataset, "Dataset")
    if dataset["version"] is not None:
        said["version"] = facet_of("DatasetVersionDatasetFacet") | {"datasetVersion": dataset["version"]}
    if dataset["columns"]:
        fields = [
            _there(name=one["name"], type=one["type"], description=one["description"]) for one in dataset["columns"]
        ]
        said["schema"] = facet_of("SchemaDatasetFacet") | {"fields": fields}
    tags = [_tag(one) for one in dataset["tags"]]
    tags += [_tag(one, column["name"]) for column in dataset["columns"] for one in column["tags"]]
    if tags:
        said["tags"] = facet_of("TagsDatasetFacet") | {"tags": tags}
    if dataset["source_name"] is not None or dataset["source_uri"] is not None:
        named = _there(name=dataset["source_name"], uri=dataset["source_uri"])
        said["dataSource"] = facet_of("DatasourceDatasetFacet") | named
    if dataset["kind"] != "table":
        said["datasetType"] = facet_of("DatasetTypeDatasetFacet") | {"datasetType": dataset["kind"]}
    if (change := dataset["lifecycle"]) is not None:
        said["lifecycleStateChange"] = facet_of("LifecycleStateChangeDatasetFacet") | {
            "lifecycleStateChange": change["change"]
        }
        if change["previous_name"] and change["previous_namespace"]:
            before = {"name": change["previous_name"], "namespace": change["previous_namespace"]}
            said["lifecycleStateChange"]["previousIdentifier"] = before
    if dataset["aliases"]:
        names = [_there(namespace=a["namespace"], name=a["name"], type=a["type"]) for a in dataset["aliases"]]
        said["symlinks"] = facet_of("SymlinksDatasetFacet") | {"identifiers": names}
    if role != "input":
        said |= _lineage(dataset)
    own = _own(dataset, role)
    if own:
        said[NAME] = facet_of(NAME) | own
    of_use: dict[str, Any] = {}
    if role != "dataset" and (dataset["rows"] is not None or dataset["bytes"] is not None):
        kind = role.capitalize()
        counts = _there(rowCount=dataset["rows"], size=dataset["bytes"])
        of_use[f"{role}Statistics"] = facet_of(f"{kind}Statistics{kind}DatasetFacet") | counts
    if dataset["assertions"]:
        facet = facet_of("DataQualityAssertionsDatasetFacet") | {
            "assertions": [
                {**_details(one["details"]), **_there(assertion=one["assertion"], success=one["success"],
                                                      column=one["column"], severity=one["severity"])}
                for one in dataset["assertions"]
            ]
        }  # fmt: skip
        (of_use if role == "input" else said)["dataQualityAssertions"] = facet
    return said, of_use


def _details(details: Mapping[str, str]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in details.items()}


def _lineage(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Column lineage and explicit edges, as far as OpenLineage's facets can say them."""
    rows: Sequence[Mapping[str, Any]] = dataset["column_lineage"]
    fields: dict[str, dict[tuple[str, str, str], dict[str, Any]]] = {}
    whole: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        if row["column"] is None:
            continue
        of = whole if row["target_column"] is None else fields.setdefault(row["target_column"], {})
        source = of.setdefault(
            (row["namespace"], row["name"], row["column"]),
            {"namespace": row["namespace"], "name": row["name"], "field": row["column"], "transformations": []},
        )
        if row["transformation"]:
            source["transformations"].append(
                _there(
                    type=row["transformation"],
                    subtype=row["subtype"] or None,
                    description=row["description"],
                    masking=row["masking"],
                )
            )
    said: dict[str, Any] = {}
    if fields or whole:
        said["columnLineage"] = facet_of("ColumnLineageDatasetFacet") | {
            "fields": {target: {"inputFields": list(of.values())} for target, of in fields.items()},
            "dataset": list(whole.values()),
        }
    if dataset["edges_complete"]:
        inputs = [{"type": "DATASET", "namespace": e["namespace"], "name": e["name"]} for e in dataset["edges"]]
        said["lineage"] = facet_of("LineageDatasetFacet") | {"inputs": inputs}
    return said


def _own(dataset: Mapping[str, Any], role: str) -> dict[str, Any]:
    """What those cannot say."""
    own: dict[str, Any] = {}
    if dataset["version_origin"] not in {None, "declared"}:
        own["version_origin"] = dataset["version_origin"]
    for name in ("columns_read", "partitions"):
        if dataset[name]:
            own[name] = list(dataset[name])
    if role == "input":
        return own
    if dataset["edges"] or dataset["edges_complete"]:
        own |= {"edges": list(dataset["edges"]), "edges_complete": dataset["edges_complete"]}
    if any(not _is_plain(row) for row in dataset["column_lineage"]) or own.get("edges_complete"):
        own["column_lineage"] = list(dataset["column_lineage"])
    return own


def _is_plain(row: Mapping[str, Any]) -> bool:
    return row["column"] is not None and bool(row["transformation"]) and _PLAIN_ROW.items() <= row.items()
