"""`headwater notify` as a process, against real HTTP and SMTP servers: told, hung up on, killed, refused."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.settings import Settings
from tests.backends.processes import ServerProcess, wait_until
from tests.consumers.alerts.test_subscription import send, settings
from tests.consumers.notify.servers import Received, http_server, smtp_server

__all__ = ["settings"]
pytestmark = pytest.mark.integration
SECRET = {"HOOK_SECRET": "a secret"}
WEBHOOK = (
    "[[notify]]\nname = '{name}'\nkind = 'webhook'\nurl = '{url}'\nsecret_env = 'HOOK_SECRET'\ntimeout = {timeout}\n"
)
MAIL = "[[notify]]\nname = 'mail'\nkind = 'email'\nurl = '{url}'\nsender = 'h@example.org'\nto = ['a@example.org']\n"


def hook_table(url: str, name: str = "hook", timeout: float = 10) -> str:
    return WEBHOOK.format(name=name, url=url, timeout=timeout)


def notify(file: Path, *words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "headwater.cli", "notify", str(file), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **SECRET, **(environment or {})},
        check=False,
    )


class Notifier(ServerProcess):
    """`headwater notify FILE` as a process."""

    def __init__(self, settings: Settings, folder: Path, tables: str) -> None:
        self._starts = 0
        self.file = folder / "notify.toml"
        self.file.write_text(tables)
        self.undelivered = folder / "undelivered"
        there = ["--brokers", settings.brokers, "--prefix", settings.prefix, "--undelivered", str(self.undelivered)]
        command = [sys.executable, "-m", "headwater.cli", "notify", str(self.file), *there]
        log = folder / "notify.log"
        super().__init__("notify", command, log, ready=self._tells, environment={**os.environ, **SECRET})

    def start(self) -> None:
        self._starts += 1
        super().start()

    def _tells(self) -> bool:
        return self.log.exists() and self.log.read_text().count("INFO headwater.notify: telling") >= self._starts


@pytest.fixture
def hook() -> Iterator[tuple[str, Received]]:
    with http_server() as found:
        yield found


@pytest.fixture
def started(settings: Settings, tmp_path: Path) -> Iterator[list[Notifier]]:
    """Notifiers that a test starts; ended with it."""
    found: list[Notifier] = []
    yield found
    for one in found:
        one.kill()


def titles(received: Received) -> list[str]:
    return [json.loads(body)["title"] for _, _, body in received.requests]


def joined(settings: Settings, *receivers: Received) -> None:
    """Until each receiver heard something: a new target hears what comes once it has joined its group."""
    number = 10_000

    def heard() -> bool:
        nonlocal number
        send(settings, 1, first=number)
        number += 1
        return all(received.requests or received.mails for received in receivers)

    wait_until(heard, 60, "all targets to join", poll=0.5)


def test_hook_and_mail_are_told_and_it_leaves_in_order(
    settings: Settings, tmp_path: Path, hook: tuple[str, Received], started: list[Notifier]
) -> None:
    """Both get every alert, once, in the order of an incident's numbers; SIGTERM ends it with 0, and the next one goes
    on where it was.
    """
    url, received = hook
    with smtp_server() as (mail_url, mails):
        notifier = Notifier(settings, tmp_path, hook_table(url) + MAIL.format(url=mail_url))
        started.append(notifier)
        notifier.start()
        joined(settings, received, mails)
        send(settings, 6)
        expected = {f"alert {number}" for number in range(6)}
        wait_until(lambda: expected <= set(titles(received)), 30, "six alerts at the hook")
        wait_until(lambda: _subjects(mails) >= expected, 30, "six mails")
        assert notifier.stop() == 0
        send(settings, 4, first=6)
        notifier.start()
        more = {f"alert {number}" for number in range(6, 10)}
        wait_until(lambda: more <= set(titles(received)) and more <= _subjects(mails), 60, "what came meanwhile")
        told = [title for title in titles(received) if title in expected | more]
        assert len(told) == len(set(told))
        assert [title for title in told if int(title.split()[1]) % 2] == [f"alert {n}" for n in range(1, 10, 2)]
        assert received.requests[-1][1]["Headwater-Signature"].startswith("t=")
        assert notifier.stop() == 0
    assert SECRET["HOOK_SECRET"] not in notifier.log.read_text()


def _subjects(mails: Received) -> set[str]:
    return {str(email.message_from_bytes(body)["Subject"]).partition("] ")[2] for _, _, body in list(mails.mails)}


def test_a_hook_that_hangs_holds_up_nobody(
    settings: Settings, tmp_path: Path, hook: tuple[str, Received], started: list[Notifier]
) -> None:
    """One target never answers: it is cut, said in the log and tried again; the other one hears everything; SIGTERM
    ends it all the same, and what hung comes to the next one.
    """
    url, received = hook
    with http_server() as (hanging, silent):
        silent.answers += ["hang"] * 1_000
        notifier = Notifier(settings, tmp_path, hook_table(url) + hook_table(hanging, "slow", 0.5))
        started.append(notifier)
        notifier.start()
        joined(settings, received, silent)
        send(settings, 6)
        wait_until(lambda: {f"alert {n}" for n in range(6)} <= set(titles(received)), 30, "six alerts at the quick one")
        wait_until(lambda: len(silent.requests) >= 2, 30, "a second try at the slow one")
        (first, again) = [headers["Idempotency-Key"] for _, headers, _ in silent.requests[:2]]
        assert first == again
        assert "slow: no answer within 0.5 s; trying again" in notifier.log.read_text()
        assert notifier.stop() == 0
        silent.answers.clear()
        notifier.start()
        wait_until(lambda: {f"alert {n}" for n in range(6)} <= set(titles(silent)), 60, "all of them at the slow one")
        assert notifier.stop() == 0


def test_killed_between_sending_and_its_commit(
    settings: Settings, tmp_path: Path, hook: tuple[str, Received], started: list[Notifier]
) -> None:
    """The receiver has the alert, the group does not know it: the next one sends that alert again, with the same key,
    by which a receiver tells that it has it; and no other alert twice, none not at all.
    """
    url, received = hook
    notifier = Notifier(settings, tmp_path, hook_table(url))
    started.append(notifier)
    notifier.start()
    joined(settings, received)
    send(settings, 3)
    wait_until(lambda: {"alert 0", "alert 1", "alert 2"} <= set(titles(received)), 30, "three alerts")

    def killed() -> int:
        notifier.kill()  # while it waits for this answer
        return 202

    received.answers.append(killed)
    send(settings, 5, first=3)
    wait_until(lambda: not notifier.running, 30, "its death")
    notifier.start()
    wait_until(lambda: {f"alert {number}" for number in range(8)} <= set(titles(received)), 60, "all alerts")
    assert notifier.stop() == 0
    keys = [headers["Idempotency-Key"] for _, headers, _ in received.requests]
    twice = [key for key in set(keys) if keys.count(key) > 1]
    assert [keys.count(key) for key in twice] == [2]
    bodies = [body for _, headers, body in received.requests if headers["Idempotency-Key"] == twice[0]]
    assert bodies[0] == bodies[1]
    assert json.loads(bodies[0])["event_id"].replace("-", "") == twice[0]
    assert not notifier.undelivered.exists() or not list(notifier.undelivered.iterdir())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            hook_table("http://127.0.0.1:9/").replace("webhook", "webhok"),
            "line 3: there is no kind webhok; did you mean webhook?",
        ),
        (hook_table("http://127.0.0.1:9/").replace("timeout", "timout"), "line 6: "),
        (
            hook_table("http://127.0.0.1:9/").replace("HOOK_SECRET", "NOT_THERE"),
            "line 5: the environment has no NOT_THERE",
        ),
    ],
)
@pytest.mark.parametrize("words", [(), ("--check",), ("--list",)], ids=["run", "check", "list"])
def test_a_mistake_in_the_file_ends_it(wrong: str, said: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """Before anybody is told: the line, what was perhaps meant, and exit code 2."""
    file = tmp_path / "notify.toml"
    file.write_text(wrong)
    done = notify(file, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_as_it_should_be_is_said(tmp_path: Path) -> None:
    """Without a broker."""
    file = tmp_path / "notify.toml"
    file.write_text(hook_table("http://127.0.0.1:9/"))
    done = notify(file, "--check", environment={"HEADWATER_BROKERS": "127.0.0.1:1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file}: 1 targets, nothing wrong\n"
