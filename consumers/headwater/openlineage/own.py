"""The facet `headwater`: what the contract says of a run or dataset and no facet of OpenLineage can, so that an event
which was written from our record is read back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from headwater.openlineage.fields import Fields, Misshapen, cut
from headwater.openlineage.runs import reference
from headwater.schemas.bounds import LARGEST_NAME

NAME: Final = "headwater"
#: Of a row of column lineage, a text each; null where it is not said.
ROW_TEXTS: Final = ("version", "column", "target_column", "description")


def dataset(facet: Fields) -> dict[str, Any]:
    """The fields of a dataset that the facet names, each in place of what other facets say of it. Raises Misshapen."""
    found: dict[str, Any] = {}
    if (origin := facet.text("version_origin")) is not None:
        found["version_origin"] = origin
    if "edges" in facet.left:
        found["edges"] = [
            {"namespace": one.name("namespace"), "name": one.name("name"), "version": one.text("version")}
            for one in facet.objects("edges")
        ]
    if (complete := facet.boolean("edges_complete")) is not None:
        found["edges_complete"] = complete
    if "column_lineage" in facet.left:
        found["column_lineage"] = [_row(one) for one in facet.objects("column_lineage")]
    for name in ("columns_read", "partitions"):
        if name in facet.left:
            found[name] = _texts(facet, name)
    # One value under a name that no field has: it is not merged with what other facets say.
    return {NAME: found}


def _row(one: Fields) -> dict[str, Any]:
    confidence = one.take("confidence")
    if confidence is not None and (isinstance(confidence, bool) or not isinstance(confidence, int | float)):
        raise Misshapen(f"{one.path}.confidence", "a number", confidence)
    texts = {name: one.text(name) for name in ROW_TEXTS}
    if (description := texts["description"]) is not None:
        texts["description"] = cut(description, LARGEST_NAME)
    return {
        "namespace": one.name("namespace"),
        "name": one.name("name"),
        **texts,
        **{name: one.text(name) or "" for name in ("transformation", "subtype", "captured")},
        "masking": bool(one.boolean("masking")),
        "confidence": None if confidence is None else float(confidence),
    }


def _texts(facet: Fields, name: str) -> list[str]:
    value: Any = facet.take(name)
    items = list(cast("Iterable[object]", value)) if isinstance(value, list) else [None]
    texts = [one for one in items if isinstance(one, str)]
    if len(texts) != len(items):
        raise Misshapen(f"{facet.path}.{name}", "a list of texts", cast("object", value))
    return texts


def run(facet: Fields) -> dict[str, Any]:
    """Trace and links of a run, and its root where it has no parent. Raises Misshapen."""
    root = facet.inner("root")
    return {
        "root": None if root is None else reference(root, root.path),
        "trace_id": _id(facet, "trace_id", 16),
        "span_id": _id(facet, "span_id", 8),
        "links": [
            {
                "run_id": _id(one, "run_id", 16),
                "trace_id": _id(one, "trace_id", 16),
                "span_id": _id(one, "span_id", 8),
                "topic": one.text("topic"),
                "partition": one.whole("partition"),
                "offset": one.whole("offset"),
            }
            for one in facet.objects("links")
        ],
    }


def _id(of: Fields, name: str, size: int) -> bytes | None:
    text = of.text(name)
    if text is None:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size:
        raise Misshapen(f"{of.path}.{name}", f"{2 * size} hexadecimal digits", text)
    return found
