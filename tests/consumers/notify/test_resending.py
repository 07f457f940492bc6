"""What was given up and is delivered after all, against a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.alerts import Alert
from headwater.alerts.model import alert_from
from headwater.cli.main import main
from headwater.notify import Target, resend
from headwater.notify.resending import Undelivered
from headwater.notify.sending import Later
from headwater.notify.worker import Line
from tests.consumers.notify.servers import Received, http_server
from tests.consumers.notify.test_notify import an_alert

pytestmark = pytest.mark.integration


@pytest.fixture
def hook() -> Iterator[tuple[str, Received]]:
    with http_server() as found:
        yield found


def target(url: str) -> Target:
    return Target(name="hook", kind="webhook", url=url, secret="secret", timeout=5.0, give_up=0.0)


def given_up(folder: Path, numbers: range) -> None:
    """So many alerts that a receiver which is away was not told."""

    def away(_target: Target, _alert: Alert) -> None:
        raise Later("it is away")

    line = Line(target("http://127.0.0.1:9"), folder / "hook.ndjson", send=away)
    for number in numbers:
        assert line.handle(an_alert(number))


def titles(received: Received) -> list[str]:
    return [json.loads(body)["title"] for _, _, body in received.requests]


def test_an_alert_comes_back_from_what_was_kept() -> None:
    """Nothing is lost on the way through the file: what is sent later is what would have been sent."""
    cause = {
        "kind": "data", "namespace": "lake", "name": "raw", "version": None, "column": "a", "job_namespace": "jobs",
        "job_name": "load", "run_id": bytes(range(16)), "score": float("inf"), "explanation": "first seen",
        "path": [{"namespace": "lake", "name": "raw", "version": "1"}],
    }  # fmt: skip
    reached = {
        "namespace": "lake", "name": "model", "version": "7", "version_origin": None, "kind": "model", "hops": 2,
        "predictions": 4, "owners": [{"name": "team:x", "type": None}],
    }  # fmt: skip
    measures = [{"name": "d", "value": float("nan"), "threshold": None, "passed": None, "comment": None}]
    full = an_alert(
        3, run_id=bytes(range(16)), suppressed_by=bytes(range(1, 17)), root=cause, causes=[cause], reaches=[reached],
        measures=measures, evidence={"role": '"output"', "odd": "no json"}, onset=-5, last_seen=7,
    )  # fmt: skip
    for alert in (an_alert(), full):
        kept: dict[str, Any] = json.loads(json.dumps(alert.as_dict()))
        assert alert_from(kept).as_dict() == kept


def test_what_was_given_up_is_delivered_in_its_order(hook: tuple[str, Received], tmp_path: Path) -> None:
    """Each with the key that it would have had; then nothing is left, and nothing is sent again."""
    url, received = hook
    given_up(tmp_path, range(3))
    (found,) = resend([target(url)], tmp_path)
    assert (found.delivered, found.left) == (3, 0)
    assert titles(received) == ["alert 0", "alert 1", "alert 2"]
    assert [headers["Idempotency-Key"] for _, headers, _ in received.requests] == [
        an_alert(number).event_id.hex for number in range(3)
    ]
    assert resend([target(url)], tmp_path) == []
    assert len(received.requests) == 3


def test_what_is_refused_stays_and_the_next_is_told(hook: tuple[str, Received], tmp_path: Path) -> None:
    """With the new reason; a receiver that is away is asked once, and keeps all the rest for the next time."""
    url, received = hook
    given_up(tmp_path, range(3))
    received.answers += [404]
    (found,) = resend([target(url)], tmp_path)
    assert (found.delivered, found.left, found.why) == (2, 1, "it answered 404")
    assert [record["why"] for record in Undelivered(tmp_path / "hook.ndjson")] == ["it answered 404"]
    given_up(tmp_path, range(3, 6))
    received.answers += [503]
    (found,) = resend([target(url)], tmp_path)
    assert (found.delivered, found.left, found.why) == (0, 4, "away: it answered 503")
    assert len(received.requests) == 4
    (found,) = resend([target(url)], tmp_path)
    assert (found.delivered, found.left) == (4, 0)
    assert titles(received)[-4:] == ["alert 0", "alert 3", "alert 4", "alert 5"]


def test_killed_under_way(tmp_path: Path) -> None:
    """It goes on behind what it had delivered; only the one in hand may come twice, with the same key."""
    given_up(tmp_path, range(5))
    sent: list[str] = []

    def dies(_target: Target, alert: Alert) -> None:
        if len(sent) == 2:
            raise KeyboardInterrupt
        sent.append(alert.title)

    kept = Undelivered(tmp_path / "hook.ndjson")
    with pytest.raises(KeyboardInterrupt):
        kept.resend(target("http://127.0.0.1:9"), dies)
    assert [record["alert"]["title"] for record in kept] == ["alert 2", "alert 3", "alert 4"]
    given_up(tmp_path, range(5, 6))
    found = kept.resend(target("http://127.0.0.1:9"), lambda _, alert: sent.append(alert.title))
    assert (found.delivered, found.left) == (4, 0)
    assert sent == [f"alert {number}" for number in range(6)]


def test_while_a_notifier_adds(tmp_path: Path) -> None:
    """What is given up meanwhile is neither lost nor cut: each is delivered, once."""
    given_up(tmp_path, range(5))
    sent: list[str] = []
    adding = threading.Thread(target=given_up, args=(tmp_path, range(5, 105)))
    adding.start()
    kept = Undelivered(tmp_path / "hook.ndjson")
    while adding.is_alive():
        kept.resend(target("http://127.0.0.1:9"), lambda _, alert: sent.append(alert.title))
    adding.join()
    kept.resend(target("http://127.0.0.1:9"), lambda _, alert: sent.append(alert.title))
    assert sorted(sent) == sorted(f"alert {number}" for number in range(105))


def test_lines_that_are_no_alert(hook: tuple[str, Received], tmp_path: Path) -> None:
    """A line that a kill cut is passed over, one that is no alert stays; both keep nothing else back."""
    url, received = hook
    given_up(tmp_path, range(1))
    path = tmp_path / "hook.ndjson"
    path.write_text('{"at": 1, "alert": {"title": "no alert"}, "why": "x"}\n' + path.read_text() + '{"at": 1, "al')
    (found,) = resend([target(url)], tmp_path)
    assert (found.delivered, found.left) == (1, 1)
    assert titles(received) == ["alert 0"]


def test_the_command(
    hook: tuple[str, Received], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`headwater notify FILE --list` and `--resend`."""
    url, received = hook
    monkeypatch.setenv("KEY", "secret")
    file = tmp_path / "notify.toml"
    file.write_text(f"[[notify]]\nname = 'hook'\nkind = 'webhook'\nurl = '{url}'\nsecret_env = 'KEY'\n")
    given_up(tmp_path, range(2))
    folder = ["--undelivered", str(tmp_path)]
    assert main(["notify", str(file), "--list", *folder]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2
    assert listed[0].startswith("hook  opened  alert 0  (it is away, 20")
    received.answers += [404]
    assert main(["notify", str(file), "--resend", *folder]) == 1
    assert capsys.readouterr().out == "hook: 1 delivered, 1 left: it answered 404\n"
    assert main(["notify", str(file), "--resend", *folder]) == 0
    assert main(["notify", str(file), "--resend", *folder]) == 0
    assert capsys.readouterr().out == "hook: 1 delivered\nnothing is undelivered\n"
