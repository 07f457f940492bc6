"""What messages of long runs say, as columns: what `kernel.sifting.sift` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from headwater.errors import ContractError
from headwater.schemas import records
from headwater.schemas.codec import Bodies, Program, compile_schema
from headwater.schemas.framing import CONFLUENT_HEADER, SINGLE_OBJECT_HEADER
from headwater.schemas.records import Schema
from headwater.stitching.layout import neighbours

_NODE = ("namespace", "name", "version", "version_origin", "kind")
_CAPTURES = (
    "event_id", "event_time", "parts", "run", "run.run_id", "run.state..root", "run.links..links",
    "job.namespace..name",
    "inputs[]", "inputs[].namespace..name", "inputs[].namespace..version", "inputs[].namespace..kind",
    "outputs[]", "outputs[].namespace..name", "outputs[].namespace..version", "outputs[].namespace..version_origin",
    "outputs[].namespace..kind", "outputs[].edges..column_lineage",
)  # fmt: skip


@lru_cache(maxsize=512)
def program(schema: Schema) -> Program | None:
    """The program of a writer schema whose datasets' bytes can be kept as they are; None for another."""
    ours = neighbours(records.current("run_event"), ("inputs",), _NODE)
    if any(neighbours(schema, (side,), _NODE) != ours for side in ("inputs", "outputs")):
        return None
    for path, fields in (
        (("run",), ("state", "root")),
        (("run",), ("links",)),
        (("outputs",), ("edges", "column_lineage")),
    ):
        if neighbours(schema, path, fields) is None:
            return None
    try:
        return compile_schema(schema, _CAPTURES)
    except ContractError:
        return None


@dataclass(frozen=True)
class Columns:
    """N bodies of one writer schema, which has this number. `all`: what `sift` takes; `has_run` uint8[N]."""

    number: int
    buffer: Any
    all: Any
    has_run: Any
    #: Bytes of the inputs of row n, and of its outputs; the longest body.
    input_bytes: Any
    output_bytes: Any
    longest: int

    @staticmethod
    def of(number: int, code: Program, bodies: Bodies) -> Columns:
        """What proved bodies say."""
        decoded = code.decode(bodies)

        def span(path: str) -> tuple[Any, Any]:
            found = decoded.spans(path)
            return found.starts, found.ends

        states, roots = span("run.state..root")
        starts, names = span("inputs[].namespace..name")
        kinds = span("inputs[].namespace..kind")[1]
        offsets = decoded.offsets("inputs[]")
        written, written_kinds = span("outputs[].namespace..kind")
        written_offsets = decoded.offsets("outputs[]")
        has_run = decoded.presence("run")
        head = (
            has_run, span("run.run_id")[0], states, roots, *span("run.links..links"), decoded.integers("parts").values
        )  # fmt: skip
        inputs = (
            *span("job.namespace..name"), span("event_id")[0], decoded.integers("event_time").values,
            offsets, starts, names, span("inputs[].namespace..version")[1], kinds,
        )  # fmt: skip
        outputs = (
            written_offsets, written, span("outputs[].namespace..name")[1], span("outputs[].namespace..version")[1],
            span("outputs[].namespace..version_origin")[1], written_kinds, *span("outputs[].edges..column_lineage"),
        )  # fmt: skip
        read_bytes = _sums(kinds - starts, offsets)
        written_bytes = _sums(written_kinds - written, written_offsets)
        longest = int((bodies.ends - bodies.starts).max()) if len(bodies) else 0
        return Columns(number, decoded.buffer, (head, inputs, outputs), has_run, read_bytes, written_bytes, longest)

    @property
    def input_counts(self) -> Any:
        """How many inputs each row has."""
        return np.diff(self.all[1][4])

    @property
    def output_counts(self) -> Any:
        """How many outputs each row has."""
        return np.diff(self.all[2][0])


def _sums(sizes: Any, offsets: Any) -> Any:
    """The sum of the sizes of each row's items."""
    upto = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=upto[1:])
    return np.diff(upto[offsets])


def of_messages(number: int, code: Program, messages: Sequence[bytes]) -> Columns:
    """What whole messages, whose bodies are proved, say."""
    headers = [CONFLUENT_HEADER if message[:1] == b"\0" else SINGLE_OBJECT_HEADER for message in messages]
    return Columns.of(number, code, Bodies.join(messages, headers))
