"""A risky change of a column becomes an alarm where column lineage shows who reads that column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.detection.gates import Gate
from headwater.detection.incidents.graph import Graph
from headwater.detection.texts import dataset
from headwater.detection.verdicts import Subject, Verdict

_SEVERITY = 0.7
#: Readers that are named in the sentence.
_NAMED = 3


def escalated(verdict: Mapping[str, Any], graph: Graph) -> Verdict | None:
    """The alarm on a schema verdict that was only told; None where nobody is known to read what changed.

    Added columns have no readers yet, so this is about widened types.
    """
    if verdict["check"] != "schema" or verdict["outcome"] != "warn":
        return None
    changes: list[dict[str, str]] = json.loads(verdict["evidence"].get("changes", "[]"))
    risky = [change["column"] for change in changes if change["level"] == "risky"]
    readers = {
        f"{dataset(namespace, name)}.{target}" if target else dataset(namespace, name)
        for column in risky
        for namespace, name, target in graph.column_readers((verdict["namespace"], verdict["name"]), column)
    }
    if not readers:
        return None
    named = sorted(readers)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Verdict(
        check="schema",
        outcome="alarm",
        subject=Subject(
            verdict["event_time"], verdict["namespace"], verdict["name"], verdict["version"], None,
            verdict["job_namespace"], verdict["job_name"], verdict["run_id"], tuple(verdict["partitions"]),
        ),
        explanation=f"{verdict['explanation']}; read by {', '.join(named[:_NAMED])}{more}",
        severity=_SEVERITY,
        onset=verdict["event_time"],
        score=verdict["score"],
        gates=[Gate("readers", len(named), 1, passed=True, comment="of the changed columns, by column lineage")],
        based_on=[verdict["event_id"]],
        evidence={**verdict["evidence"], "readers": json.dumps(named[:100])},
        slice="escalated",
        judged=bytes.fromhex(json.loads(verdict["evidence"]["judged"])) if "judged" in verdict["evidence"] else None,
        known=json.loads(verdict["evidence"].get("known", '""')),
    )  # fmt: skip
