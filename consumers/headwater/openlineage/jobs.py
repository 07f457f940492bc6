"""Job facets as fields of a job; ownership and documentation are the same of datasets."""

from __future__ import annotations

from typing import Any

from headwater.openlineage.fields import Fields, shortened
from headwater.secrets import without_credentials, without_secrets


def job_type(facet: Fields) -> dict[str, Any]:
    """BATCH or STREAMING, what runs it, what it is."""
    return {
        "processing": facet.text("processingType"),
        "integration": facet.text("integration"),
        "kind": facet.text("jobType"),
    }


def sql(facet: Fields) -> dict[str, Any]:
    """The query."""
    return {"code": {"source": shortened(without_secrets(facet.name("query"))), "language": "sql"}}


def source_code(facet: Fields) -> dict[str, Any]:
    """The code itself."""
    return {
        "code": {
            "source": shortened(without_secrets(facet.name("sourceCode"))),
            "language": facet.text("language"),
        }
    }


def source_code_location(facet: Fields) -> dict[str, Any]:
    """Where the code is kept. A tag stands for a branch that is not named."""
    repository = facet.text("repoUrl")
    url = facet.left.get("url")
    if repository is None:
        repository = facet.text("url")
    elif url == repository:
        del facet.left["url"]
    if facet.left.get("type") == "git":
        del facet.left["type"]
    branch = facet.text("branch")
    return {
        "code": {
            "repository": None if repository is None else without_credentials(repository),
            "commit": facet.word("version"),
            "branch": facet.text("tag") if branch is None else branch,
            "entrypoint": facet.text("path"),
        }
    }


def documentation(facet: Fields) -> dict[str, Any]:
    """What it does, or holds."""
    description = facet.text("description")
    return {"description": None if description is None else shortened(description)}


def ownership(facet: Fields) -> dict[str, Any]:
    """Who owns it."""
    return {"owners": [{"name": one.name("name"), "type": one.text("type")} for one in facet.objects("owners")]}


def tags(facet: Fields) -> dict[str, Any]:
    """Its tags."""
    return {"tags": [tag(one) for one in facet.objects("tags")]}


def tag(one: Fields) -> dict[str, Any]:
    """One tag; without a value only its key matters."""
    value = one.word("value")
    return {"key": one.name("key"), "value": "true" if value is None else value, "source": one.text("source")}
