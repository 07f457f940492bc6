"""API keys: made at random, shown once, kept as SHA-256 in a file, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from headwater.errors import NotFound, StateError

#: What a key begins with, so that scanners for secrets know it.
PREFIX: Final = "hwk_"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: How often the file is looked at: a key that was taken back is refused after so long, seconds.
_LOOK_SECONDS: Final = 1.0


class Key(NamedTuple):
    """One key as the file has it: a line with its name, SHA-256 in hexadecimal and when it was made."""

    name: str
    digest: bytes
    made: str


def digest(key: str) -> bytes:
    """SHA-256 of a key. Keys are 256 random bits: nothing is gained by a slow hash."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def read(path: Path) -> list[Key]:
    """The keys of a file; none where it is not there. Raises StateError where it is damaged or cannot be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{path} cannot be read: {error}") from error
    found: list[Key] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, hexadecimal, made = line.split()
            found.append(Key(name, bytes.fromhex(hexadecimal), made))
        except ValueError:
            raise StateError(f"{path}, line {number}: not a name, a SHA-256 and a time") from None
    return found


def add(path: Path, name: str) -> str:
    """A new key, which is nowhere kept. Raises StateError for a name that is taken or is none."""
    if not _NAME.fullmatch(name):
        raise StateError(f"{name!r} names no key: letters, digits, dot, underscore and hyphen, at most 64")
    keys = read(path)
    if any(one.name == name for one in keys):
        raise StateError(f"{path} has a key {name}; take it back first, or give another name")
    key = PREFIX + secrets.token_urlsafe(32)
    _write(path, [*keys, Key(name, digest(key), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))])
    return key


def remove(path: Path, name: str) -> None:
    """Take a key back. Raises NotFound."""
    keys = read(path)
    left = [one for one in keys if one.name != name]
    if len(left) == len(keys):
        raise NotFound(f"{path} has no key {name}")
    _write(path, left)


def _write(path: Path, keys: list[Key]) -> None:
    text = "".join(f"{one.name} {one.digest.hex()} {one.made}\n" for one in keys)
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error}") from error


class Keys:
    """The keys of a file, read again when it changes."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises StateError."""
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._stamp = self._now()
        self._keys = read(path)

    def _now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def __len__(self) -> int:
        """Keys that were in the file when it was read last."""
        return len(self._keys)

    def name(self, key: str) -> str | None:
        """Whose key it is; None where it is nobody's. All are compared, whichever fits."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._look()
        given, found = digest(key), None
        for one in self._keys:
            if hmac.compare_digest(one.digest, given):
                found = one.name
        return found

    def _look(self) -> None:
        self._looked = self._clock()
        stamp = self._now()
        if stamp != self._stamp:
            try:
                self._keys = read(self._path)
            except StateError:
                self._keys = []  # nobody, rather than those of before
            self._stamp = stamp
