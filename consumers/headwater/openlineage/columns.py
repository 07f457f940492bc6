"""What an output was made from, by column and as a whole. Here a mistake would be a false edge: nothing is guessed."""

from __future__ import annotations

from typing import Any, Final

from headwater.openlineage.fields import Fields, Misshapen, cut, name_of, namespace_of
from headwater.schemas.bounds import LARGEST_NAME

_INDIRECT: Final = frozenset({"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"})
_DIRECT: Final = frozenset({"IDENTITY", "MASKED", "TRANSFORMATION", "AGGREGATION"})


def column_lineage(facet: Fields) -> dict[str, Any]:
    """The three forms: a word for a column's sources (1-0), transformations of each source (1-1), and sources of the
    whole dataset (1-2).
    """
    rows: list[dict[str, Any]] = []
    for target, field in facet.named("fields"):
        kind, description = (field.text("transformationType") or "").upper(), _said(field, "transformationDescription")
        before = {
            "transformation": "INDIRECT" if kind in _INDIRECT else "DIRECT" if kind in _DIRECT else "",
            "subtype": kind,
            "description": description,
            "masking": kind == "MASKED",
        }
        for source in field.objects("inputFields"):
            rows += _rows(source, target, before)
    for source in facet.objects("dataset"):
        rows += _rows(source, None, _UNKNOWN)
    return {"column_lineage": rows}


_UNKNOWN: Final[dict[str, Any]] = {"transformation": "", "subtype": "", "description": None, "masking": False}


def _rows(source: Fields, target: str | None, before: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each transformation of a source column; without any, one that says what its target's field says."""
    common = {
        "namespace": namespace_of(source.name("namespace")),
        "name": name_of(source.name("name")),
        "version": None,
        "column": source.text("field"),
        "target_column": target,
        "confidence": None,
        "captured": "",
    }
    said = [
        {
            "transformation": (one.text("type") or "").upper(),
            "subtype": (one.text("subtype") or "").upper(),
            "description": _said(one, "description") or before["description"],
            "masking": bool(one.boolean("masking")),
        }
        for one in source.objects("transformations")
    ]
    return [{**common, **one} for one in said or [before]]


def _said(of: Fields, name: str) -> str | None:
    """A description, in the length that edges copy."""
    text = of.text(name)
    return None if text is None else cut(text, LARGEST_NAME)


def lineage(facet: Fields) -> dict[str, Any]:
    """Explicit lineage of one dataset: its sources are all that it has, also where the list is empty.

    Sources that are jobs have no field of their own; what names them is left in the facet.
    """
    explicit = isinstance(facet.left.get("inputs"), list)
    edges: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for source in sources(facet):
        found = _rows(source, None, _UNKNOWN)
        edge = {"namespace": found[0]["namespace"], "name": found[0]["name"], "version": None}
        if edge not in edges:
            edges.append(edge)
        rows += [row for row in found if row["column"] is not None or row["transformation"]]
    for target, field in facet.named("fields"):
        for source in sources(field):
            rows += _rows(source, target, _UNKNOWN)
    found_edges = {"edges": edges, "edges_complete": True} if explicit else {}
    return {**found_edges, "column_lineage": rows}


def sources(of: Fields) -> list[Fields]:
    """The sources that are datasets."""
    found: list[Fields] = []
    for source in of.objects("inputs"):
        kind = source.left.get("type", "DATASET")
        if kind == "DATASET":
            source.take("type")
            found.append(source)
        elif kind != "JOB":
            raise Misshapen(f"{source.path}.type", "DATASET or JOB", kind)
    return found
