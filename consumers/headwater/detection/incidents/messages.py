"""An incident as a message of `lineage.alerts`: words, numbers, what to type next."""

from __future__ import annotations

import json
import uuid
from typing import Any

from headwater.detection.ids import digest
from headwater.detection.incidents.causes import Cause
from headwater.detection.incidents.facts import named_owners
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.incident import Incident
from headwater.detection.incidents.reach import Reach
from headwater.detection.incidents.timelines import OF_JOBS
from headwater.detection.texts import dataset, day, number

#: Verdict ids told in one message; more are counted.
_MOST_IDS = 2000
#: Reached datasets told in one message.
_MOST_REACHED = 1000
#: Checks, explained incidents, and names of columns, in one message: of a table of thousands of columns all may drift
#: at once.
_MOST_MEMBERS, _MOST_COLUMNS = 1000, 100
#: Model versions behind a prediction stream in one message, and in its sentence.
_MOST_MODELS, _MOST_NAMED = 100, 3

_TITLES = {
    "freshness": "{} is overdue",
    "corruption": "{} is not what was written",
    "upstream": "{} did not come anew",
    "skew": "{} is served otherwise than trained",
}
#: Checks that are not held against a history: what they found has no size.
_UNMEASURED = OF_JOBS | {"assertion", "corruption", "policy", "upstream"}


def alert(
    incident: Incident, state: str, reach: Reach, owners: list[dict[str, Any]], event_time: int, database: str
) -> dict[str, Any]:
    """The fields of the next message about an incident, without emit_time, producer_id and sequence.

    Its id is a digest of what it says: the incident, the number and the state.
    """
    leading, root = incident.leading, incident.root
    key = incident.incident_id.hex()
    reached = reach.reached[:_MOST_REACHED]
    everyone = named_owners([*owners, *(owner for item in reached for owner in item.owners)])
    why = _truncated_because(incident, reach)
    return {
        "event_id": digest("alert", incident.incident_id, incident.number, state),
        "event_time": event_time,
        "incident_id": incident.incident_id,
        "state": state,
        "number": incident.number,
        "page": incident.pages(state),
        "severity": incident.severity,
        "title": title(incident),
        "explanation": explanation(incident, state, reach),
        "check": leading["check"],
        "namespace": leading["namespace"],
        "name": leading["name"],
        "version": leading["version"],
        "column": leading["column"],
        "job_namespace": leading["job_namespace"],
        "job_name": leading["job_name"],
        "rule": leading["rule"],
        "run_id": leading["run_id"],
        "onset": incident.onset,
        "last_seen": incident.last_seen,
        "root": _cause(incident.causes[0], leading["check"]) if incident.causes else None,
        "causes": [_cause(cause, leading["check"]) for cause in incident.causes],
        "verdicts": list(incident.verdicts)[-_MOST_IDS:],
        "suppressed": list(incident.suppressed)[-_MOST_IDS:],
        "suppressed_by": incident.suppressed_by,
        "reaches": [
            {
                "namespace": item.node.namespace,
                "name": item.node.name,
                "version": item.node.version,
                "version_origin": None,
                "kind": item.kind,
                "hops": item.hops,
                "predictions": item.predictions,
                "owners": item.owners,
            }
            for item in reached
        ],
        "truncated": why is not None,
        "truncated_because": why,
        "owners": everyone,
        "measures": leading["gates"],
        "evidence": {
            **leading["evidence"],
            "verdict": json.dumps(leading["explanation"]),
            "root": json.dumps([root.node.namespace, root.node.name, root.node.version, root.column]),
            "columns": json.dumps(incident.columns[:_MOST_COLUMNS]),
            "versions": json.dumps(sorted(incident.bad, key=str)[-_MOST_IDS:]),
            "members": json.dumps(_members(incident)),
            **_acknowledged(incident),
            **_explains(incident),
            **({"unstitched": "true"} if incident.unstitched else {}),
            **({"models": json.dumps([[*model, count] for model, count in _served(reach)])} if reach.served else {}),
        },
        "command": f"headwater alerts show {key}",
        "sql": f"SELECT * FROM {_quoted(database)}.incidents WHERE incident_id = '{uuid.UUID(hex=key)}'",
    }


def _members(incident: Incident) -> list[list[str | int | None]]:
    """The checks of an incident; of too many for a message the newest alarms, which a restart then knows."""
    members = list(incident.members.items())
    if len(members) > _MOST_MEMBERS:
        members = sorted(members, key=lambda item: -item[1].last)[:_MOST_MEMBERS]
    return [[*key, member.first, member.last] for key, member in members]


def title(incident: Incident) -> str:
    """What is wrong, in a few words."""
    leading = incident.leading
    if leading["check"] == "run":
        return f"{dataset(leading['job_namespace'], leading['job_name'])} failed"
    if leading["check"] == "stuck":
        return f"{dataset(leading['job_namespace'], leading['job_name'])} does not end"
    where = dataset(incident.root.node.namespace, incident.root.node.name)
    if leading["check"] == "policy":
        return f"{leading['rule']}: {dataset(leading['namespace'], leading['name'], leading['column'])}"
    if leading["check"] == "upstream" and json.loads(leading["evidence"].get("kind", "null")) == "missing":
        return f"{where} was read before it was written"
    if leading["check"] == "assertion":
        job = dataset(leading["job_namespace"], leading["job_name"])
        tested = dataset(leading["namespace"], leading["name"], leading["column"]) if leading["name"] else job
        return f"{leading['rule'] or 'a test'} of {tested} failed"
    if leading["check"] in _TITLES:
        return _TITLES[leading["check"]].format(where)
    if leading["check"] == "duplication":
        return f"{where}: {json.loads(leading['evidence'].get('kind', 'null')) or 'duplicates'}"
    if leading["check"] == "volume":
        return f"rows of {where} are unusual"
    if leading["check"] == "schema":
        return f"schema of {where} changed"
    if leading["check"] == "metric":
        metric = json.loads(leading["evidence"].get("metric", "{}"))
        # The number is about what it was measured on, wherever the cause is.
        measured = dataset(leading["namespace"], leading["name"])
        return f"{metric.get('name', 'a metric')} of {measured} is worse"
    columns = incident.columns or ([incident.root.column] if incident.root.column else [])
    shown = ", ".join(columns[:3]) + (f" and {len(columns) - 3} more" if len(columns) > 3 else "")
    what = {
        "drift": "drifted",
        "nulls": "lacks values" if len(columns) == 1 else "lack values",
        "reference": "left the reference",
        "values": "holds new values" if len(columns) == 1 else "hold new values",
    }.get(leading["check"], "changed")
    return f"{shown or 'values'} of {where} {what}"


def explanation(incident: Incident, state: str, reach: Reach) -> str:
    """One sentence: what changed, since when, which step made it, whom it reaches."""
    parts = [incident.leading["explanation"], f"since {day(incident.onset)}"]
    if incident.causes:
        parts.append(_made_by(incident.causes[0]))
    if reach.served:
        listed = ", ".join(f"{_shown(model)} ({count:,})" for model, count in _served(reach)[:_MOST_NAMED])
        more = len(reach.served) - _MOST_NAMED
        parts.append(f"predictions since then by {listed}" + (f" and {more} other models" if more > 0 else ""))
    if reach.reached:
        kinds: dict[str, int] = {}
        for item in reach.reached:
            kinds[item.kind] = kinds.get(item.kind, 0) + 1
        listed = ", ".join(
            f"{count} {kind.replace('_', ' ')}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())
        )
        parts.append(
            f"reaches {listed}" + (f" and {number(reach.predictions)} predictions" if reach.predictions else "")
        )
    if count := len(incident.explains):
        parts.append(f"explains {count:,} other incident{'s' if count > 1 else ''}")
    if incident.acknowledged is not None and state != "resolved":
        parts.append(f"acknowledged by {incident.acknowledged.actor}")
    if incident.suppressed_by is not None:
        parts.append(f"explained by incident {incident.suppressed_by.hex()}")
    elif state == "resolved" and incident.withdrawn:
        parts.append("withdrawn: judged again with what came late, all is as usual")
    elif state == "resolved":
        parts.append(f"as usual again, last seen {day(incident.last_seen)}")
    return "; ".join(parts)


def _acknowledged(incident: Incident) -> dict[str, str]:
    taken = incident.acknowledged
    if taken is None:
        return {}
    more = {"at": taken.at, "reason": taken.reason, "severity": taken.severity}
    return {"acknowledged_by": json.dumps(taken.actor), "acknowledged": json.dumps(more)}


def _explains(incident: Incident) -> dict[str, str]:
    """The incidents that it explains, those that it took in last where there are too many for a message."""
    told = [one.hex() for one in incident.explains][-_MOST_MEMBERS:]
    return {"explains": json.dumps(told)} if told else {}


def _served(reach: Reach) -> list[tuple[Node, int]]:
    return list(reach.served.items())[:_MOST_MODELS]


def _shown(node: Node) -> str:
    return dataset(*node.dataset) + (f"@{node.version}" if node.version is not None else "")


def _explained(cause: Cause, check: str) -> str:
    below = cause.covered
    alarms = f"{below} alarm{'s' if below > 1 else ''} at or below it"
    measured = "" if check in _UNMEASURED else f"{number(cause.effect)}× the limit of its own history, "
    return f"{_made_by(cause)}: {measured}{alarms}"


def _made_by(cause: Cause) -> str:
    if cause.told is not None:
        return cause.told.rsplit(": ", 1)[0]
    place = dataset(cause.place.node.namespace, cause.place.node.name, cause.place.column)
    step = dataset(*cause.job) if cause.job[1] else None
    if cause.kind == "code" and step and cause.change:
        before, now = (text[:12] for text in cause.change)
        return f"the code of {step} changed from {before} to {now} while its inputs were as usual"
    if cause.kind == "parameters" and step:
        return f"the parameters of {step} changed while its inputs were as usual"
    if step is None:
        return f"first seen in {place}"
    if cause.came_in:
        return f"came in with {place}, first read by {step}"
    if cause.inputs_were_well:
        return f"introduced by {step}, whose inputs were as usual"
    return f"first seen in {place}, written by {step}"


def _cause(cause: Cause, check: str) -> dict[str, Any]:
    node = cause.place.node
    return {
        "kind": cause.kind,
        "namespace": node.namespace,
        "name": node.name,
        "version": node.version,
        "column": cause.place.column,
        "job_namespace": cause.job[0],
        "job_name": cause.job[1],
        "run_id": cause.run_id,
        "score": cause.score,
        "explanation": cause.told or _explained(cause, check),
        "path": [{"namespace": n.namespace, "name": n.name, "version": n.version} for n in cause.path],
    }


def _truncated_because(incident: Incident, reach: Reach) -> str | None:
    reasons: list[str] = []
    if incident.truncated:
        reasons.append("the walk to the causes was cut at its budget")
    if reach.truncated:
        reasons.append("the walk to what it reaches was cut at its budget")
    if len(reach.reached) > _MOST_REACHED:
        reasons.append(f"{len(reach.reached)} datasets are reached, {_MOST_REACHED} are told")
    if (count := len(incident.members)) > _MOST_MEMBERS:
        reasons.append(f"{count} checks are alarmed, {_MOST_MEMBERS} are told")
    if (count := len(incident.verdicts) + len(incident.suppressed)) > _MOST_IDS:
        reasons.append(f"{count} verdicts, the last {_MOST_IDS} of each kind are told")
    return "; ".join(reasons) or None


def _quoted(database: str) -> str:
    return database if database.isidentifier() else f"`{database}`"
