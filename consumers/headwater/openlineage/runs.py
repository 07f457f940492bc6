"""Run facets as fields of a run, or of its event."""

from __future__ import annotations

from typing import Any

from headwater.openlineage.fields import Fields, Misshapen, cut, is_secret, name_of, namespace_of, run_id_of, text_of
from headwater.secrets import looks_secret, without_secret_texts


def parent(facet: Fields) -> dict[str, Any]:
    """The run that started this one, and the first of that chain."""
    root = facet.inner("root")
    return {
        "parent": reference(facet, facet.path),
        "root": None if root is None else reference(root, root.path),
    }


def reference(of: Fields, path: str) -> dict[str, Any]:
    """A run that another one names, with its job. Raises Misshapen."""
    run, job = of.inner("run"), of.inner("job")
    if run is None:
        raise Misshapen(f"{path}.run", "an object", None)
    # Some producers know the parent's run only.
    return {
        "run_id": run_id_of(run.name("runId")),
        "job_namespace": namespace_of(job.text("namespace") or "") if job else "",
        "job_name": name_of(job.text("name") or "") if job else "",
    }


def nominal_time(facet: Fields) -> dict[str, Any]:
    """The interval that the run is for."""
    return {"nominal_start": facet.time("nominalStartTime"), "nominal_end": facet.time("nominalEndTime")}


def error(facet: Fields) -> dict[str, Any]:
    """Why it failed; the specification has no field for the exception's class."""
    message, trace = facet.word("message") or "", facet.text("stackTrace")
    return {
        "error": {
            "type": "",
            "message": cut(without_secret_texts(message), 4 * 1024),
            "stack_trace": None if trace is None else cut(without_secret_texts(trace), 16 * 1024),
            "language": facet.text("programmingLanguage"),
        }
    }


def processing_engine(facet: Fields) -> dict[str, Any]:
    """The engine, with its version and that of the integration."""
    said = {name: facet.take(name) for name in list(facet.left) if name not in {"_producer", "_schemaURL"}}
    return {"environment": {"processing_engine": text_of(said)}}


def environment_variables(facet: Fields) -> dict[str, Any]:
    """Variables by name; those that look like a secret without their value."""
    found: dict[str, str] = {}
    for one in facet.objects("environmentVariables"):
        name, value = one.name("name"), one.word("value") or ""
        found[name] = "…" if looks_secret(name, value) else value
    return {"environment": {"variables": text_of(found)}}


def execution_parameters(facet: Fields) -> dict[str, Any]:
    """Parameters by their key."""
    found: dict[str, str] = {}
    for one in facet.objects("parameters"):
        key, value = one.name("key"), one.take("value")
        found[key] = text_of("…" if is_secret(key, value) or looks_secret("", value) else value)
    return {"parameters": found}
