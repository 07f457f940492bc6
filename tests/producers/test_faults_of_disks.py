"""What a producer does when the disk under its spool is full or read-only."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.producer import Producer, Stats
from headwater.producer._spool import files
from headwater.settings import Settings
from tests.backends.processes import wait_until

pytestmark = pytest.mark.integration

NOBODY = "127.0.0.1:9"


def emit(producer: Producer, count: int) -> None:
    job = producer.job("tests", "disks")
    for _ in range(count):
        producer.run(job).whole()


def everything_counted(stats: Stats) -> bool:
    return stats.spooled + sum(stats.drops.values()) == stats.emitted


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=["full", "read-only", "broken"])
def test_a_disk_that_refuses_and_comes_back(
    kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Injected at the file layer, in the middle of a write: events wait in memory, one warning, the reason in the
    stats; what memory does not hold is counted; when the disk is well again the spool goes on, nothing torn.
    """
    whole = files.write_all
    broken = False

    def write_all(file: int, data: bytes) -> None:
        if broken:
            os.write(file, data[: len(data) // 2])
            raise OSError(kind, os.strerror(kind))
        whole(file, data)

    monkeypatch.setattr(files, "write_all", write_all)
    monkeypatch.setattr("headwater.producer._spool.spool._RETRY_SECONDS", 0.05)
    settings = Settings(brokers=NOBODY, queue_bytes=2**21, spool_dir=str(tmp_path))
    producer = Producer(settings)
    emit(producer, 50)
    wait_until(lambda: producer.stats().spooled == 51, 30, "51 events in the spool")
    broken = True
    emit(producer, 8000)
    wait_until(lambda: producer.stats().spool_error != "", 30, "an error of the spool")
    emit(producer, 8000)
    stats = producer.stats()
    assert os.strerror(kind) in stats.spool_error
    assert stats.queued_bytes <= settings.queue_bytes
    assert stats.drops.keys() <= {"queue_full", "spool_full"}
    if kind == errno.ENOSPC:
        assert stats.drops["spool_full"] > 0
    else:
        assert stats.drops["queue_full"] > 0
    broken = False
    wait_until(lambda: not producer.stats().spool_error and producer.stats().queued_bytes == 0, 30, "the spool again")
    producer.close(0.1)
    stats = producer.stats()
    assert everything_counted(stats)
    assert "exit" not in stats.drops
    assert len([record for record in caplog.records if "wait in memory" in record.message]) == 1
    # Read back by another: every event once.
    heir = Producer(settings)
    emit(heir, 1)
    wait_until(lambda: heir.stats().spool_bytes > 0, 30, "what was left in the spool")
    heir.close(0.1)


SMALL_DISK = """
import json, os, sys, time
from headwater.producer import Producer
from headwater.settings import load
producer = Producer(load(brokers="127.0.0.1:9", spool_dir=sys.argv[1], queue_bytes=2**21))
job = producer.job("tests", "disks")
for _ in range(20_000):
    producer.run(job).whole()
    if _ % 100 == 0:
        time.sleep(0.002)
time.sleep(1.5)
producer.close(0.5)
stats = producer.stats()
names = os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else []
used = sum(os.path.getsize(os.path.join(sys.argv[1], name)) for name in names)
print(json.dumps([stats.emitted, stats.spooled, dict(stats.drops), stats.spool_error, used]))
"""


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_on_a_real_small_disk(kind: str, tmp_path: Path) -> None:
    """A file system of 2 MB that fills, and one that is mounted read-only: the host goes on, all is counted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = "size=2m" if kind == "full" else "ro"
    mounted = f"mount -t tmpfs -o {options} none {disk}"
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(["unshare", "-rm", "sh", "-c", mounted], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs Linux with user namespaces, to mount a file system of one's own")
    script = tmp_path / "script.py"
    script.write_text(SMALL_DISK)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mounted} && exec {sys.executable} {script} {disk}/spool"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    emitted, spooled, drops, error, used = json.loads(done.stdout)
    assert emitted == 20_002
    assert spooled + sum(drops.values()) == emitted
    assert used <= 2 * 1024 * 1024
    if kind == "full":
        assert drops["spool_full"] > 0
        assert "No space left" in error
    else:
        assert spooled == 0
        assert drops.keys() == {"queue_full", "exit"}
        assert "Read-only" in error
