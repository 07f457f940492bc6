"""Alerts to local HTTP and SMTP servers: what they get, when it is tried again, what is given up, who hangs."""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.alerts import Alert
from headwater.alerts.model import alert_of
from headwater.errors import SettingsError
from headwater.notify import Notifier, Target, load
from headwater.notify.sending import Later
from headwater.notify.worker import Line, deliver
from headwater.settings import Settings
from tests.backends.processes import wait_until
from tests.consumers.alerts.test_subscription import alert_record
from tests.consumers.detection.making import through_the_contract
from tests.consumers.notify.servers import Received, http_server, smtp_server

pytestmark = pytest.mark.integration


def an_alert(number: int = 0, **fields: Any) -> Alert:
    return alert_of(through_the_contract("alert", alert_record(number, **fields)))


@pytest.fixture
def hook() -> Iterator[tuple[str, Received]]:
    with http_server() as found:
        yield found


@pytest.fixture
def smtp() -> Iterator[tuple[str, Received]]:
    with smtp_server() as found:
        yield found


def target(kind: str, url: str, **fields: Any) -> Target:
    return Target(name=kind, kind=kind, url=url, secret="secret", timeout=fields.pop("timeout", 10.0), **fields)


def sent(received: Received) -> Any:
    return json.loads(received.requests[-1][2])


def test_a_webhook_is_signed(hook: tuple[str, Received]) -> None:
    """The body is the alert as JSON; its signature is of the time and the body; its id says what is the same."""
    url, received = hook
    deliver(target("webhook", url), an_alert())
    path, headers, body = received.requests[0]
    assert path == "/hook"
    assert json.loads(body) == an_alert().as_dict()
    time, _, code = headers["Headwater-Signature"].removeprefix("t=").partition(",v1=")
    assert code == hmac.new(b"secret", f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == an_alert().event_id.hex


def test_slack_pagerduty_and_alertmanager_get_their_own_shapes(hook: tuple[str, Received]) -> None:
    """Names cannot ping anybody in Slack; PagerDuty's incident and Alertmanager's alert end with ours."""
    url, received = hook
    deliver(target("slack", url), an_alert(title="<!channel> drifted"))
    assert "&lt;!channel&gt; drifted" in sent(received)["blocks"][0]["text"]["text"]
    for state, action in (("opened", "trigger"), ("acknowledged", "acknowledge"), ("resolved", "resolve")):
        deliver(target("pagerduty", url), an_alert(state=state))
        assert (sent(received)["event_action"], sent(received)["routing_key"]) == (action, "secret")
        assert sent(received)["dedup_key"] == an_alert().incident_id.hex
    deliver(target("alertmanager", url), an_alert())
    opened = sent(received)[0]
    deliver(target("alertmanager", url), an_alert(state="resolved"))
    resolved = sent(received)[0]
    assert opened["labels"] == resolved["labels"]
    assert resolved["endsAt"] < opened["endsAt"]
    assert all(isinstance(value, str) for value in opened["labels"].values())


def test_mails_of_an_incident_are_one_thread(smtp: tuple[str, Received]) -> None:
    """Subject and body in plain text; no name adds a header; the second answers the first."""
    url, received = smtp
    to = target("email", url, sender="headwater@example.org", to=("ann@example.org", "bob@example.org"))
    deliver(to, an_alert(title="drift\r\nBcc: eve@example.org"))
    deliver(to, an_alert(number=2))
    first, second = (email.message_from_bytes(body) for _, _, body in received.mails)
    assert received.mails[0][:2] == ("headwater@example.org", ["ann@example.org", "bob@example.org"])
    assert first["Bcc"] is None
    assert first["Subject"] == "[opened] drift  Bcc: eve@example.org"
    assert second["In-Reply-To"] == first["Message-ID"]
    assert "it drifted" in str(first.get_payload())


def line_of(to: Target, folder: Path, **fields: Any) -> Line:
    return Line(to, folder / "undelivered.ndjson", **fields)


def test_what_fails_is_tried_again(hook: tuple[str, Received], tmp_path: Path) -> None:
    """500 and 429 pass; the receiver's own wait is kept; then the alert is there, once."""
    url, received = hook
    received.answers += [500, 429]
    received.headers["Retry-After"] = "0"
    line = line_of(target("webhook", url), tmp_path)
    assert line.handle(an_alert())
    assert len(received.requests) == 3
    assert (line.delivered, line.given_up) == (1, 0)
    assert line.handle(an_alert())  # the same message again
    assert len(received.requests) == 3


def test_what_is_refused_is_kept_with_its_reason(hook: tuple[str, Received], tmp_path: Path) -> None:
    """404 will stay 404: the alert goes to the undelivered ones at once, and the next one is told."""
    url, received = hook
    received.answers.append(404)
    line = line_of(target("webhook", url), tmp_path)
    assert line.handle(an_alert(0))
    assert line.handle(an_alert(1))
    kept = [json.loads(row) for row in (tmp_path / "undelivered.ndjson").read_text().splitlines()]
    assert [(row["why"], row["alert"]["title"]) for row in kept] == [("it answered 404", "alert 0")]
    assert (line.delivered, line.given_up) == (1, 1)


def test_it_gives_up_after_its_time(tmp_path: Path) -> None:
    """A receiver that is away for longer than `give_up` gets what comes later; what it missed is kept."""
    times = iter([0.0, 10_000.0])

    def away(_target: Target, _alert: Alert) -> None:
        raise Later("away")

    line = line_of(target("webhook", "http://127.0.0.1:9"), tmp_path, send=away, clock=lambda: next(times))
    assert line.handle(an_alert())
    assert line.given_up == 1


@pytest.mark.parametrize("how", ["hang", "trickle"])
def test_a_hook_that_hangs_is_cut(hook: tuple[str, Received], how: str) -> None:
    """No answer, or one that never ends: the delivery is over at its deadline and comes again later."""
    url, received = hook
    received.answers.append(how)
    with pytest.raises(Later, match=r"no answer within 0.5 s"):
        deliver(target("webhook", url, timeout=0.5), an_alert())
    deliver(target("webhook", url), an_alert())


def test_a_mail_server_that_hangs_or_refuses(smtp: tuple[str, Received], tmp_path: Path) -> None:
    """It hangs and says 451: later. It says 550: never."""
    url, received = smtp
    received.answers += ["hang"]
    to = target("email", url, sender="a@example.org", to=("b@example.org",))
    with pytest.raises(Later, match="no answer within"):
        deliver(replace(to, timeout=0.5), an_alert())
    received.answers += [None, 451]
    with pytest.raises(Later, match="451"):
        deliver(to, an_alert())
    received.answers += [None, 550]
    line = line_of(to, tmp_path)
    assert line.handle(an_alert())
    assert line.given_up == 1


class Given:
    """A subscription of alerts that are there already; waits at their end."""

    def __init__(self, alerts: list[Alert]) -> None:
        self.asked = 0
        self._alerts = alerts
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[Alert]:
        for alert in self._alerts:
            self.asked += 1
            yield alert
        self._stopped.wait(60)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        return


def test_one_that_hangs_keeps_nobody_waiting(hook: tuple[str, Received], tmp_path: Path) -> None:
    """Of two targets one hangs: the other gets all; the alert in hand is not asked past, so it comes again."""
    url, received = hook
    with http_server() as (hanging, other):
        other.answers += ["hang"] * 5
        slow = Target(name="slow", kind="webhook", url=hanging, secret="s", timeout=0.3)
        targets = [slow, Target(name="quick", kind="webhook", url=url, secret="s")]
        given = {one.name: Given([an_alert(n) for n in range(3)]) for one in targets}
        notifier = Notifier(Settings(), targets, tmp_path, lambda _, one: given[one.name])
        thread = threading.Thread(target=notifier.run)
        thread.start()
        try:
            wait_until(lambda: len(received.requests) == 3, 30, "all alerts at the quick one")
            wait_until(lambda: len(other.requests) >= 2, 30, "a second try at the slow one")
            assert given["slow"].asked == 1
        finally:
            notifier.stop()
            thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("kind = 'webhok'\nurl = 'http://x/'\n", "line 3: there is no kind webhok; did you mean webhook?"),
        (
            "kind = 'webhook'\nurl = 'http://x/'\nsecret = 'abc'\n",
            "line 5: there is no secret; a secret does not stand",
        ),
        ("kind = 'webhook'\nurl = 'http://x/'\nsecret_env = 'NONE'\n", "line 5: the environment has no NONE"),
        ("kind = 'webhook'\nurl = 'ftp://x/'\nsecret_env = 'KEY'\n", "needs a url"),
        ("kind = 'slack'\nurl = 'http://x/'\nstates = ['open']\n", "line 5: states: open"),
        ("kind = 'slack'\nurl = 'http://x/'\ntimout = 3\n", "did you mean timeout?"),
        ("kind = 'email'\nurl = 'smtp://x'\n", "needs sender and to"),
    ],
)
def test_a_mistake_in_the_file_is_refused(wrong: str, word: str, tmp_path: Path) -> None:
    """With its line, before anything is told; secrets stand in the environment alone."""
    file = tmp_path / "notify.toml"
    file.write_text(f"[[notify]]\nname = 'x'\n{wrong}")
    with pytest.raises(SettingsError) as refused:
        load(str(file), {"KEY": "secret"})
    assert word in str(refused.value)


def test_a_file_as_it_should_be(tmp_path: Path) -> None:
    """PagerDuty's address is known; no print shows a secret."""
    file = tmp_path / "notify.toml"
    file.write_text("[[notify]]\nname = 'on-call'\nkind = 'pagerduty'\nsecret_env = 'KEY'\npages_only = true\n")
    (found,) = load(str(file), {"KEY": "routing key"})
    assert (found.url, found.secret, found.pages_only) == (
        "https://events.pagerduty.com/v2/enqueue",
        "routing key",
        True,
    )
    assert "routing key" not in repr(found)
