"""Dataset facets as fields of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from headwater.openlineage.fields import Fields, name_of, namespace_of
from headwater.openlineage.jobs import tag
from headwater.secrets import without_credentials, without_user

_DEEPEST: Final = 64
#: Where tags of columns wait until the schema is known.
COLUMN_TAGS: Final = "column tags"


def version(facet: Fields) -> dict[str, Any]:
    """The version that the producer names; a number (a snapshot's id) counts as its digits."""
    found = facet.word("datasetVersion") or None
    return {"version": found, "version_origin": None if found is None else "declared"}


def schema(facet: Fields) -> dict[str, Any]:
    """The columns, a nested one after its parent, named by its path."""
    return {"columns": list(_columns(facet, "", 0))}


def _columns(of: Fields, before: str, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        return
    for position, one in enumerate(of.objects("fields"), 1):
        name = before + one.name("name")
        # The order of the columns says it; kept where the two differ.
        if one.left.get("ordinal_position") == position:
            del one.left["ordinal_position"]
        kind = one.left.get("type")
        if isinstance(kind, str):
            del one.left["type"]
        yield {
            "name": name,
            "type": kind if isinstance(kind, str) else None,
            "nullable": None,
            "description": one.text("description"),
            "tags": [],
        }
        if one.left.get("fields") is not None:
            yield from _columns(one, f"{name}.", depth + 1)


def symlinks(facet: Fields) -> dict[str, Any]:
    """Other names of the same dataset."""
    return {
        "aliases": [
            {
                "namespace": namespace_of(one.name("namespace")),
                "name": name_of(one.name("name")),
                "type": one.text("type"),
            }
            for one in facet.objects("identifiers")
        ]
    }


def data_source(facet: Fields) -> dict[str, Any]:
    """The store that it is in."""
    name, uri = facet.text("name"), facet.text("uri")
    return {
        "source_name": None if name is None else without_user(name),
        "source_uri": None if uri is None else without_credentials(uri),
    }


def dataset_type(facet: Fields) -> dict[str, Any]:
    """What it is, in our words."""
    kind = facet.text("datasetType")
    return {"kind": kind.lower()} if kind else {}


def lifecycle(facet: Fields) -> dict[str, Any]:
    """What happened to the dataset itself."""
    before = facet.inner("previousIdentifier")
    return {
        "lifecycle": {
            "change": facet.name("lifecycleStateChange").upper(),
            "previous_namespace": namespace_of(before.name("namespace")) if before else None,
            "previous_name": name_of(before.name("name")) if before else None,
        }
    }


def tags(facet: Fields) -> dict[str, Any]:
    """Tags of the dataset, and those of its columns."""
    whole: list[dict[str, Any]] = []
    of_columns: list[tuple[str, dict[str, Any]]] = []
    for one in facet.objects("tags"):
        column = one.text("field")
        if column is None:
            whole.append(tag(one))
        else:
            of_columns.append((column, tag(one)))
    return {"tags": whole, COLUMN_TAGS: of_columns}


def statistics(facet: Fields) -> dict[str, Any]:
    """Rows and bytes read or written."""
    return {"rows": facet.whole("rowCount"), "bytes": facet.whole("size")}


def subset(facet: Fields) -> dict[str, Any]:
    """The partitions read or written, each as column=value/…; other conditions have no field of their own."""
    condition = facet.inner("inputCondition") or facet.inner("outputCondition")
    if condition is None or condition.left.get("type") != "partition":
        return {}
    condition.take("type")
    found: list[str] = []
    for one in condition.objects("partitions"):
        if (dimensions := one.inner("dimensions")) is not None:
            names = list(dimensions.left)
            found.append("/".join(f"{name}={dimensions.word(name)}" for name in names))
    return {"partitions": found}
