"""Events of a body: parsed, translated, or refused with a reason and a place."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable
from typing import Any, Final, cast

import orjson

from headwater.errors import InvalidMessage
from headwater.gateway.answers import Refusal
from headwater.openlineage import Message, messages, translate

#: This gateway's life, as the producer of what it sends.
_SENDER: Final = uuid.uuid4().bytes
#: orjson makes inexact numbers of whole ones beyond 64 bits: those few bodies go the slower way.
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")


def parsed(body: bytes) -> Any:
    """A body's JSON. What Python's clients write and JSON has not (NaN) is read too. Raises Refusal (400)."""
    try:
        if _LONG_NUMBER.search(body) is None:
            return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except RecursionError:
        raise Refusal(400, "the body is nested too deep") from None
    except ValueError as error:  # also UnicodeDecodeError, and numbers of thousands of digits
        raise Refusal(400, f"the body is no JSON: {error}") from None


def one(event: Any) -> list[Message]:
    """The messages of an event. Raises InvalidMessage."""
    return list(messages(translate(event, now_us=time.time_ns() // 1000, sender=_SENDER)))


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
