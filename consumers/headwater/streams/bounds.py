"""Which run events hold a text that is too long to be copied into other messages (`headwater.schemas.bounds`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ContractError
from headwater.schemas import records
from headwater.schemas.bounds import BOUNDED, LARGEST_NAME, too_long
from headwater.schemas.codec import Batch, Bodies, Program, compile_schema
from headwater.schemas.records import Schema
from headwater.streams.exactly import details

#: The same texts, neighbours in our own schemas as one: together they seldom are as long as one of them may be.
_TOGETHER: Final = (
    "run.state",
    "run.parent.job_namespace..job_name",
    "run.root.job_namespace..job_name",
    "run.links[].topic",
    "job.namespace..name",
    "inputs[].namespace..kind",
    "outputs[].namespace..kind",
    "outputs[].edges[].namespace..version",
    "outputs[].column_lineage[].namespace..captured",
)


def beyond(schema: Schema, bodies: Bodies) -> dict[int, str]:
    """By place, what exactly is too long in a body; all must be proved.

    A body no longer than one name may be has none: most events are not looked at.
    """
    large = np.flatnonzero(bodies.ends - bodies.starts > LARGEST_NAME)
    if not len(large):
        return {}
    compiled = _program(schema)
    if compiled is not None:
        program, paths = compiled
        large = large[_suspect(program.decode(bodies.take(large)), paths)]
    return details(schema, bodies, large.tolist(), too_long)


@lru_cache(maxsize=512)
def _program(schema: Schema) -> tuple[Program, Sequence[str]] | None:
    """What reads the texts, and their paths; None where only plain code takes the schema."""
    paths = _TOGETHER if schema in records.released("run_event") else BOUNDED
    try:
        return compile_schema(schema, paths), paths
    except ContractError:
        return None


def _suspect(decoded: Batch, paths: Sequence[str]) -> NDArray[np.bool_]:
    """Bodies, by their places, that may hold such a text."""
    found = np.zeros(len(decoded.error), np.bool_)
    for path in paths:
        spans = decoded.spans(path)
        rows = np.flatnonzero(spans.ends - spans.starts > LARGEST_NAME)
        if len(rows):
            # From the rows of a list to those of the list around it, and at last to the bodies.
            lists = [path[: at + 2] for at in range(len(path)) if path.startswith("[]", at)]
            for one in reversed(lists):
                rows = np.searchsorted(decoded.offsets(one), rows, side="right") - 1
            found[rows] = True
    return found
