"""What a person decides about alerts: accepted as normal, suppressed, acknowledged, lifted; owners and tags."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import confluent_kafka

from headwater.alerts.kafka import connection
from headwater.errors import SettingsError, Unavailable
from headwater.kafka import silent_logger
from headwater.schemas import plain, records, times
from headwater.schemas.topics import DECISIONS, dataset_key
from headwater.settings import Settings, load

#: Kinds that this module sends, and what each must name.
KINDS: Mapping[str, str] = {
    "accept": "a dataset",
    "suppress": "a dataset, job or rule",
    "acknowledge": "an incident",
    "lift": "a suppression",
    "owner": "a dataset",
    "tag": "a dataset",
}
#: What may be accepted by itself; drift stands for nulls and new values too.
ACCEPTABLE = ("drift", "volume", "metric", "reference", "skew")
_CONFIRM_SECONDS = 30.0


def decide(
    kind: str,
    *,
    actor: str,
    reason: str = "",
    namespace: str = "",
    name: str = "",
    column: str | None = None,
    check: str | None = None,
    metric: str | None = None,
    job_namespace: str = "",
    job_name: str = "",
    rule: str | None = None,
    incident_id: uuid.UUID | None = None,
    lifts: uuid.UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    owners: Sequence[str] = (),
    tags: Sequence[str] = (),
    brokers: str | None = None,
    settings: Settings | None = None,
) -> uuid.UUID:
    """Say what was decided; the id by which it can be lifted, once the broker confirmed it.

    accept: what came `since` (else: since the alarm that lasts) is the new normal of a dataset or column, in all checks
    or in one (`check`: drift, volume, metric, reference, skew), in all metrics or in one (`metric`, by its name).
    Baselines begin there. A metric's new level is its baseline. A reference that was pinned before is held against no
    more: pin a newer version. What is asked of a model is accepted until its next training. suppress:
    alarms of the dataset, column, job or rule are not told, of event times from `since` to `until`. acknowledge: an
    incident. lift: `lifts`, a suppression, no longer stands. owner, tag: all `owners` or `tags` from now on.
    Times: UTC.
    Raises SettingsError where it names nothing that it could be about, Unavailable where no broker confirms it.
    """
    _check(kind, name or job_name or rule, name, incident_id, lifts, actor)
    details = _narrowed(kind, column, check, metric)
    now = times.micros(datetime.now(UTC))
    decision_id = uuid.uuid4()
    fields: dict[str, Any] = {
        "emit_time": now,
        "producer_id": bytes(16),
        "sequence": 0,
        "event_id": decision_id.bytes,
        "event_time": now,
        "kind": kind,
        "actor": actor,
        "reason": reason,
        "namespace": namespace,
        "name": name,
        "column": column,
        "job_namespace": job_namespace,
        "job_name": job_name,
        "rule": rule,
        "incident_id": incident_id.bytes if incident_id else None,
        "lifts": lifts.bytes if lifts else None,
        "from_time": times.micros(since) if since else None,
        "until_time": times.micros(until) if until else None,
        "owners": [{"name": owner, "type": None} for owner in owners],
        "tags": [{"key": tag, "value": "true", "source": actor} for tag in tags],
        "details": details,
    }
    key = dataset_key(namespace, name) if name else (incident_id or lifts or uuid.UUID(int=0)).bytes
    _send(settings or load(brokers=brokers), key, plain.message(records.current("decision"), fields))
    return decision_id


def _check(
    kind: str, about: str | None, name: str, incident_id: uuid.UUID | None, lifts: uuid.UUID | None, actor: str
) -> None:
    if kind not in KINDS:
        raise SettingsError(f"decision: there is no kind {kind}; there are {', '.join(KINDS)}")
    named = {"acknowledge": incident_id is not None, "lift": lifts is not None, "suppress": bool(about)}
    if not named.get(kind, bool(name)):
        raise SettingsError(f"decision {kind}: name {KINDS[kind]}")
    if not actor:
        raise SettingsError(f"decision {kind}: who decides? actor is empty")


def _narrowed(kind: str, column: str | None, check: str | None, metric: str | None) -> dict[str, str]:
    """What an `accept` is about, where not everything of the dataset. Raises SettingsError."""
    if check is None and metric is None:
        return {}
    if kind != "accept":
        raise SettingsError(f"decision {kind}: a check or metric can be accepted only")
    check = check or "metric"
    if check not in ACCEPTABLE:
        raise SettingsError(f"decision accept: there is no check {check} to accept; there are {', '.join(ACCEPTABLE)}")
    if metric is not None and check != "metric":
        raise SettingsError(f"decision accept: a metric belongs to the check metric, not to {check}")
    if column is not None and check in {"volume", "metric"}:
        raise SettingsError(f"decision accept: {check} is of a whole dataset, of no column")
    return {"check": json.dumps(check)} | ({"metric": json.dumps(metric)} if metric is not None else {})


def _send(settings: Settings, key: bytes, value: bytes) -> None:
    errors: list[str] = []
    producer: Any = confluent_kafka.Producer(
        {
            **connection(settings),
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "message.timeout.ms": int(_CONFIRM_SECONDS * 1000),
        },
        logger=silent_logger("decisions"),
    )

    def confirmed(error: Any, _message: object) -> None:
        errors.append("" if error is None else error.str())

    producer.produce(DECISIONS.full_name(settings), value, key, on_delivery=confirmed)
    producer.flush(_CONFIRM_SECONDS + 1)
    if errors != [""]:
        raise Unavailable(
            f"{settings.brokers}: the decision was not taken: {str(errors[0]) if errors else 'no answer'}"
        )
