"""The folder of the embedded stack: private to its user, and held by one stack at a time."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headwater.errors import StateError
from headwater.settings import Settings

#: The store's user who may write; everyone else is a reader.
WRITER = "headwater"


@dataclass(frozen=True)
class Home:
    """Where the stack keeps what. `open_home` makes the folders."""

    path: Path

    @property
    def data(self) -> Path:
        """The engine's own folder."""
        return self.path / "store"

    @property
    def spool(self) -> Path:
        """Data of inserts on their way into the engine."""
        return self.path / "spool"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """What runs now: one JSON file a process."""
        return self.path / "run"

    @property
    def password_file(self) -> Path:
        return self.path / "store-password"

    def writer_password(self) -> str:
        """The password of the store's writer, made at the first call. Raises StateError where it cannot be read."""
        try:
            descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self._read_password()
        except OSError as error:
            raise StateError(f"cannot write {self.password_file}: {error.strerror}") from error
        with os.fdopen(descriptor, "w") as file:
            password = secrets.token_urlsafe(24)
            file.write(password + "\n")
        return password

    def _read_password(self) -> str:
        try:
            mode = stat.S_IMODE(self.password_file.stat().st_mode)
            password = self.password_file.read_text("utf-8").strip()
        except OSError as error:
            raise StateError(f"cannot read {self.password_file}: {error.strerror}") from error
        if mode & 0o077:
            raise StateError(f"{self.password_file} can be read by others: chmod 600 {self.password_file}")
        if not password:
            raise StateError(f"{self.password_file} is empty: remove it, the next start makes a new password")
        return password

    def state(self, name: str) -> Mapping[str, Any] | None:
        """What `run/<name>.json` says, None where there is no such file or it is half written."""
        try:
            content = json.loads((self.run / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return cast("Mapping[str, Any]", content) if isinstance(content, dict) else None

    def write_state(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace `run/<name>.json` in one step."""
        write_private(self.run / f"{name}.json", json.dumps(content, indent=2) + "\n")

    def forget_state(self, name: str) -> None:
        (self.run / f"{name}.json").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def home_path(settings: Settings) -> Path:
    """The folder that the settings name."""
    if settings.home:
        return Path(settings.home).expanduser().absolute()
    shared = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(shared).expanduser().absolute() / "headwater"


def open_home(path: Path) -> Home:
    """Make the folders where they are missing, all private to the user.

    Raises StateError where the folder is another user's, cannot be written, or its name is one that
    the engine cannot open.
    """
    if any(character in str(path) for character in "?#%&\n"):
        raise StateError(
            f"the engine cannot open a folder with one of ? # % & in its name: {path}; choose another --home"
        )
    home = Home(path)
    try:
        for folder in (path, home.data, home.spool, home.logs, home.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_uid != os.getuid():
            raise StateError(f"{path} belongs to another user; choose another --home")
        path.chmod(0o700)
    except NotADirectoryError as error:
        raise StateError(f"{error.filename} is not a folder; choose another --home") from error
    except FileExistsError as error:
        raise StateError(f"{error.filename} is a file, not a folder; choose another --home") from error
    except OSError as error:
        raise StateError(
            f"cannot use {error.filename or path} as home: {error.strerror}; choose another --home"
        ) from error
    return home


@contextmanager
def hold(home: Home, part: str) -> Generator[None]:
    """Hold one part (stack, store) of the folder for this process; the kernel lets go when it ends, however it ends.

    Raises StateError where another process holds it.
    """
    import fcntl  # noqa: PLC0415 — Windows has none, and the command line must load there

    path = home.path / f".{part}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "another process"
            raise StateError(
                f"the {part} in {home.path} runs already (pid {holder}): `headwater status` shows it; "
                "stop it, or start with another --home"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
