"""Runs of the history as OpenLineage events, a JSON text each line, for whatever takes these."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.audit.writers import writer_schemas
from headwater.errors import SettingsError
from headwater.export.scope import Scope, Wanted, scope
from headwater.export.tables import RANGE, USING, filled
from headwater.openlineage import written
from headwater.schemas import plain, records

#: Rows of one statement.
_PAGE: Final = 1000


@dataclass(frozen=True)
class Written:
    """What was written. `unwritable`: events whose time no calendar has. `cut`: why not all of it is there."""

    events: int = 0
    records: int = 0
    unwritable: int = 0
    cut: tuple[str, ...] = ()


def export_openlineage(client: Client, wanted: Wanted, path: Path) -> Written:
    """Write the events of what is wanted in order of event time into a file that is not there yet.

    Raises SettingsError where it is, NotFound for what is not in the history, as `headwater.audit.rows.select` else.
    """
    found = scope(client, wanted)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path} is there already: an export writes a new file") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    done = Written(cut=found.cut)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 — a descriptor, so that nobody else may read it
        for record in _records(client, found):
            try:
                events = list(written(record))
            except OverflowError:
                done = replace(done, unwritable=done.unwritable + 1)
                continue
            file.writelines(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events)
            done = replace(done, records=done.records + 1, events=done.events + len(events))
    return done


def _records(client: Client, found: Scope) -> Iterator[dict[str, Any]]:
    """The run events, those that came in parts put together."""
    reader = records.current("run_event")
    writers = {one.fingerprint: one for one in records.released("run_event")} | writer_schemas(client)
    rows = _rows(client, found)
    for _, some in groupby(rows, itemgetter("event_time", "event_id", "parts")):
        parts: dict[int, dict[str, Any]] = {}
        for row in some:
            writer = writers.get(row["schema_fingerprint"], reader)
            part = plain.decode(writer, base64.b64decode(row["body"]), reader)
            if part["part"] in parts:  # other content under one id: an event of its own
                yield _whole(parts)
                parts = {}
            parts[part["part"]] = part
        yield _whole(parts)


def _rows(client: Client, found: Scope) -> Iterator[dict[str, Any]]:
    """Rows in order, a page at a time."""
    condition = filled(RANGE if found.kind == "time" else f"(run_id IN $runs OR {USING})", found)
    after = ""
    values: dict[str, object] = found.values()
    while True:
        rows = select(
            client,
            "SELECT event_time, toUnixTimestamp64Micro(event_time) AS micros, event_id, part, parts, content_digest, "
            "schema_fingerprint, base64Encode(raw_body) AS body, hex(content_digest) AS digest FROM run_events FINAL "
            f"WHERE {found.clocks.events()} AND {condition}{after} "
            f"ORDER BY micros, event_id, parts, digest, part LIMIT {_PAGE}",
            values,
        )
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1]
        after = (
            " AND (toUnixTimestamp64Micro(event_time), event_id, parts, hex(content_digest), part) > "
            "({micros:Int64}, {event_id:UUID}, {parts:Int64}, {digest:String}, {part:Int64})"
        )
        values = {**values, **{name: last[name] for name in ("micros", "event_id", "parts", "digest", "part")}}


_IDENTITY: Final = itemgetter("namespace", "name", "version")


def _whole(parts: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """Parts put together: lists and maps joined, of the rest what one of them says; each dataset once."""
    ordered = [parts[number] for number in sorted(parts)]
    if len(ordered) == 1:
        return {**ordered[0], "part": 1, "parts": 1}
    whole = dict(ordered[0])
    for part in ordered[1:]:
        whole = _joined(whole, part, but=("inputs", "outputs"))
    for name in ("inputs", "outputs"):
        by_identity: dict[Any, dict[str, Any]] = {}
        for dataset in (one for part in ordered for one in part[name]):
            known = by_identity.get(_IDENTITY(dataset))
            by_identity[_IDENTITY(dataset)] = dataset if known is None else _joined(known, dataset)
        whole[name] = list(by_identity.values())
    return {**whole, "part": 1, "parts": 1}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
    found = dict(one)
    for name, value in other.items():
        known = found.get(name)
        if name in but or value == known:
            continue
        if isinstance(known, list):
            found[name] = [*known, *(of for of in value if of not in known)]
        elif isinstance(known, dict) and isinstance(value, dict):
            found[name] = _joined(known, value)  # pyright: ignore[reportUnknownArgumentType] — a record or a map
        elif known is None or known is False:
            found[name] = value
    return found
