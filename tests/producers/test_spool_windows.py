"""The spool's Windows branch, on other systems: its files, run as on Windows, with a stand-in for msvcrt.

Where there is msvcrt itself, test_spool.py runs this branch.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from headwater.producer._spool import files as here
from headwater.producer._spool import life, segment
from headwater.producer._spool import spool as spool_module
from tests.producers.test_spool import RUNS, Lost, lost, messages, read, spool, spools

fcntl: Any = pytest.importorskip("fcntl", reason="Windows has msvcrt itself: test_spool.py runs with it")

__all__ = ["lost"]  # a fixture of the spool's own tests

#: Beyond all that stands in a lock file: on Windows others cannot read what is locked.
PLACE = 1 << 30


class Msvcrt(ModuleType):
    """Its locks, made of flock: another descriptor is refused, and what is closed is free. `asked` has each call."""

    LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = range(5)

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.asked: list[tuple[int, int, int]] = []

    def locking(self, file: int, mode: int, count: int) -> None:
        self.asked.append((os.lseek(file, 0, os.SEEK_CUR), mode, count))
        # The others wait: ten seconds, on the thread that sends.
        assert mode in {self.LK_NBLCK, self.LK_UNLCK}
        try:
            fcntl.flock(file, fcntl.LOCK_UN if mode == self.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None


def descriptors() -> list[int]:
    """Of the files that this process has open, and the one that listing them takes."""
    return [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 — names are what is asked for


def is_open(path: Path) -> bool:
    """Whether this process has the file open."""
    named = path.stat()
    for file in descriptors():
        try:
            opened = os.fstat(file)
        except OSError:
            continue
        if (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino):
            return True
    return False


@pytest.fixture
def msvcrt() -> Msvcrt:
    return Msvcrt()


@pytest.fixture
def files(msvcrt: Msvcrt, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The spool's files as Windows has them; what is open there can be neither removed nor renamed."""
    spec = importlib.util.spec_from_file_location("windows_files", here.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setitem(sys.modules, "msvcrt", msvcrt)
        spec.loader.exec_module(module)
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="win32"))
    for user in (life, segment, spool_module):
        monkeypatch.setattr(user, "files", module)

    def refusing(name: str) -> Any:
        genuine = getattr(Path, name)

        def call(self: Path, *arguments: Any, **options: Any) -> Any:
            if self.exists() and is_open(self):
                raise PermissionError(errno.EACCES, "Permission denied")
            return genuine(self, *arguments, **options)

        return call

    for name in ("unlink", "replace", "rename"):
        monkeypatch.setattr(Path, name, refusing(name))
    return module


def as_another_process(files: Any) -> None:
    """From here on the locks that are held are another process's."""
    files._held.clear()


def test_a_lock_is_a_byte_beyond_the_file_and_nobody_waits_for_it(files: Any, msvcrt: Msvcrt, tmp_path: Path) -> None:
    """Asked for without waiting, given back at the release, before the file is closed; its content stays as it was."""
    path = tmp_path / "a.lock"
    path.write_bytes(b"content")
    lock = files.Lock.take(path, make=False)
    assert msvcrt.asked == [(PLACE, msvcrt.LK_NBLCK, 1)]
    assert path.read_bytes() == b"content"
    lock.release(remove=False)
    assert msvcrt.asked[1:] == [(PLACE, msvcrt.LK_UNLCK, 1)]
    assert not is_open(path)
    assert path.read_bytes() == b"content"


def test_what_another_holds_is_not_given(files: Any, msvcrt: Msvcrt, tmp_path: Path) -> None:
    """To this process a second time, without asking; to another, which leaves no file open; then to whoever comes."""
    path = tmp_path / "a.lock"
    first = files.Lock.take(path, make=True)
    assert files.Lock.take(path, make=True) is None
    assert len(msvcrt.asked) == 1
    as_another_process(files)
    before = descriptors()
    assert files.Lock.take(path, make=True) is None
    assert descriptors() == before
    assert msvcrt.asked[1:] == [(PLACE, msvcrt.LK_NBLCK, 1)]
    first.release(remove=False)
    second = files.Lock.take(path, make=False)
    assert second is not None
    second.release(remove=True)
    assert not path.exists()
    assert files.Lock.take(path, make=False) is None


def test_a_process_that_dies_frees_it(files: Any, tmp_path: Path) -> None:
    """Without a word: the system closes its files."""
    path = tmp_path / "a.lock"
    first = files.Lock.take(path, make=True)
    as_another_process(files)
    os.close(first._file)
    assert files.Lock.take(path, make=False) is not None


def test_a_system_that_refuses_hurts_no_release(
    files: Any, msvcrt: Msvcrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be unlocked is closed, and with that it is free."""
    path = tmp_path / "a.lock"
    lock = files.Lock.take(path, make=True)

    def refusing(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(msvcrt, "locking", refusing)
        lock.release(remove=False)
    assert files.Lock.take(path, make=False) is not None


def test_a_spool_is_taken_over_once_its_process_is_done(files: Any, tmp_path: Path, lost: Lost) -> None:
    """All of it, and not before; nothing that is open is removed or renamed, and in the end nothing is left."""
    first = spool(tmp_path, lost, spool_bytes=2**22)  # segments of 512 KB
    sent = messages(6000)
    assert first.append(RUNS, sent).events == len(sent)
    assert len(spools(tmp_path)) > 1
    as_another_process(files)
    second = spool(tmp_path, lost)
    second.take_over()
    assert second.read(RUNS, 1) is None
    part = first.read(RUNS, 100_000)
    assert part is not None
    first.confirm(part.mark)
    first.close()
    second.take_over()
    assert read(second) == sent[len(part.messages) :]
    second.close()
    assert list(tmp_path.iterdir()) == []
    assert not lost


def test_damaged_files_are_put_aside(files: Any, tmp_path: Path, lost: Lost) -> None:
    """Also where a file that is open cannot be renamed."""
    first = spool(tmp_path, lost)
    first.append(RUNS, messages(10))
    first.close()
    (path,) = spools(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    as_another_process(files)
    second = spool(tmp_path, lost)
    second.take_over()
    assert len(read(second)) == 9
    second.close()
    assert lost == {("spool_damaged", False): 1}
    assert [path.suffix for path in tmp_path.iterdir()] == [".corrupt"]


def test_the_folder_is_the_users(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under LOCALAPPDATA, as Windows has it, else where that lies in a home."""
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert files.default_folder() == tmp_path / "headwater" / "spool"
    monkeypatch.delenv("LOCALAPPDATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.default_folder() == tmp_path / "AppData" / "Local" / "headwater" / "spool"
