"""Runs as steps of a tree: what each took, made, ran and measured."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.model import Node, Step
from headwater.audit.rows import chunks, moment, names, select
from headwater.audit.store import Client


def steps(client: Client, runs: Iterable[uuid.UUID], clocks: Clocks = NOW) -> dict[str, Step]:
    """Each run by its id as text. A run that the history has only heard of by name is left out."""
    found: dict[str, Step] = {}
    for some in chunks(sorted(set(runs))):
        ends = _ends(client, some, clocks)
        sql = f"SELECT * FROM {clocks.view('runs')} WHERE run_id IN {{runs:Array(UUID)}} ORDER BY events"
        for row in select(client, sql, {"runs": some, **clocks.values()}):
            found[str(row["run_id"])] = _step(row, ends)
    return found


def _step(row: Mapping[str, Any], ends: Mapping[tuple[uuid.UUID, str], tuple[Node, ...]]) -> Step:
    return Step(
        run_id=row["run_id"],
        job_namespace=row["job_namespace"],
        job_name=row["job_name"],
        state=row["state"],
        started_at=moment(row["started_at"]),
        ended_at=moment(row["ended_at"]),
        repository=row["code_repository"] or "",
        commit=row["code_commit"] or "",
        dirty=row["code_dirty"],
        entrypoint=row["code_entrypoint"] or "",
        parameters=row["parameters"],
        environment=row["environment"],
        metrics=_metrics(row["metrics"]),
        owners=names(row["owners"]),
        inputs=ends.get((row["run_id"], "read"), ()),
        outputs=ends.get((row["run_id"], "write"), ()),
    )


def _metrics(metrics: Iterable[Any]) -> dict[str, float]:
    """By name and, where there is one, split and step: rmse, rmse (test), loss (train, step 3)."""
    found: dict[str, float] = {}
    for metric in metrics:
        name, value, step, split = (metric[field] for field in ("name", "value", "step", "split"))
        about = [split] if split else []
        about += [f"step {step}"] if step is not None else []
        found[f"{name} ({', '.join(about)})" if about else name] = value
    return dict(sorted(found.items()))


def _ends(client: Client, runs: list[uuid.UUID], clocks: Clocks) -> dict[tuple[uuid.UUID, str], tuple[Node, ...]]:
    ends: dict[tuple[uuid.UUID, str], tuple[Node, ...]] = {}
    for row in select(
        client,
        "SELECT assumeNotNull(run_id) AS run, access, namespace, name, version FROM dataset_uses "
        f"WHERE run_id IN {{runs:Array(UUID)}} AND {clocks.events()} GROUP BY run, access, namespace, name, version "
        "ORDER BY namespace, name, version",
        {"runs": runs, **clocks.values()},
    ):
        place = (row["run"], row["access"])
        ends[place] = (*ends.get(place, ()), Node(row["namespace"], row["name"], row["version"]))
    return ends
