"""The OpenAPI description of the gateway."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

from headwater.settings import Settings

_NAME: Final = {"type": "string", "minLength": 1}
_NAMED: Final = {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": _NAME, "name": _NAME}}
_TIME: Final = {"type": "string", "format": "date-time"}
_EVENT: Final = {
    "description": "A RunEvent, JobEvent or DatasetEvent of the OpenLineage specification, 1-x and newer.",
    "type": "object",
    "required": ["eventTime"],
    "properties": {
        "eventTime": _TIME,
        "eventType": {"type": "string"},
        "producer": {"type": "string"},
        "schemaURL": {"type": "string"},
        "run": {"type": "object", "required": ["runId"], "properties": {"runId": _NAME}},
        "job": _NAMED,
        "dataset": _NAMED,
        "inputs": {"type": "array", "items": _NAMED},
        "outputs": {"type": "array", "items": _NAMED},
    },
}
_ERROR: Final = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string", "description": "What is wrong, and in an event where."},
        "reason": {"type": "string", "description": "A dead letter's reason, where an event is refused."},
    },
}
_COUNT: Final = {"type": "integer", "minimum": 0}
_SUMMARY: Final = ("received", "successful", "failed", "retriable", "non_retriable")
_BATCH: Final = {
    "type": "object",
    "required": ["status", "summary", "failed_events"],
    "properties": {
        "status": {"enum": ["success", "partial_success", "failure"]},
        "summary": {"type": "object", "required": list(_SUMMARY), "properties": dict.fromkeys(_SUMMARY, _COUNT)},
        "failed_events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "reason", "retriable"],
                "properties": {"index": _COUNT, "reason": {"type": "string"}, "retriable": {"type": "boolean"}},
            },
        },
    },
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
_REFUSALS: Final = {
    "400": "The body is no JSON or no gzip.",
    "401": "A key is needed, or this is none.",
    "403": "Without keys: a web page, or a name that is not loopback.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "Another content type or encoding.",
    "422": "The event is refused for good; the message says where.",
    "503": "Too much at once, or neither the broker nor the disk takes it now: later, after Retry-After.",
}
_STATUS: Final = {
    "type": "object",
    "required": ["ok"],
    "properties": {"ok": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}},
}


def _answers(good: dict[str, Any], *, batch: bool = False) -> dict[str, Any]:
    found = dict(good)
    for status, doc in _REFUSALS.items():
        schema = {"anyOf": [_ERROR, _BATCH]} if batch and status == "422" else _ERROR
        found[status] = _json(doc, schema) | ({"headers": _RETRY} if status == "503" else {})
    return found


def _json(doc: str, schema: Any) -> dict[str, Any]:
    return {"description": doc, "content": {"application/json": {"schema": schema}}}


@cache
def description(settings: Settings, *, guarded: bool) -> dict[str, Any]:
    """The description in OpenAPI 3.1. `guarded`: a key is needed."""
    security: dict[str, Any] = {"security": [{"key": []}]} if guarded else {}
    created = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["success"]}}}
    limit = f"At most {settings.gateway_body_bytes} bytes, unpacked; Content-Encoding may be gzip, the length unknown."
    posts = {
        "/api/v1/lineage": ("One event.", _EVENT, _answers({"201": _json("The event is kept.", created)})),
        "/api/v1/lineage/batch": (
            "A list of events: those that can be taken are, the others are named.",
            {"type": "array", "items": _EVENT},
            _answers({"200": _json("All or some are kept.", _BATCH)}, batch=True),
        ),
    }
    paths: dict[str, Any] = {
        path: {
            "post": {
                "summary": summary,
                "description": f"Answered when Kafka confirmed it or the disk has it. {limit}",
                "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
                "responses": responses,
                **security,
            }
        }
        for path, (summary, schema, responses) in posts.items()
    }
    paths["/live"] = {"get": {"summary": "Whether it runs.", "responses": {"200": _json("It does.", _STATUS)}}}
    ready = {"200": _json("It does.", _STATUS), "503": _json("It does not.", _STATUS)}
    paths["/ready"] = {"get": {"summary": "Whether what comes now is kept.", "responses": ready}}
    text = {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    paths["/metrics"] = {"get": {"summary": "Its metrics.", "responses": {"200": text}}}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Headwater gateway", "version": version("headwater"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
    }
    if guarded:
        found["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
    return found
