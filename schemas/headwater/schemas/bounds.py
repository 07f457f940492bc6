"""How long the texts of an event may be that other messages copy: identities, kinds, what says how a column was made.

An edge set names each edge with its ends, its run and its job, so one change copies up to nineteen texts of several
events. With 8 KB for each of them they are 152 KB: an edge set stays below 256 KB whatever it is made of. Without a
bound, events that are small enough each would make a message that no topic takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headwater.errors import ContractError

#: Largest such text, in bytes of UTF-8.
LARGEST_NAME: Final = 8 * 1024
#: Largest key of an event: two names, as `topics.dataset_key` joins them.
LARGEST_KEY: Final = 2 * LARGEST_NAME + 1

_IDENTITY: Final = ("namespace", "name", "version")
_DATASET: Final = (*_IDENTITY, "version_origin", "kind")
_ROW: Final = (*_IDENTITY, "column", "target_column", "transformation", "subtype", "description", "captured")
#: The texts of a run event that are bounded, as the codec names them; [] stands for each item of a list.
BOUNDED: Final = (
    "run.state",
    *(f"run.{other}.{name}" for other in ("parent", "root") for name in ("job_namespace", "job_name")),
    "run.links[].topic",
    "job.namespace",
    "job.name",
    *(f"inputs[].{name}" for name in _DATASET),
    *(f"outputs[].{name}" for name in _DATASET),
    *(f"outputs[].edges[].{name}" for name in _IDENTITY),
    *(f"outputs[].column_lineage[].{name}" for name in _ROW),
)


def too_long(event: Mapping[str, Any]) -> str | None:
    """Which text of a run event in its plain form is too long, and how long it is; None where none is."""
    for path in BOUNDED:
        for place, text in _texts(event, path.split("."), ""):
            size = size_of(text)
            if size > LARGEST_NAME:
                return f"{place} has {size:,} bytes, at most {LARGEST_NAME:,} are taken"
    return None


def taken(what: str, text: str) -> str:
    """The text itself. Raises ContractError where it is too long; `what` names it."""
    # A sign takes at most four bytes.
    if len(text) > LARGEST_NAME // 4 and (size := size_of(text)) > LARGEST_NAME:
        raise ContractError(f"{what} has {size:,} bytes, at most {LARGEST_NAME:,} are taken")
    return text


def size_of(text: str) -> int:
    """Bytes of a text; what UTF-8 cannot hold counts as the sign that is written for it."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _texts(value: Any, path: list[str], place: str) -> Iterator[tuple[str, str]]:
    """The texts at a path, each with its place."""
    if value is None:
        return
    if not path:
        yield place, value
        return
    name = path[0].removesuffix("[]")
    # A field that is left out has its default, which is short.
    found = value.get(name)
    place = f"{place}.{name}" if place else name
    if name == path[0]:
        yield from _texts(found, path[1:], place)
        return
    for number, item in enumerate(found or ()):
        yield from _texts(item, path[1:], f"{place}[{number}]")
