"""The compiled codec reads what fastavro reads, in every schema of the allowed types, many bodies at once."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ContractError
from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies, compile_schema, reason, validate
from headwater.schemas.records import RECORDS, Schema, current
from headwater.schemas.types import Types
from tests.schemas.columns import Expected, encoded, outcomes, paths
from tests.schemas.strategies import schemas
from tests.schemas.values import Values, mutated


def _held(schema: Schema, source: random.Random, fullness: float, count: int) -> None:
    """Encode random values, some damaged; then codec, proof and fastavro must say the same of each."""
    values = Values(schema, source, fullness)
    messages = [plain.encode(schema, values.record()) for _ in range(count)]
    messages = [mutated(body, source.choice(messages), source) if source.random() < 0.2 else body for body in messages]
    everything = dict(paths(Types(schema)))
    wanted = source.sample(sorted(everything), source.randrange(len(everything) + 1))
    # A header's bytes before each body, so that bodies do not begin where others end.
    batch = compile_schema(schema, wanted).decode(Bodies.join([b"header" + body for body in messages], 6))
    assert outcomes(batch.error) == [reason(schema, body)[0] for body in messages]
    decoded = [None if error else plain.decode(schema, body) for error, body in zip(batch.error, messages, strict=True)]
    Expected(schema, decoded).check(batch, wanted)
    assert validate(schema, Bodies.join(messages)).tolist() == batch.error.tolist()


@settings(max_examples=300)
@given(schemas(), st.integers(0, 2**32), st.sampled_from((0.0, 0.3, 0.7)))
def test_random_schemas(schema: Schema, seed: int, fullness: float) -> None:
    """Any schema of the allowed types: the same bodies pass, and every column holds fastavro's values."""
    _held(schema, random.Random(seed), fullness, 12)


@pytest.mark.parametrize("record", RECORDS)
def test_contract(record: str, seed: int) -> None:
    """Every record of the contract, sparse and full: the same bodies pass with the same values."""
    source = random.Random(f"{seed} {record}")
    for fullness in (0.0, 0.1, 0.3, 0.6):
        _held(current(record), source, fullness, 40)


@pytest.mark.parametrize(
    ("record", "holder", "first", "last"),
    [
        ("run_event", "", "event_id", "event_time"),
        ("run_event", "inputs", "namespace", "version"),
        ("run_event", "inputs", "namespace", "kind"),
        ("run_event", "inputs", "facets", "facets"),
        ("edge_set", "datasets", "namespace", "kind"),
        ("edge_set", "column_edges", "column", "captured"),
    ],
)
def test_neighbours_are_the_bytes_of_the_fields(record: str, holder: str, first: str, last: str, seed: int) -> None:
    """A span holds the bytes of its fields, from the first to the last, as fastavro writes them."""
    schema = current(record)
    source = Values(schema, random.Random(seed), 0.5)
    values = [source.record() for _ in range(20)]
    path = f"{holder}[].{first}..{last}" if holder else f"{first}..{last}"
    batch = compile_schema(schema, [path]).decode(Bodies.join([plain.encode(schema, value) for value in values]))
    types = Types(schema)
    items_of = {one["name"]: one["type"] for one in types.top["fields"]}
    name = str(types.resolve(items_of[holder]["items"])[1]["name"]) if holder else schema.name
    names = [one["name"] for one in types.named[name]["fields"]]
    fields = names[names.index(first) : names.index(last) + 1]
    items = [item for value in values for item in value[holder]] if holder else values
    expected = [encoded(schema, name, fields, item) for item in items]
    assert [batch.text(path, row) for row in range(len(expected))] == expected
    if holder:
        assert batch.offsets(f"{holder}[]")[-1] == len(expected)


def test_column_lineage_is_an_edge_set_s(seed: int) -> None:
    """The slices that stitching copies mean the same in an edge set: read there, they give the same values."""
    event, edges = current("run_event"), current("edge_set")
    source = Values(event, random.Random(seed), 0.5)
    for _ in range(20):
        dataset = source.of("headwater.Dataset")
        identity = encoded(
            event, "headwater.Dataset", ("namespace", "name", "version", "version_origin", "kind"), dataset
        )
        names = [one["name"] for one in Types(edges).named["headwater.Node"]["fields"]]
        assert identity == encoded(edges, "headwater.Node", names, dataset)
        lineage = source.of("headwater.ColumnLineage")
        columns = [one["name"] for one in Types(edges).named["headwater.ColumnEdge"]["fields"]][4:]
        assert encoded(event, "headwater.ColumnLineage", columns, lineage) == encoded(
            edges, "headwater.ColumnEdge", columns, lineage
        )


def test_no_bodies() -> None:
    """No bodies give empty columns, not an error."""
    batch = compile_schema(current("run_event"), ["event_id", "inputs[]", "inputs[].name"]).decode(Bodies.join([]))
    assert len(batch) == 0
    assert batch.offsets("inputs[]").tolist() == [0]
    assert len(batch.spans("inputs[].name").starts) == 0


def test_one_wide_body_among_narrow_ones() -> None:
    """Room grows while a batch is read: one run with 5,000 inputs among many with none."""
    schema = current("run_event")
    empty = Values(schema, random.Random(1), 0.0).record()
    wide = Values(schema, random.Random(2), 0.0)
    inputs = [{**wide.of("headwater.Dataset"), "name": f"table {number}"} for number in range(5000)]
    messages = [plain.encode(schema, {**empty, "inputs": inputs if row == 50 else []}) for row in range(100)]
    batch = compile_schema(schema, ["event_id", "inputs[].name"]).decode(Bodies.join(messages))
    assert not batch.error.any()
    assert [batch.text("inputs[].name", row) for row in (0, 4999)] == [b"table 0", b"table 4999"]
    assert batch.offsets("inputs[]").tolist() == [0] * 51 + [5000] * 50
    assert batch.text("event_id", 99) == empty["event_id"]


def test_threads_share_a_program(seed: int) -> None:
    """One program, several threads at once, without the GIL: each gets its own batch's columns."""
    schema = current("run_event")
    source = random.Random(seed)
    program = compile_schema(schema, ["event_id", "inputs[].name", "run.state"])

    def batch(number: int) -> bool:
        values = Values(schema, random.Random(f"{seed} {number}"), 0.3)
        decoded = [values.record() for _ in range(30)]
        found = program.decode(Bodies.join([plain.encode(schema, value) for value in decoded]))
        Expected(schema, decoded).check(found, ["event_id", "inputs[].name", "run.state"])
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(batch, source.sample(range(10**6), 40)))


def test_a_new_schema_compiles_nothing() -> None:
    """A writer schema that is first seen at runtime runs on the code that is there."""
    from headwater.schemas.codec import kernel

    compile_schema(current("run_event")).decode(Bodies.join([b""]))
    before = len(kernel.run.signatures)  # type: ignore[attr-defined]  # Numba's, on a function typed as ours
    for size in (3, 5, 7):
        fixed = {"type": "fixed", "name": "F", "size": size}
        text = json.dumps({"type": "record", "name": "Seen", "fields": [{"name": "a", "type": fixed}]})
        batch = compile_schema(records.parse(text), ["a"]).decode(Bodies.join([bytes(size)]))
        assert batch.error.tolist() == [0]
    assert len(kernel.run.signatures) == before == 1  # type: ignore[attr-defined]  # Numba adds it


def test_bodies_outside_of_their_buffer_are_refused() -> None:
    """Places that lie outside of the buffer, or too near its end to read words, never reach the kernel."""
    buffer = np.zeros(100, np.uint8)
    for start, end in ((0, 93), (-1, 5), (6, 5), (0, 2**40)):
        with pytest.raises(ValueError, match="outside"):
            Bodies(buffer, np.array([start]), np.array([end]))
    with pytest.raises(ValueError, match="2 starts and 1 ends"):
        Bodies(buffer, np.array([0, 1]), np.array([5]))
    assert Bodies(buffer, np.array([0]), np.array([92]))[0] == bytes(92)


def test_some_of_the_bodies() -> None:
    """Bodies are taken by index or by mask, over the same buffer."""
    bodies = Bodies.join([b"xone", b"xtwo", b"xthree"], [1, 1, 1])
    assert [bodies[row] for row in range(len(bodies))] == [b"one", b"two", b"three"]
    assert bodies.take(np.array([2, 0]))[0] == b"three"
    assert bodies.take(np.array([False, True, False]))[0] == b"two"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "inputs",
        "inputs[].",
        "a..b",
        "nothing",
        "run.nothing",
        "job..",
        "run[]",
        "inputs[].namespace..rows..kind",
        "kind..event_id",
        "inputs..[]",
        "run.run_id.x",
    ],
)
def test_a_path_that_is_not_there_is_refused(path: str) -> None:
    """A capture that neither the writer nor the reader has is a ContractError, not an empty column."""
    with pytest.raises(ContractError):
        compile_schema(current("run_event"), [path])


def test_columns_are_asked_for_by_their_kind() -> None:
    """A column of another form, or one that was not captured, is a ContractError."""
    batch = compile_schema(current("run_event"), ["event_id", "part"]).decode(Bodies.join([]))
    with pytest.raises(ContractError, match="form span"):
        batch.integers("event_id")
    with pytest.raises(ContractError, match="was not asked for"):
        batch.spans("kind")
