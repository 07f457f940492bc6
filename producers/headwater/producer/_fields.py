"""What can be said when a run is made."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from headwater.producer import _ids
from headwater.producer._core import now_us
from headwater.producer.handles import Dataset
from headwater.producer.reference import RunReference
from headwater.schemas.nil import NIL

if TYPE_CHECKING:
    from headwater.producer._saying import Saying


class RunFields(TypedDict, total=False):
    """What can be said when a run is made; `Producer.run` explains each."""

    inputs: Iterable[Dataset]
    outputs: Iterable[Dataset]
    parameters: Mapping[str, object]
    nominal: tuple[int, int] | None
    actor: str | None
    purpose: str | None
    parent: RunReference | Saying | None
    run_id: bytes | uuid.UUID | None
    clock: Callable[[], int] | None
    facets: Mapping[str, object]
    environment: Mapping[str, object]
    links: Sequence[Mapping[str, Any]]
    trace_id: bytes | None
    span_id: bytes | None


def given_or_new_id(given: bytes | uuid.UUID | None) -> bytes:
    """The given id, or a new one where none of use was given: no run may be lost to a bad id, such as the nil UUID."""
    if isinstance(given, uuid.UUID):
        given = given.bytes
    if isinstance(given, bytes) and len(given) == len(NIL) and given != NIL:
        return given
    return _ids.uuid7(now_us())
