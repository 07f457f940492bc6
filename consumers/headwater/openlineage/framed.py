"""Translated records as messages: framed, keyed as producers key theirs, cut into parts where they are large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from headwater.errors import ContractError, InvalidMessage
from headwater.openlineage.translation import Translated
from headwater.schemas import plain, reasons, records
from headwater.schemas.bounds import LARGEST_NAME, too_long
from headwater.schemas.topics import MAX_MESSAGE_BYTES, PROFILES, RUNS, VERDICTS, Topic, dataset_key

#: Largest run event before it is cut: half of what a topic takes, less room for what parts share.
LARGEST: Final = MAX_MESSAGE_BYTES // 2 - 64 * 1024
#: Largest part of a profile (at most 256 KB), and columns that surely fit one.
_LARGEST_PROFILE: Final = 240 * 1024
_COLUMNS: Final = 150
#: Rows of column lineage or edges in one piece of an output.
_ROWS: Final = 500


class Message(NamedTuple):
    """One message. `value` is in single-object encoding."""

    topic: Topic
    key: bytes
    value: bytes


def messages(translated: Translated) -> Iterator[Message]:
    """The messages of one event.

    Raises InvalidMessage (too_large, too_long, or invalid_value for what no field can hold).
    """
    for value in _parts(translated.run_event):
        yield Message(RUNS, translated.key, value)
    yield from of_quality(translated)


def of_quality(translated: Translated) -> Iterator[Message]:
    """Those of its profiles and verdicts. Raises InvalidMessage."""
    for profile in translated.profiles:
        for value in _profile_parts(profile):
            yield Message(PROFILES, dataset_key(profile["namespace"], profile["name"]), value)
    for verdict in translated.verdicts:
        named = ("namespace", "name") if verdict.get("name") else ("job_namespace", "job_name")
        yield Message(VERDICTS, dataset_key(*(verdict[name] for name in named)), _encoded("verdict", verdict))


def _encoded(record: str, value: Mapping[str, Any]) -> bytes:
    try:
        return plain.message(records.current(record), value)
    except ContractError as error:
        raise InvalidMessage(reasons.INVALID_VALUE, str(error)) from error


def _parts(event: dict[str, Any]) -> list[bytes]:
    whole = _encoded("run_event", event)
    # In a shorter one there is no text that is too long.
    if len(whole) > LARGEST_NAME and (detail := too_long(event)) is not None:
        raise InvalidMessage(reasons.TOO_LONG, detail)
    if len(whole) <= LARGEST:
        return [whole]
    run, job = event["run"], event["job"]
    bare = {name: event[name] for name in event if name not in {"inputs", "outputs", "parameters", "error"}}
    bare["run"] = None if run is None else {name: run[name] for name in run if name != "facets"}
    bare["job"] = None if job is None else {name: job[name] for name in ("namespace", "name")}
    bare["environment"] = {}
    parts: list[dict[str, Any]] = []
    room = 0
    for piece, size in _pieces(event, bare):
        if size > LARGEST:
            raise InvalidMessage(reasons.TOO_LARGE, f"{piece[0]} {_called(piece)}: {size} bytes in one piece")
        if size > room:
            parts.append({**bare, "inputs": [], "outputs": [], "parameters": {}, "environment": {}})
            room = LARGEST
        _put(parts[-1], piece)
        room -= size
    # Who has the last part knows how it ended.
    parts[-1]["error"] = event.get("error")
    numbered = [{**part, "part": number, "parts": len(parts)} for number, part in enumerate(parts, 1)]
    return [_encoded("run_event", part) for part in numbered]


_Piece = tuple[str, Any]


def _called(piece: _Piece) -> str:
    value: Any = piece[1]
    return f"{value['namespace']}/{value['name']}" if isinstance(value, dict) else str(value[0])


def _pieces(event: Mapping[str, Any], bare: Mapping[str, Any]) -> Iterator[tuple[_Piece, int]]:
    """All that an event says in pieces, each with its size."""
    if event["job"] is not None:
        rest = {name: of for name, of in event["job"].items() if name != "facets"}
        yield ("job", rest), _size(bare, {"job": rest})
    for field, of in (("run facet", event["run"]), ("job facet", event["job"]), ("environment", event), ("", event)):
        entries = (of or {}).get("facets" if field.endswith("facet") else field or "parameters", {})
        for name, text in entries.items():
            yield (field or "parameters", (name, text)), len(name.encode()) + len(text.encode()) + 16
    for field in ("inputs", "outputs"):
        for dataset in event[field]:
            for piece in _of_dataset(dataset, _size(bare, {"outputs": [dataset]})):
                yield (field, piece), _size(bare, {"outputs": [piece]})


def _of_dataset(dataset: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    if size <= LARGEST:
        yield dataset
        return
    names = ("namespace", "name", "version", "version_origin", "kind")
    identity = {name: dataset[name] for name in names if name in dataset}
    yield {**dataset, "column_lineage": [], "edges": [], "edges_complete": False, "facets": {}}
    for field in ("column_lineage", "edges"):
        rows = dataset.get(field, [])
        for start in range(0, len(rows), _ROWS):
            yield {**identity, field: rows[start : start + _ROWS]}
    if dataset.get("edges_complete"):
        yield {**identity, "edges_complete": True}
    for name, text in dataset.get("facets", {}).items():
        yield {**identity, "facets": {name: text}}


def _size(bare: Mapping[str, Any], said: Mapping[str, Any]) -> int:
    return len(_encoded("run_event", {**bare, **said}))


def _put(part: dict[str, Any], piece: _Piece) -> None:
    field, value = piece
    match field:
        case "inputs" | "outputs":
            part[field].append(value)
        case "job":
            part["job"] = {**value, **{name: of for name, of in part["job"].items() if name == "facets"}}
        case "run facet":
            part["run"] = {**part["run"], "facets": {**part["run"].get("facets", {}), value[0]: value[1]}}
        case "job facet":
            part["job"] = {**part["job"], "facets": {**part["job"].get("facets", {}), value[0]: value[1]}}
        case _:
            part[field] = {**part[field], value[0]: value[1]}


def _profile_parts(profile: dict[str, Any]) -> list[bytes]:
    whole = _encoded("profile", profile)
    if len(whole) <= _LARGEST_PROFILE:
        return [whole]
    columns = profile["columns"]
    starts = range(0, max(1, len(columns)), _COLUMNS)
    parts = [
        _encoded(
            "profile",
            {
                **profile,
                "columns": columns[start : start + _COLUMNS],
                "facets": profile["facets"] if number == 1 else {},
                "part": number,
                "parts": len(starts),
            },
        )
        for number, start in enumerate(starts, 1)
    ]
    largest = max(map(len, parts))
    if largest > MAX_MESSAGE_BYTES - 1024:
        raise InvalidMessage(reasons.TOO_LARGE, f"a profile of {len(columns)} columns: {largest} bytes in one part")
    return parts
