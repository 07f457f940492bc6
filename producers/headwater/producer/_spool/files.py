"""What a spool asks of the system, in the same way on Linux, macOS and Windows: files for one's own eyes, locks."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Not inherited by programs that the host starts; on Windows no translation of line ends.
_FLAGS: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
#: Beyond the content of a lock file, for on Windows nobody else could read what is locked.
_LOCKED_BYTE: Final = 1 << 30

#: Locks that this process holds, by path, with the process's id: where flock is made of POSIX's record locks (NFS),
#: a process would get its own lock a second time, and lose it when it closes the second.
_held: dict[str, int] = {}


def default_folder() -> Path:
    """The folder of this user's spools, by the system's habits. Raises RuntimeError where there is no home."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "headwater" / "spool"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "headwater" / "spool"


def make_folder(folder: Path) -> None:
    """Make the folder, for this user alone, where it is not there. Raises OSError."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def create(path: Path) -> int:
    """A new file that only this user can read. Raises OSError, FileExistsError too."""
    return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)


def reopen(path: Path, *, make: bool = False) -> int:
    """A file that is there, or else, with `make`, a new one. Raises OSError."""
    return os.open(path, _FLAGS | (os.O_CREAT if make else 0), 0o600)


def write_all(file: int, data: bytes) -> None:
    """Write at the file's position. Raises OSError; part of it may be written then."""
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, memoryview(data)[written:])


def sync(file: int, folder: Path | None = None) -> None:
    """Force a file to the disk, and with `folder` its name too. Raises OSError."""
    os.fsync(file)
    if folder is not None and sys.platform != "win32":
        entries = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entries)
        finally:
            os.close(entries)


def size(path: Path) -> int:
    """A file's size, bytes; 0 where another process has removed it meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def close(file: int) -> None:
    """Close, whatever the disk says."""
    with contextlib.suppress(OSError):
        os.close(file)


class Lock:
    """A locked file: at most one process, and in it one `Lock`, holds it; the system frees it when that dies."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file

    @staticmethod
    def take(path: Path, *, make: bool) -> Lock | None:
        """The lock, or None where another holds it or the file is gone. Raises OSError."""
        name = str(path)
        if _held.get(name) == os.getpid():
            return None
        try:
            file = reopen(path, make=make)
        except FileNotFoundError:
            return None
        try:
            if not _lock(file) or not _is(file, path):
                close(file)
                return None
        except OSError:
            close(file)
            raise
        _held[name] = os.getpid()
        return Lock(path, file)

    def release(self, *, remove: bool) -> None:
        """Let it go; with `remove` the file too."""
        if remove and sys.platform != "win32":
            with contextlib.suppress(OSError):
                self.path.unlink()
        _held.pop(str(self.path), None)
        _unlock(self._file)
        close(self._file)
        if remove and sys.platform == "win32":  # a file that is open cannot be removed there
            with contextlib.suppress(OSError):
                self.path.unlink()

    def forget(self) -> None:
        """In the child of a fork: the lock is the parent's, which goes on holding it."""
        close(self._file)


if sys.platform == "win32":

    def _lock(file: int) -> bool:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        # Closing would do it too, but Windows says not when: the next process might come before.
        with contextlib.suppress(OSError):
            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def _is(file: int, path: Path) -> bool:  # noqa: ARG001 — it cannot be removed while it is open
        return True

else:

    def _lock(file: int) -> bool:
        try:
            # Not lockf: that is lost as soon as any copy of the file is closed, in the child of a fork too.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: int) -> None:
        """Closing does it, at once."""

    def _is(file: int, path: Path) -> bool:
        """Whether the name still belongs to this file: who held it before may have removed it."""
        try:
            named = path.stat()
        except FileNotFoundError:
            return False
        opened = os.fstat(file)
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
