"""The gateway while its broker is away, its disk is full, its clients are slow; and its keys."""

from __future__ import annotations

import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from headwater.cli.main import main
from headwater.errors import SettingsError
from headwater.gateway import keys
from headwater.gateway.admission import Admission
from headwater.gateway.serving import HEAD_SECONDS
from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.infra.gateway.conftest import serving
from tests.infra.gateway.test_requests import SINGLE, run

AWAY = "127.0.0.1:1"


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_events_wait_on_the_disk_until_the_broker_is_there(settings: Settings, tmp_path: Path) -> None:
    """Answered with 201 though no broker is there; killed at once; the next gateway, with a broker, sends them once."""
    both = replace(settings, spool_dir=str(tmp_path / "spool"), brokers=f"{AWAY},{settings.brokers}")
    away = replace(both, brokers=AWAY)
    with serving(away, tmp_path) as gateway:
        assert [httpx.post(gateway.url + SINGLE, json=run(100 + n)).status_code for n in range(5)] == [201] * 5
        gateway.process.kill()
    with serving(both, tmp_path) as gateway:
        wanted = {bytes.fromhex(f"018f30e290007b3c8f77{100 + n:012x}") for n in range(5)}
        wait_until(lambda: wanted <= {key for key, _ in gateway.sent()}, 60, "the five events")
        empty = "headwater_gateway_spool_bytes 0\n"
        wait_until(lambda: empty in httpx.get(gateway.url + "/metrics").text, 30, "an empty spool")
        assert len([key for key, _ in gateway.sent() if key in wanted]) == 5


@pytest.mark.integration
@pytest.mark.backends("local")
def test_what_was_answered_outlives_apache_kafka(kafka: Kafka, settings: Settings, tmp_path: Path) -> None:
    """The broker is killed while four clients send, and starts again: whatever was answered with 201 is on its topic,
    and a client that was not is told to come again.
    """
    with serving(replace(settings, spool_dir=str(tmp_path / "spool")), tmp_path) as gateway:
        gateway.wait_for_broker()

        def post(number: int) -> int:
            return httpx.post(gateway.url + SINGLE, json=run(1000 + number), timeout=30).status_code

        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(post, number) for number in range(400)]
            try:
                wait_until(asked[100].done, 60, "a quarter of the answers")
                kafka.kill()
                wait_until(asked[250].done, 60, "answers from the disk")
            finally:
                if not kafka.running:
                    kafka.start()
            answers = [one.result() for one in asked]
        assert set(answers) <= {201, 503}
        taken = {number for number, status in enumerate(answers) if status == 201}
        assert len(taken) > 300
        wanted = {bytes.fromhex(f"018f30e290007b3c8f77{1000 + number:012x}") for number in taken}
        wait_until(lambda: wanted <= {key for key, _ in gateway.sent() if key}, 60, "all that was answered")


@pytest.mark.integration
def test_without_broker_and_disk_clients_are_told_to_come_again(tmp_path: Path) -> None:
    """503 with Retry-After, on which official clients retry; /ready says so."""
    with serving(Settings(brokers=AWAY, spool_bytes=0), tmp_path) as gateway:
        answer = httpx.post(gateway.url + SINGLE, json=run(1), timeout=30)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert httpx.get(gateway.url + "/ready").status_code == 503
        assert httpx.get(gateway.url + "/live").status_code == 200


@pytest.mark.integration
def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    """A client that sends a byte and then nothing gets 408 and is cut off; others are answered meanwhile."""
    with serving(Settings(brokers=AWAY, spool_dir=str(tmp_path / "s"), gateway_seconds=0.5), tmp_path) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as slow:
            slow.sendall(b"POST /api/v1/lineage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
            assert httpx.post(gateway.url + SINGLE, json=run(1)).status_code == 201
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")


@pytest.mark.integration
def test_a_slow_head_is_given_up(tmp_path: Path) -> None:
    """A client that never ends its head is cut off after the stated time; others are answered meanwhile."""
    with serving(Settings(brokers=AWAY, spool_dir=str(tmp_path / "s")), tmp_path) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=HEAD_SECONDS + 30) as slow:
            slow.sendall(b"POST /api/v1/lineage HTTP/1.1\r\nHost: local")
            assert httpx.post(gateway.url + SINGLE, json=run(1)).status_code == 201
            assert slow.recv(1000) == b""
        assert httpx.post(gateway.url + SINGLE, json=run(2)).status_code == 201


@pytest.mark.integration
def test_with_keys_only_their_holders_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key is shown once and kept hashed; it opens, others do not; taken back, it is refused within seconds."""
    file = tmp_path / "keys"
    assert main(["gateway", "--keys", str(file), "--new-key", "airflow"]) == 0
    key = capsys.readouterr().out.strip()
    assert key not in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["gateway", "--keys", str(file), "--new-key", "airflow"]) == 6
    assert main(["gateway", "--keys", str(file), "--list-keys"]) == 0
    assert "airflow" in capsys.readouterr().out
    settings = Settings(brokers=AWAY, spool_dir=str(tmp_path / "s"), gateway_keys=str(file))
    with serving(settings, tmp_path) as gateway:

        def post(header: str | None) -> int:
            headers = {} if header is None else {"authorization": header}
            return httpx.post(gateway.url + SINGLE, json=run(1), headers=headers).status_code

        assert [post(one) for one in (f"Bearer {key}", f"bearer {key}")] == [201, 201]
        assert [post(one) for one in (None, "Bearer", f"Bearer {key}x", f"Basic {key}")] == [401] * 4
        assert httpx.get(gateway.url + "/metrics").status_code == 200
        assert main(["gateway", "--keys", str(file), "--revoke-key", "airflow"]) == 0
        wait_until(lambda: post(f"Bearer {key}") == 401, 20, "the key to be refused")


def test_a_gateway_that_anybody_reaches_needs_keys(tmp_path: Path) -> None:
    """Without keys it serves loopback alone, and says why it does not start."""
    with pytest.raises(SettingsError, match="anybody could send"):
        Admission(Settings(gateway_host="0.0.0.0"))
    keys.add(tmp_path / "keys", "a")
    assert Admission(Settings(gateway_host="0.0.0.0", gateway_keys=str(tmp_path / "keys"))).guarded


def test_a_changed_file_of_keys_is_read_again(tmp_path: Path) -> None:
    """A key that is added counts after the next look, a damaged file opens to nobody."""
    now = [0.0]
    file = tmp_path / "keys"
    first = keys.add(file, "first")
    known = keys.Keys(file, clock=lambda: now[0])
    second = keys.add(file, "second")
    assert (known.name(first), known.name(second)) == ("first", None)
    now[0] += 2
    assert (known.name(first), known.name(second)) == ("first", "second")
    file.write_text("damaged", "utf-8")
    now[0] += 2
    assert known.name(first) is None
