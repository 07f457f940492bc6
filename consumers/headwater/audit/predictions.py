"""A prediction, explained: the model version, the data, and each run on the way back to the raw sources."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.model import Explanation, Node, Prediction
from headwater.audit.plain_names import first_with, forms
from headwater.audit.rows import select
from headwater.audit.steps import steps
from headwater.audit.store import Client
from headwater.audit.walking import walk
from headwater.errors import NotFound

_SQL = (
    "SELECT *, count() OVER () AS found FROM {view} WHERE key = {key:String} "
    "AND (isNull({stream:Nullable(String)}) OR stream_name = {stream:Nullable(String)} "
    "OR concat(stream_namespace, '/', stream_name) = {stream:Nullable(String)}) "
    "ORDER BY event_time DESC, event_id LIMIT 1"
)


def explain_prediction(
    client: Client,
    key: str,
    stream: str | None = None,
    *,
    digest_key: str = "",
    depth: int = 50,
    budget: int = 20_000,
    clocks: Clocks = NOW,
) -> Explanation:
    """The newest prediction of that key, back to the raw sources.

    key: as it was recorded; with digest_key, the sender's setting, by its plain name too. stream: name of the
    prediction stream, where several have the key; clocks: as of when. Raises NotFound where no prediction has it.
    """
    asked = {"stream": stream, **clocks.values()}
    rows = first_with(
        (
            select(client, _SQL.replace("{view}", clocks.view("predictions")), {**asked, "key": form})
            for form in forms("key", key, digest_key)
        ),
        bool,
    )
    if not rows:
        where = f" on stream {stream}" if stream else ""
        raise NotFound(f"no prediction has the key {key!r}{where}; keys are digests where their sender keeps them back")
    row = rows[0]
    prediction = _prediction(row)
    walked = walk(client, _roots(client, prediction, clocks), "up", depth, budget, versions="latest", clocks=clocks)
    runs = {edge.run_id for edge in walked.edges if edge.run_id is not None}
    if prediction.run_id is not None:
        runs.add(prediction.run_id)
    targets = {edge.target for edge in walked.edges}
    return Explanation(
        prediction=prediction,
        walk=walked,
        steps=steps(client, runs, clocks),
        raw_sources=tuple(node.node for node in walked.nodes if node.node not in targets),
        others=row["found"] - 1,
    )


def _roots(client: Client, prediction: Prediction, clocks: Clocks) -> list[Node]:
    """The model and the sources as stated; without stated sources, what the prediction's run read."""
    sources = list(prediction.sources)
    if not sources and prediction.run_id is not None:
        sources = [
            Node(row["namespace"], row["name"], row["version"])
            for row in select(
                client,
                "SELECT DISTINCT namespace, name, version FROM dataset_uses "
                "WHERE run_id = {run:UUID} AND access = 'read' "
                f"AND {clocks.events()} ORDER BY namespace, name, version",
                {"run": prediction.run_id, **clocks.values()},
            )
        ]
    return list(dict.fromkeys([prediction.model, *sources]))


def _prediction(row: Mapping[str, Any]) -> Prediction:
    run: uuid.UUID | None = row["run_id"]
    return Prediction(
        event_id=row["event_id"],
        event_time=row["event_time"],
        arrival=row["arrival"],
        key=row["key"],
        key_form=row["key_form"],
        stream=_node(row, "stream"),
        deployment=_node(row, "deployment"),
        model=_node(row, "model"),
        run_id=run,
        features=row["features"],
        outputs=row["outputs"],
        sources=tuple(ref(source) for source in row["sources"]),
        message=_message(row),
        trace_id=row["trace_id"] or "",
    )


def _message(row: Mapping[str, Any]) -> str:
    topic = row["message_topic"]
    return f"{topic}[{row['message_partition']}]@{row['message_offset']}" if topic else ""


def _node(row: Mapping[str, Any], what: str) -> Node:
    return Node(row[f"{what}_namespace"], row[f"{what}_name"], row[f"{what}_version"])


def ref(value: Mapping[str, Any]) -> Node:
    """A dataset reference, a named tuple in the store, a dict to Python."""
    return Node(value["namespace"], value["name"], value["version"])
