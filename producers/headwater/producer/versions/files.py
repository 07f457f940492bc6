"""Digests of files, folders and bytes: their versions where nobody keeps any."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from headwater.producer.versions.said import NoVersion, Said, digested, quiet

#: Tries at a file that changes while it is read.
_TRIES = 2


@quiet
def content(data: bytes | bytearray | memoryview, /) -> Said:
    """The SHA-256 of bytes, as `sha256:<hex>`."""
    return digested("sha256", hashlib.sha256(data).hexdigest(), memoryview(data).nbytes)


@quiet
def file(path: str | os.PathLike[str], /) -> Said:
    """The SHA-256 of a file, as `sha256:<hex>`; read in pieces, some 1 s a GB. None of one that changes meanwhile."""
    digest, size = _digest(Path(path))
    return digested("sha256", digest, size)


@quiet
def folder(path: str | os.PathLike[str], /) -> Said:
    """The digest of a folder with all that is below it, as `sha256-folder:<hex>`.

    It is the SHA-256 of a line for each file, in the order of the bytes of their paths: `<SHA-256>  <path>`, the path
    relative and with slashes. Times, owners and empty folders do not count; a link counts by the path that it holds.
    """
    root = Path(path)
    if not root.is_dir():
        raise NoVersion("it is no folder")
    whole = hashlib.sha256()
    total = 0
    for relative in sorted(_files(root), key=os.fsencode):
        found = root / relative
        if found.is_symlink():
            digest, size = hashlib.sha256(os.fsencode(found.readlink())).hexdigest(), 0
        else:
            digest, size = _digest(found)
        whole.update(digest.encode() + b"  " + os.fsencode(relative) + b"\n")
        total += size
    return digested("sha256-folder", whole.hexdigest(), total)


def _files(root: Path) -> Iterator[str]:
    """Relative paths of files and links below."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(root, onerror=refuse):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        yield from ((here / name).relative_to(root).as_posix() for name in (*files, *links))


def _digest(path: Path) -> tuple[str, int]:
    for _ in range(_TRIES):
        with path.open("rb") as opened:
            before = os.fstat(opened.fileno())
            digest = hashlib.file_digest(opened, "sha256")
            after = os.fstat(opened.fileno())
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return digest.hexdigest(), after.st_size
    raise NoVersion(f"{path.name} changed while it was read")
