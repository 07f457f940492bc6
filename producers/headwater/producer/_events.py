"""Run events, put together from ready bytes, and cut into parts where one message would be too large."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from headwater.producer import _avro, _json
from headwater.schemas import bounds, encoding, topics
from headwater.secrets import recordable

_ENCODERS: Final = _avro.encoders("run_event")
_TYPES: Final = _ENCODERS.types
_RUN: Final = _TYPES["Run"]
_RUN_ID: Final = _RUN.field("run_id")
_NOMINAL: Final = _RUN.field("nominal_start")
_TRACE_ID: Final = _RUN.field("trace_id")
_SPAN_ID: Final = _RUN.field("span_id")
_LINKS: Final = _RUN.field("links")

#: Largest event before it is split: half of what a topic takes, less room for what parts share.
LARGEST: Final = topics.MAX_MESSAGE_BYTES // 2 - 64 * 1024
#: Largest parameter, facet or other text of one entry; a longer one is replaced by its length and digest.
LARGEST_TEXT: Final = 64 * 1024

RUN: Final = _avro.string("run")
JOB: Final = _avro.string("job")
DATASET: Final = _avro.string("dataset")
#: The fields `resources` and `error` of an event that has neither.
NOTHING_ONCE: Final = 2 * encoding.NULL
#: The fields `part` and `parts` of an event that is whole.
ONLY_PART: Final = encoding.long(1) + encoding.long(1)


class Entries(NamedTuple):
    """Entries of an array or map that stay the same from event to event, and their bytes together."""

    entries: Sequence[bytes]
    block: bytes

    @classmethod
    def of(cls, entries: Sequence[bytes]) -> Entries:
        """From the entries."""
        return cls(entries, encoding.block(entries))


#: Texts of column lineage that are refused where they are too long; a description is shortened.
_NAMES_OF_LINEAGE: Final = ("column", "target_column", "transformation", "subtype", "captured")
NO_ENTRIES: Final = Entries.of(())


class Said(NamedTuple):
    """What one event says, each entry encoded: the lists by which an event can be split, and what is said once."""

    inputs: Sequence[bytes] = ()
    outputs: Sequence[bytes] = ()
    parameters: Sequence[bytes] = ()
    environment: Sequence[bytes] = ()
    metrics: Sequence[bytes] = ()
    once: bytes = NOTHING_ONCE

    def parts(self) -> list[bytes]:
        """The bytes from `inputs` to the record's end: whole, or where it is too long in pieces."""
        whole = b"".join((*map(encoding.block, self[:-1]), self.once))
        if len(whole) <= LARGEST:
            return [whole]
        parts: list[tuple[list[bytes], ...]] = [([], [], [], [], [])]
        room = LARGEST - len(self.once)
        for number, entries in enumerate(self[:-1]):
            for entry in entries:
                if len(entry) > room and any(parts[-1]):
                    parts.append(([], [], [], [], []))
                    room = LARGEST - len(self.once)
                parts[-1][number].append(entry)
                room -= len(entry)
        # What is said once stands in the last part: who has that knows how it ended.
        ends = [NOTHING_ONCE] * (len(parts) - 1) + [self.once]
        return [b"".join((*map(encoding.block, part), end)) for part, end in zip(parts, ends, strict=True)]


def part_numbers(part: int, parts: int) -> bytes:
    """The fields `part` and `parts`."""
    return encoding.long(part) + encoding.long(parts)


def entries(values: Mapping[str, Any]) -> list[bytes]:
    """Parameters or environment as entries of a map: without secrets, texts cut."""
    return [_avro.string(name) + _avro.string(shortened(_json.text(value))) for name, value in recordable(values)]


def facets(values: Mapping[str, object]) -> bytes:
    """Facets as a map."""
    return encoding.block(entries(values))


def shortened(text: str, most: int = LARGEST_TEXT) -> str:
    """The text, or where it is too long a JSON object with its length and digest."""
    if len(text) <= most // 4 or len(encoded := text.encode("utf-8", "replace")) <= most:
        return text
    return _json.text({"cut": len(encoded), "digest": "sha256:" + hashlib.sha256(encoded).hexdigest()})


def metric(name: str, value: float, step: int | None, split: str | None, about: bytes | None) -> bytes:
    """One metric; `about` is a dataset's reference."""
    return b"".join(
        (
            _avro.string(name),
            encoding.double(value),
            encoding.NULL if step is None else encoding.PRESENT + encoding.long(step),
            _avro.optional(split),
            encoding.NULL if about is None else encoding.PRESENT + about,
        )
    )


def error(kind: str, message: str, stack_trace: str | None) -> bytes:
    """Why a run failed; cut as the contract says."""
    return encoding.PRESENT + _TYPES["Error"].encode(
        {
            "type": kind,
            "message": _cut(message, 4 * 1024),
            "stack_trace": None if stack_trace is None else _cut(stack_trace, 16 * 1024),
            "language": "python",
        }
    )


def _cut(text: str, limit: int) -> str:
    """The end of a stack trace says most, the beginning of a message does; the middle goes."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    half = limit // 2 - 8
    return encoded[:half].decode("utf-8", "ignore") + " […] " + encoded[-half:].decode("utf-8", "ignore")


def resources(values: Mapping[str, Any]) -> bytes:
    """What a run used."""
    return encoding.PRESENT + _TYPES["Resources"].encode(values)


def run_reference(run_id: bytes, job_namespace: str, job_name: str) -> bytes:
    """A run named from another. Raises ContractError for an id that is not of 16 bytes."""
    return _RUN_ID(run_id) + _avro.string(job_namespace) + _avro.string(job_name)


STATES: Final = {state: _avro.string(state) for state in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")}


def run_rest(
    parent: bytes | None,
    root: bytes | None,
    nominal: tuple[int, int] | None,
    trace_id: bytes | None,
    span_id: bytes | None,
    links: Sequence[Mapping[str, Any]],
) -> bytes:
    """The fields of a run after its state, without the facets, which come last and may grow."""
    return b"".join(
        (
            encoding.NULL if parent is None else encoding.PRESENT + parent,
            encoding.NULL if root is None else encoding.PRESENT + root,
            encoding.NULL + encoding.NULL if nominal is None else _NOMINAL(nominal[0]) + _NOMINAL(nominal[1]),
            _TRACE_ID(trace_id),
            _SPAN_ID(span_id),
            _LINKS(links) if links else encoding.EMPTY,
        )
    )


#: What `run_rest` makes of a run without any of that.
BARE_REST: Final = run_rest(None, None, None, None, None, ())


def column_lineage(values: Mapping[str, Any]) -> bytes:
    """One entry of an output's column lineage. Raises ContractError for a name that is too long."""
    for name in _NAMES_OF_LINEAGE:
        if type(text := values.get(name)) is str:
            bounds.taken(f"{name} of column lineage", text)
    description = values.get("description")
    if type(description) is str:
        values = {**values, "description": shortened(description, bounds.LARGEST_NAME)}
    return _TYPES["ColumnLineage"].encode(values)


def chunks(items: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    """A list of entries in pieces that fit a message, each at most half of it so that other things fit too."""
    start = room = 0
    for number, item in enumerate(items):
        if len(item) > room and number > start:
            yield items[start:number]
            start, room = number, 0
        if number == start:
            room = LARGEST // 2
        room -= len(item)
    if start < len(items):
        yield items[start:]
