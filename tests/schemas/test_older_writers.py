"""Columns of what an older or newer writer's schema lacks or adds: the reader's defaults, never a neighbour's bytes."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies, compile_schema
from headwater.schemas.records import Schema, current
from headwater.schemas.types import is_definition, is_union
from tests.schemas.columns import Expected
from tests.schemas.values import Values

READER = current("run_event")


def _without(*places: str) -> Schema:
    """The run event's schema without some fields: `Type.field`."""
    definition = copy.deepcopy(dict(READER.definition))

    def walk(kind: Any) -> None:
        if is_union(kind):
            for branch in kind:
                walk(branch)
        elif is_definition(kind):
            if kind.get("type") == "record":
                kind["fields"][:] = [one for one in kind["fields"] if f"{kind['name']}.{one['name']}" not in places]
            for one in kind.get("fields", ()):
                walk(one["type"])
            walk(kind.get("items"))

    walk(definition)
    return records.parse(json.dumps(definition))


def test_columns_of_defaults(seed: int) -> None:
    """Every kind of column that the writer lacks: as fastavro resolves it, row for row."""
    writer = _without(
        "RunEvent.part", "RunEvent.actor", "RunEvent.kind", "RunEvent.parameters", "RunEvent.resources",
        "RunEvent.outputs", "Run.links", "Dataset.edges_complete", "Dataset.kind", "Dataset.rows", "Dataset.tags",
        "Dataset.columns", "Tag.value", "RunRef.job_name", "ColumnLineage.confidence",
    )  # fmt: skip
    values = Values(writer, random.Random(seed), 0.5)
    bodies = [plain.encode(writer, values.record()) for _ in range(30)]
    wanted = [
        "event_id", "part", "actor", "kind", "parameters[]", "parameters[].key", "parameters[].value",
        "resources", "resources.wall_time", "resources.cost", "outputs[]", "outputs[].name",
        "outputs[].columns[]", "outputs[].columns[].name", "outputs[].partitions[].item",
        "outputs[].edges_complete", "run", "run.run_id", "run.links[]", "run.links[].offset",
        "run.parent.job_name", "inputs[]", "inputs[].name", "inputs[].kind", "inputs[].rows",
        "inputs[].edges_complete", "inputs[].tags[]", "inputs[].columns[]", "inputs[].columns[].tags[].value",
        "inputs[].column_lineage[].confidence", "job.tags[].value",
    ]  # fmt: skip
    for broken in (False, True):
        messages = [body[:-1] if broken and row % 3 == 0 else body for row, body in enumerate(bodies)]
        batch = compile_schema(writer, wanted).decode(Bodies.join(messages))
        assert [bool(error) for error in batch.error] == [broken and row % 3 == 0 for row in range(30)]
        decoded = [
            None if error else plain.decode(writer, body, READER)
            for error, body in zip(batch.error, messages, strict=True)
        ]
        Expected(READER, decoded).check(batch, wanted)


def test_a_slice_is_what_the_reader_has_there() -> None:
    """Bytes are copied into other messages, so a writer with other fields in the stretch gets no program."""
    for lacking in ("Dataset.version_origin", "Dataset.kind", "Dataset.namespace"):
        with pytest.raises(ContractError, match=r"inputs\[\]\.namespace\.\.kind"):
            compile_schema(_without(lacking), ["inputs[].namespace..kind"])
    compile_schema(_without("Dataset.rows", "RunEvent.outputs"), ["inputs[].namespace..kind"])


def test_a_field_that_no_reader_knows_is_skipped(seed: int) -> None:
    """A newer writer's field is proved and passed over."""
    definition = copy.deepcopy(dict(READER.definition))
    definition["fields"].insert(5, {"name": "new", "type": {"type": "array", "items": "string"}, "default": []})
    writer = records.parse(json.dumps(definition))
    values = Values(writer, random.Random(seed), 0.4)
    bodies = [plain.encode(writer, values.record()) for _ in range(20)]
    batch = compile_schema(writer, ["event_time", "part"]).decode(Bodies.join(bodies))
    decoded = [plain.decode(writer, body, READER) for body in bodies]
    Expected(READER, decoded).check(batch, ["event_time", "part"])


def test_a_writer_that_the_reader_cannot_read() -> None:
    """A field without a default that the writer lacks: refused for its schema, not for its bytes."""
    writer = _without("RunEvent.event_id")
    body = plain.encode(writer, Values(writer, random.Random(1), 0.2).record())
    with pytest.raises(InvalidMessage) as refused:
        plain.decode(writer, body, READER)
    assert refused.value.reason == "refused_schema"
    with pytest.raises(ContractError, match="event_id"):
        compile_schema(writer, ["event_id"])
