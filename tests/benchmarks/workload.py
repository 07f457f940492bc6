"""The stitching benchmark's run events: START with 3 inputs, COMPLETE with 1 output and 4 column edges."""

from __future__ import annotations

import random
import uuid
from typing import Any

from headwater.schemas import plain, records
from headwater.schemas.records import Schema

EPOCH_US = 1_700_000_000_000_000
#: Datasets that a run reads, each an edge to the one that it writes.
INPUTS = 3


def _id(chance: random.Random) -> bytes:
    return uuid.UUID(int=chance.getrandbits(128), version=4).bytes


def _dataset(name: str, version: str, **further: Any) -> dict[str, Any]:
    return {
        "namespace": "postgres://warehouse.internal:5432",
        "name": name,
        "version": version,
        "version_origin": "store",
        "kind": "table",
        **further,
    }


def _columns(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": "double"} for name in names]


def events_of(run: int, chance: random.Random) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """A run's id, its START and its COMPLETE."""
    run_id = _id(chance)
    when = EPOCH_US + run * 1000
    job = {
        "namespace": "airflow://production",
        "name": f"features.daily_{run % 97}",
        "kind": "TASK",
        "processing": "BATCH",
        "integration": "AIRFLOW",
        "owners": [{"name": "team:features", "type": "MAINTAINER"}],
        "code": {"repository": "git@git.internal:features.git", "commit": "4f1d0c9be1aa20cd3b7d3f8a5a1a1c27d3a6b0ff"},
    }

    def event(state: str, after: int, **further: Any) -> dict[str, Any]:
        return {
            "emit_time": when + after + 900,
            "producer_id": uuid.UUID(int=7).bytes,
            "sequence": run * 2 + after // 500_000,
            "event_id": _id(chance),
            "event_time": when + after,
            "actor": "service:airflow",
            "run": {"run_id": run_id, "state": state, "nominal_start": when, "nominal_end": when + 3_600_000_000},
            "job": job,
            "environment": {"python": '"3.11.7"', "engine": '"spark 3.5.1"'},
            **further,
        }

    names = [f"raw.{kind}_{run % 211}" for kind in ("orders", "customers", "weather")]
    inputs = [
        _dataset(name, f"snapshot-{run // 7}-{i}", rows=1000 + run, columns_read=["id", "amount", "updated_at"])
        for i, name in enumerate(names)
    ]
    column_lineage = [
        {
            "namespace": "postgres://warehouse.internal:5432",
            "name": names[i % 3],
            "version": f"snapshot-{run // 7}-{i % 3}",
            "column": column,
            "target_column": column,
            "transformation": "DIRECT",
            "subtype": "IDENTITY",
            "confidence": 1.0,
            "captured": "parsed",
        }
        for i, column in enumerate(("id", "amount", "weather", "updated_at"))
    ]
    output = _dataset(
        f"features.orders_{run % 89}",
        f"snapshot-{run}",
        rows=1000 + run,
        columns=_columns("id", "amount", "weather"),
        column_lineage=column_lineage,
    )
    return run_id, event("START", 0, inputs=inputs), event("COMPLETE", 500_000, outputs=[output])


def messages(runs: int, seed: int = 1, doubled: float = 0.05) -> list[tuple[bytes, bytes]]:
    """(key, message) of so many runs, shuffled, `doubled` of them twice."""
    chance = random.Random(seed)
    schema: Schema = records.current("run_event")
    made: list[tuple[bytes, bytes]] = []
    for run in range(runs):
        run_id, start, complete = events_of(run, chance)
        made += [(run_id, plain.message(schema, start)), (run_id, plain.message(schema, complete))]
    made += chance.sample(made, int(len(made) * doubled))
    chance.shuffle(made)
    return made
