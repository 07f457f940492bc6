"""Events of a body: parsed, translated, or refused with a reason and a place."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

from msgspec import MsgspecError

from headwater.errors import InvalidMessage
from headwater.gateway.answers import Refusal
from headwater.openlineage import Message, encoded
from headwater.openlineage.parsing import parsed as parsed_json
from headwater.openlineage.taken import Taken, joined, objects
from headwater.openlineage.texts import known

#: This gateway's life, as the producer of what it sends.
_SENDER: Final = uuid.uuid4().bytes


def parsed(body: bytes) -> Any:
    """A body's JSON. Raises Refusal (400)."""
    try:
        return parsed_json(body)
    except InvalidMessage as error:
        raise Refusal(400, f"the body is {error.detail}") from None


def single(body: bytes) -> list[Message]:
    """The messages of a body that is one event. Raises Refusal (400, 422)."""
    if (found := known(body, now_us=_now_us(), sender=_SENDER)) is not None:
        return found
    event = parsed(body)
    if isinstance(event, list):
        raise Refusal(422, "the body is a list: POST it to /api/v1/lineage/batch")
    try:
        return _messages(event)
    except InvalidMessage as error:
        raise Refusal(422, error.detail, reason=error.reason) from None


class Parsed(NamedTuple):
    """An event of a body that was parsed whole."""

    event: Any


def events(body: bytes) -> Sequence[Taken | Parsed]:
    """The events of a body that is a list of them, for `one`. Raises Refusal (400, 422)."""
    try:
        return objects(body)
    except (MsgspecError, RecursionError, ValueError):
        found = parsed(body)
    if not isinstance(found, list):
        raise Refusal(422, "the body is no list of events: POST a single one to /api/v1/lineage")
    return [Parsed(event) for event in cast("Iterable[Any]", found)]


def one(event: Taken | Parsed, body: bytes) -> list[Message]:
    """The messages of an event of this body. Raises InvalidMessage; Refusal (400) where the body is no JSON in it."""
    if isinstance(event, Parsed):
        return _messages(event.event)
    found = known(event, now_us=_now_us(), sender=_SENDER)
    if found is None:
        try:
            value = parsed_json(joined(event))
        except InvalidMessage:
            parsed(body)
            raise
        found = _messages(value)
    return found


def _messages(event: Any) -> list[Message]:
    return encoded(event, now_us=_now_us(), sender=_SENDER)


def _now_us() -> int:
    return time.time_ns() // 1000
