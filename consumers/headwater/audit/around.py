"""The edges into and out of a dataset, all its versions, as the view `edges` tells them, looked up by key."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final, NamedTuple

from headwater.audit.clocks import Clocks
from headwater.audit.edges import Edges
from headwater.audit.lookup import Nodes
from headwater.audit.model import Node
from headwater.audit.naming import Names
from headwater.audit.rows import select
from headwater.audit.store import Client

#: What stands at an end that an edge does not have.
_NOTHING: Final = Node("", "")


class Told(NamedTuple):
    """An edge by names. `source_version` is the one that stood where the read named none."""

    source_namespace: str
    source_name: str
    source_version: str | None
    target_namespace: str
    target_name: str
    target_version: str | None
    job_namespace: str
    job_name: str
    run_id: uuid.UUID | None
    event_time: datetime


#: The type of each of these.
AROUND: Final = {
    **dict.fromkeys(Told._fields, "String"),
    "source_version": "Nullable(String)",
    "target_version": "Nullable(String)",
    "run_id": "Nullable(UUID)",
    "event_time": "DateTime64(6, 'UTC')",
}


def versions(client: Client, namespace: str, name: str) -> set[int]:
    """The keys of the dataset under just this name, with and without a version."""
    rows = select(
        client,
        "SELECT DISTINCT key FROM dataset_nodes "
        "WHERE dataset = sipHash64({namespace:String}, {name:String}, toUInt8(1), '')",
        {"namespace": namespace, "name": name},
    )
    return {row["key"] for row in rows}


def around(client: Client, keys: set[int], clocks: Clocks) -> list[Told]:
    """The edges of which one end is one of these keys, as of the clocks, in no order."""
    nodes = Nodes(client, clocks)
    edges = Edges(client, "up", Names(client, clocks), nodes, columns=False, clocks=clocks)
    told: list[Told] = []
    for named, edge in edges.touching(keys):
        # A read that named no version keeps the name that was read; its version may stand under another one.
        ends = (nodes.found.get(key) for key in (named, edge.source, edge.target))
        read, source, target = (_NOTHING if end is None else end.node for end in ends)
        told.append(
            Told(
                read.namespace,
                read.name,
                source.version,
                target.namespace,
                target.name,
                target.version,
                edge.job_namespace,
                edge.job_name,
                uuid.UUID(int=edge.run) if edge.run else None,
                edge.at,
            )
        )
    return told
