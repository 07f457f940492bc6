"""The compiled codec: many bodies in, proved whole, with the wanted parts as columns. Needs Numba.

    bodies = Bodies.join(messages, header_lengths)
    program = compile_schema(writer, ["event_id", "run.state", "inputs[]", "inputs[].namespace..version"])
    batch = program.decode(bodies)

A writer schema becomes a short program of integers, which one compiled function runs, so that a schema never
seen before compiles nothing. `batch.error` int64[N] says of each body 0 (proved whole: what
`headwater.schemas.proof` says) or a number of `ERRORS`. What the codec leaves out (types that the contract does
not allow) raises ContractError in `compile_schema`; `validate` then takes the plain path by itself.

Columns. A column has a row for each body, or for each item of the lists on its path, all bodies' items one after
another: rows of `inputs[].name` = `offsets("inputs[]")[-1]`. Rows of bodies with an error are zero and null.

| path | method | arrays |
|---|---|---|
| `event_time`, `part` (int, long, boolean) | `integers` | `values` int64[R], `valid` |
| `metrics[].value` (double, float) | `doubles` | `values` float64[R], `valid` |
| `event_id`, `run.state`, `inputs[].name` (fixed, string, bytes) | `spans` | `starts`, `ends` int64[R], `valid` |
| `inputs[].namespace..version` (neighbouring fields, as they stand in the body) | `spans` | the same |
| `parameters..parameters` (one field of any type, as it stands) | `spans` | the same |
| `inputs[]`, `outputs[].column_lineage[]`, `parameters[]` (array or map) | `offsets` | int64[P + 1], from 0 |
| `parameters[].key`, `parameters[].value` (parts of a map) | by their type | |
| `partitions[].item` (items of a list of plain values) | by their type | |
| `run` (record that may be null) | `presence` | uint8[R] |

`valid` is uint8[R], 1 where there is a value, or None where the value (and each record above it in its row) may
not be null. Where it is null the value is 0, and a span is empty. Spans are bytes of `batch.buffer` (use it, not
the bodies' buffer: where an older writer lacks a field its default text stands behind the bodies). An empty text
may have any span of no bytes, also (0, 0). Items of the parent in row p are rows offsets[p] to offsets[p + 1];
for a list within a list the parents are the outer list's items: `outputs[].column_lineage[]` has as many
parents as `outputs[].…` has rows. A path that an older writer lacks is a column of the reader's defaults.
A map's pairs come as they stand, a repeated key too; in a dict its last value counts.
All arrays are contiguous; a function compiled by Numba takes them as they are.
"""

from headwater.schemas.codec.batch import Batch, Doubles, Integers, Spans
from headwater.schemas.codec.bodies import Bodies
from headwater.schemas.codec.program import Program, compile_schema
from headwater.schemas.codec.validate import ERRORS, reason, validate

__all__ = [
    "ERRORS",
    "Batch",
    "Bodies",
    "Doubles",
    "Integers",
    "Program",
    "Spans",
    "compile_schema",
    "reason",
    "validate",
]
