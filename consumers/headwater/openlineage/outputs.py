"""The job's lineage facet: what a job declares, or a run observed, of datasets beside its inputs and outputs."""

from __future__ import annotations

from typing import Any

from headwater.openlineage.columns import lineage, sources
from headwater.openlineage.fields import Fields, Misshapen, name_of, namespace_of


def job_lineage(facet: Fields | None, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
    """Add what the facet says to inputs and outputs. Raises Misshapen.

    An entry of a dataset says what it was made from: it is an output, whether the event lists it or not. One of the
    own job (without a name) says what that reads. Those of other jobs stay in the facet, which is kept whole.
    """
    if facet is None or facet.left.get("_deleted"):
        return
    for entry in facet.objects("entries"):
        kind = entry.left.get("type")
        if kind == "DATASET":
            _made_from(entry, outputs)
        elif kind == "JOB":
            if entry.left.get("name") is None and entry.left.get("namespace") is None:
                _read(entry, inputs)
        else:
            raise Misshapen(f"{entry.path}.type", "DATASET or JOB", kind)


def _made_from(entry: Fields, outputs: list[dict[str, Any]]) -> None:
    found = lineage(entry)
    target = _of(entry, outputs)
    if "edges_complete" in found:
        known = target.setdefault("edges", [])
        known += [edge for edge in found["edges"] if edge not in known]
        target["edges_complete"] = True
    target.setdefault("column_lineage", []).extend(
        row for row in found["column_lineage"] if row not in target["column_lineage"]
    )


def _read(entry: Fields, inputs: list[dict[str, Any]]) -> None:
    for source in sources(entry):
        _of(source, inputs)


def _of(named: Fields, datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """The dataset in the list, added where it is not there."""
    identity = {"namespace": namespace_of(named.name("namespace")), "name": name_of(named.name("name"))}
    for one in datasets:
        if identity.items() <= one.items():
            return one
    datasets.append(identity)
    return identity
