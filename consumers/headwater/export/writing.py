"""Writes an export: each table in Parquet and in JSON lines, the walks as JSON and as a picture, and the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from headwater.audit.model import show_time
from headwater.audit.picture import picture
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import SettingsError, StateError, Unavailable
from headwater.export.checking import rows_of
from headwater.export.columns import Column, Written, written
from headwater.export.gaps import gaps
from headwater.export.manifest import NAME, File, Held, Manifest
from headwater.export.scope import Scope, Wanted, scope
from headwater.export.tables import TABLES, Table
from headwater.ledger import checkpoints

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "parquet": ("Parquet", "output_format_parquet_string_as_string = 1"),
    "ndjson": (
        "JSONEachRow",
        (
            "date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0, "
            "output_format_json_quote_denormals = 1"
        ),
    ),
}
_TRIES: Final = 3
_PIECE: Final = 1 << 20
_PRIVATE: Final = 0o700

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """An export that was written. `digest`: SHA-256 of its manifest, worth keeping elsewhere."""

    folder: Path
    manifest: Manifest
    digest: str


def export(
    client: Client,
    wanted: Wanted,
    folder: Path,
    *,
    formats: Sequence[str] = ("parquet", "ndjson"),
    progress: Progress = lambda _table: None,
) -> Exported:
    """Write everything about what is wanted into a folder that is new or empty.

    formats: of the tables. progress: called with the name of each table before it is written. The manifest is written
    last. Raises NotFound for what is not there, SettingsError for a folder that is not empty, as
    `headwater.audit.rows.select` else.
    """
    if unknown := sorted(set(formats) - FORMATS.keys()) or (["no format"] if not formats else []):
        raise SettingsError(f"{unknown[0]}: an export has the formats {', '.join(FORMATS)}")
    found = scope(client, wanted)
    _open(folder)
    files: list[File] = []
    held: list[Held] = []
    columns = _columns(client, found)
    for table in TABLES:
        progress(table.name)
        ways = {column.name: written(column, table.bytes) for column in columns[table.view]}
        made = _table(client, found, table, ways, folder, formats)
        files += made
        types = {name: way.type for name, way in ways.items()}
        held.append(Held(table.name, table.what, made[0].rows or 0, tuple(file.name for file in made), types))
    files += _documents(found, folder)
    kept = checkpoints.last(client)
    manifest = Manifest(
        scope=_said(found, wanted),
        made=show_time(datetime.now(UTC)),
        at=_shown(found.clocks.at),
        known_at=_shown(found.clocks.known_at),
        database=client.database or "",
        truncated=bool(found.cut),
        reasons=found.cut,
        gaps=gaps(client, found),
        tables=held,
        files=files,
        checkpoint=None if kept is None else {"made": show_time(kept.made), "digest": kept.digest},
    )
    (folder / NAME).write_text(manifest.text(), "utf-8")
    return Exported(folder, manifest, manifest.digest)


def _open(folder: Path) -> None:
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsError(f"{folder} is not empty; an export wants a folder of its own")
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error}") from None


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else show_time(moment)


def _said(found: Scope, wanted: Wanted) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": found.kind, "about": found.about}
    if found.kind == "time":
        return {**said, "since": _shown(found.since), "until": _shown(found.until)}
    walked = {"depth": wanted.depth, "budget": wanted.budget} if found.kind == "node" else {}
    return {**said, **walked, "nodes": len(found.keys), "runs": len(found.runs)}


def _table(
    client: Client, found: Scope, table: Table, ways: Mapping[str, Written], folder: Path, formats: Sequence[str]
) -> list[File]:
    # One name for the rows of the view, another for what is written: else an alias would hide a column in the order.
    chosen = ", ".join(f"{way.sql} AS `{name}`" for name, way in ways.items())
    order = ", ".join(f"s.`{name.strip()}`" for name in table.order.split(","))
    inner = f"SELECT * FROM ({table.statement(found)}) AS s ORDER BY {order}"
    for _ in range(_TRIES):
        made: list[File] = []
        for name in formats:
            form, settings = FORMATS[name]
            sql = f"SELECT {chosen} FROM ({inner}) SETTINGS {settings}"
            made.append(_fetch(client, sql, found, form, folder / f"{table.name}.{name}"))
        # The history may have taken in a message, between the two, whose arrival lies before `known_at`.
        if len({file.rows for file in made}) == 1:
            return made
    raise StateError(f"{table.name} grew while it was exported, {_TRIES} times; choose an earlier --known-at")


def _columns(client: Client, found: Scope) -> dict[str, list[Column]]:
    """The columns of each table; from the views as of now, which parameterised ones equal."""
    columns: dict[str, list[Column]] = {}
    for row in select(
        client,
        "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() "
        "AND table IN {views:Array(String)} ORDER BY table, position",
        {"views": [table.view for table in TABLES]},
    ):
        columns.setdefault(row["table"], []).append(Column(row["name"], row["type"]))
    for table in TABLES:
        if table.name not in columns or table.name == "nodes":
            bare = replace(found, keys=(), datasets=(), runs=())
            sql = f"SELECT * FROM ({table.statement(bare)}) LIMIT 0"
            head = client.raw_query(sql, parameters=found.values(), fmt="TSVWithNamesAndTypes").decode()
            names, types = (line.split("\t") for line in head.split("\n")[:2])
            columns[table.view] = [Column(*one) for one in zip(names, types, strict=True)]
    return columns


def _fetch(client: Client, sql: str, found: Scope, form: str, path: Path) -> File:
    hashing, size = sha256(), 0
    stream = client.raw_stream(sql, parameters=found.values(), fmt=form)
    try:
        with path.open("wb") as file:
            while piece := stream.read(_PIECE):
                file.write(piece)
                hashing.update(piece)
                size += len(piece)
    except OSError as error:
        raise Unavailable(f"{path} could not be written: {error}") from error
    finally:
        stream.close()
    return File(path.name, size, hashing.hexdigest(), rows_of(path))


def _documents(found: Scope, folder: Path) -> list[File]:
    documents = {f"walk-{one.direction}.json": json.dumps(one.as_dict(), indent=1) + "\n" for one in found.walks}
    if found.walks:
        drawn = picture(found.walks, title=f"Lineage of {found.about}", clocks=found.clocks)
        documents["lineage.html"] = drawn.html
    made: list[File] = []
    for name, text in documents.items():
        raw = text.encode()
        (folder / name).write_bytes(raw)
        made.append(File(name, len(raw), sha256(raw).hexdigest()))
    return made
