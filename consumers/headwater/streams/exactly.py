"""What compiled code found amiss with a run event, said exactly by a look at the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies
from headwater.schemas.records import Schema


def details(
    schema: Schema, bodies: Bodies, places: Iterable[int], said: Callable[[Mapping[str, Any]], str | None]
) -> dict[int, str]:
    """By place, what `said` says of the event there; places of which it says nothing are left out."""
    found = ((place, _detail(schema, bodies[place], said)) for place in places)
    return {place: detail for place, detail in found if detail is not None}


def _detail(schema: Schema, body: bytes, said: Callable[[Mapping[str, Any]], str | None]) -> str | None:
    reader = records.current("run_event")
    try:
        return said(plain.decode(schema, body, None if schema == reader else reader))
    except (ContractError, InvalidMessage):
        return None  # A schema that no reader takes is told by whoever reads by it.
