"""Runs of the history as OpenLineage events, a JSON text each line, for whatever takes these."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.audit.writers import writer_schemas
from headwater.errors import ContractError, InvalidMessage, SettingsError
from headwater.export.scope import Scope, Wanted, scope
from headwater.export.tables import RANGE, USING, filled
from headwater.openlineage import written
from headwater.schemas import plain, reasons, records

#: Rows of one statement.
_PAGE: Final = 1000


@dataclass(frozen=True)
class Written:
    """What was written. `unwritable`: events whose time no calendar has. `unreadable`: bodies that were left out, by
    why. `cut`: why not all of it is there.
    """

    events: int = 0
    records: int = 0
    unwritable: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])
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
    reading = _Reading(client)
    done = Written(cut=found.cut)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 — a descriptor, so that nobody else may read it
        for record in _records(client, found, reading):
            try:
                events = list(written(record))
            except OverflowError:
                done = replace(done, unwritable=done.unwritable + 1)
                continue
            file.writelines(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events)
            done = replace(done, records=done.records + 1, events=done.events + len(events))
    return replace(done, unreadable=dict(reading.refused))


class _Reading:
    """Bodies by the schemas that wrote them. Read by another one, a body might say something else: it is refused."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = records.current("run_event")
        self._writers = {one.fingerprint: one for one in records.released("run_event")} | writer_schemas(client)
        self._missed: set[int] = set()
        self.refused: Counter[str] = Counter()

    def part(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """One body as this version has it; None where it is refused."""
        fingerprint = int(row["schema_fingerprint"])
        if fingerprint not in self._writers and fingerprint not in self._missed:
            # Archived since this began, with its schema.
            self._writers |= writer_schemas(self._client)
            self._missed |= {fingerprint} - self._writers.keys()
        writer = self._writers.get(fingerprint)
        if writer is None:
            self.refused[f"{reasons.UNKNOWN_SCHEMA}: the history holds none with the fingerprint {fingerprint}"] += 1
            return None
        try:
            return plain.decode(writer, base64.b64decode(row["body"]), self._reader)
        except ContractError as error:
            self.refused[error.reason if isinstance(error, InvalidMessage) else reasons.REFUSED_SCHEMA] += 1
            return None


def _records(client: Client, found: Scope, reading: _Reading) -> Iterator[dict[str, Any]]:
    """The run events, those that came in parts put together; one of which a part cannot be read is left out."""
    for _, some in groupby(_rows(client, found), itemgetter("event_time", "event_id", "parts")):
        parts: dict[int, dict[str, Any] | None] = {}
        for row in some:
            if row["part"] in parts:  # other content under one id: an event of its own
                yield from _whole(parts)
                parts = {}
            parts[row["part"]] = reading.part(row)
        yield from _whole(parts)


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


def _whole(parts: Mapping[int, dict[str, Any] | None]) -> Iterator[dict[str, Any]]:
    """Parts put together, where all can be read: lists and maps joined, of the rest what one of them says; each
    dataset once.
    """
    ordered = [of for _, of in sorted(parts.items()) if of is not None]
    if len(ordered) < len(parts):
        return
    if len(ordered) == 1:
        yield {**ordered[0], "part": 1, "parts": 1}
        return
    whole = dict(ordered[0])
    for part in ordered[1:]:
        whole = _joined(whole, part, but=("inputs", "outputs"))
    for name in ("inputs", "outputs"):
        by_identity: dict[Any, dict[str, Any]] = {}
        for dataset in (one for part in ordered for one in part[name]):
            known = by_identity.get(_IDENTITY(dataset))
            by_identity[_IDENTITY(dataset)] = dataset if known is None else _joined(known, dataset)
        whole[name] = list(by_identity.values())
    yield {**whole, "part": 1, "parts": 1}


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
