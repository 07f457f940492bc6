"""Events of a body: parsed, translated, or refused with a reason and a place."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any, Final, cast

from headwater.errors import InvalidMessage
from headwater.gateway.answers import Refusal
from headwater.openlineage import Message, encoded
from headwater.openlineage.parsing import parsed as parsed_json

#: This gateway's life, as the producer of what it sends.
_SENDER: Final = uuid.uuid4().bytes


def parsed(body: bytes) -> Any:
    """A body's JSON. Raises Refusal (400)."""
    try:
        return parsed_json(body)
    except InvalidMessage as error:
        raise Refusal(400, f"the body is {error.detail}") from None


def one(event: Any) -> list[Message]:
    """The messages of an event. Raises InvalidMessage."""
    return encoded(event, now_us=time.time_ns() // 1000, sender=_SENDER)


def single(body: bytes) -> list[Message]:
    """The messages of a body that is one event. Raises Refusal (400, 422)."""
    event = parsed(body)
    if isinstance(event, list):
        raise Refusal(422, "the body is a list: POST it to /api/v1/lineage/batch")
    try:
        return one(event)
    except InvalidMessage as error:
        raise Refusal(422, error.detail, reason=error.reason) from None


def events(body: bytes) -> list[Any]:
    """The events of a body that is a list of them. Raises Refusal (400, 422)."""
    found = parsed(body)
    if not isinstance(found, list):
        raise Refusal(422, "the body is no list of events: POST a single one to /api/v1/lineage")
    return list(cast("Iterable[Any]", found))
