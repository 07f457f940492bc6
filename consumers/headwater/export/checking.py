"""An export against its manifest: every file there, unaltered, with as many rows as it says; nothing beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headwater.errors import StateError
from headwater.export.footer import parquet_rows
from headwater.export.manifest import NAME, File, Manifest, digest_of, read


@dataclass(frozen=True)
class Checked:
    """`findings`: a line each; empty where all is as it was exported. `digest`: SHA-256 of the manifest's file."""

    manifest: Manifest
    digest: str
    findings: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check(folder: Path, digest: str | None = None) -> Checked:
    """Check a folder. `digest`: what the manifest's SHA-256 must be, where somebody kept it.

    Raises StateError where the folder holds no export.
    """
    manifest, found = read(folder)
    findings: list[str] = []
    if digest is not None and digest.lower() != found:
        findings.append(f"altered: {NAME}: its SHA-256 is {found}")
    for file in manifest.files:
        findings += _of_file(folder, file)
    known = {file.name for file in manifest.files} | {NAME}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    findings += [f"added: {name}: the manifest does not know it" for name in sorted(there - known)]
    return Checked(manifest, found, tuple(findings))


def _of_file(folder: Path, file: File) -> list[str]:
    path = folder / file.name
    if path.parent != folder:
        return [f"altered: {NAME}: {file.name!r} is no file of the folder"]
    if not path.is_file():
        return [f"missing: {file.name}"]
    size = path.stat().st_size
    if size != file.bytes:
        return [f"altered: {file.name}: it has {size:,} bytes and had {file.bytes:,}"]
    if digest_of(path) != file.sha256:
        return [f"altered: {file.name}: its bytes are not those that were exported"]
    if file.rows is not None and (rows := rows_of(path)) != file.rows:
        return [f"altered: {NAME}: {file.name} has {rows:,} rows, not {file.rows:,}"]
    return []


def rows_of(path: Path) -> int:
    """The rows of a table's file. Raises StateError where it is no Parquet file and no lines of JSON."""
    if path.suffix == ".parquet":
        return parquet_rows(path)
    if path.suffix != ".ndjson":
        raise StateError(f"{path} is no table")
    rows = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            rows += piece.count(b"\n")
    return rows
