"""An alert as each receiver wants it. Control characters of names never reach a header or a line of theirs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from headwater.alerts import Alert
from headwater.notify.targets import Target

#: Alertmanager drops what nobody repeats; an incident is resolved by its own message.
_STAYS = timedelta(days=30)
_PAGERDUTY_STATES = {"opened": "trigger", "updated": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}


class Post(NamedTuple):
    """What is posted."""

    body: bytes
    headers: Mapping[str, str]


def post(target: Target, alert: Alert, now: int) -> Post:
    """The request for a target that is posted to; `now`: seconds since 1970 UTC, signed with it."""
    made = _shape(target, alert)
    body = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "headwater",
        "Idempotency-Key": alert.event_id.hex,
    }
    if target.kind == "webhook":
        headers["Headwater-Signature"] = signature(target.secret, body, now)
    return Post(body, headers)


def _shape(target: Target, alert: Alert) -> Mapping[str, Any] | list[Any]:
    if target.kind == "slack":
        return _slack(alert)
    if target.kind == "pagerduty":
        return _pagerduty(target, alert)
    return [_alertmanager(alert)] if target.kind == "alertmanager" else alert.as_dict()


def signature(secret: str, body: bytes, now: int) -> str:
    """t=SECONDS,v1=HMAC-SHA256 over `SECONDS.body`, hex: a receiver refuses old times and compares in constant time."""
    return f"t={now},v1={hmac.new(secret.encode(), b'%d.' % now + body, hashlib.sha256).hexdigest()}"


def mail(target: Target, alert: Alert) -> EmailMessage:
    """The e-mail about an alert; all of an incident are one thread, and the same alert has the same Message-ID."""
    message = EmailMessage()
    host = urlsplit(target.url).hostname or "localhost"
    thread = f"<{alert.incident_id.hex}@{host}>"
    message["Subject"] = _line(f"[{alert.state}] {alert.title}")
    message["From"], message["To"] = target.sender, ", ".join(target.to)
    message["Date"] = format_datetime(alert.event_time)
    message["Message-ID"] = thread if alert.number == 1 else f"<{alert.event_id.hex}@{host}>"
    if alert.number > 1:
        message["In-Reply-To"] = message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    owners = ", ".join(owner.name for owner in alert.owners)
    lines = [
        alert.explanation, "", f"severity  {alert.severity:.2f}", *([f"owners    {owners}"] if owners else []),
        *(f"reaches   {reach.dataset} ({reach.kind})" for reach in alert.reaches[:20]),
        "", alert.command or "", alert.sql or "",
    ]  # fmt: skip
    message.set_content("\n".join(_line(line) for line in lines) + "\n")
    return message


def _slack(alert: Alert) -> dict[str, Any]:
    mark = {"opened": ":rotating_light:", "resolved": ":white_check_mark:"}.get(alert.state, ":information_source:")
    text = f"{mark} *{_escaped(alert.title)}* ({alert.state})\n{_escaped(alert.explanation)}"
    context = [f"severity {alert.severity:.2f}", *(owner.name for owner in alert.owners), f"`{alert.command}`"]
    return {
        "text": f"{alert.title} ({alert.state})",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(" · ".join(context))[:2000]}]},
        ],
    }


def _pagerduty(target: Target, alert: Alert) -> dict[str, Any]:
    level = "critical" if alert.severity >= 0.8 else "error" if alert.severity >= 0.5 else "warning"
    return {
        "routing_key": target.secret,
        "event_action": _PAGERDUTY_STATES[alert.state],
        "dedup_key": alert.incident_id.hex,
        "payload": {
            "summary": alert.title[:1024],
            "source": str(alert.dataset) if alert.dataset.name else f"{alert.job_namespace}/{alert.job_name}",
            "severity": level,
            "timestamp": alert.event_time.isoformat(),
            "component": alert.dataset.name or alert.job_name,
            "class": alert.check,
            "custom_details": {
                "explanation": alert.explanation, "command": alert.command, "sql": alert.sql,
                "owners": [owner.name for owner in alert.owners], "predictions": alert.predictions,
            },
        },
    }  # fmt: skip


def _alertmanager(alert: Alert) -> dict[str, Any]:
    began = alert.onset or alert.event_time
    return {
        "labels": {
            "alertname": f"headwater_{alert.check}", "incident": alert.incident_id.hex,
            "namespace": alert.dataset.namespace, "dataset": alert.dataset.name,
            "job": f"{alert.job_namespace}/{alert.job_name}" if alert.job_name else "",
            "severity": "page" if alert.severity >= 0.5 else "warning",
        },
        "annotations": {"summary": alert.title, "description": alert.explanation, "command": alert.command or ""},
        "startsAt": began.isoformat(),
        "endsAt": (max(alert.event_time, began) + (timedelta() if alert.state == "resolved" else _STAYS)).isoformat(),
    }  # fmt: skip


def _escaped(text: str) -> str:
    """Slack's three characters that mean something, so that a name links and pings nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
