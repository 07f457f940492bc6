"""What is answered: status, headers and a JSON body, and which of them make a client ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

JSON: Final = "application/json"
#: Seconds after which a client may ask again.
RETRY_AFTER: Final = 1


class Answer(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = {}


def said(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, orjson.dumps(value), JSON, headers or {})


class Refusal(Exception):
    """A request that is not taken. What will never be taken is 4xx, what may be is 503: no 429 is ever said, since
    openlineage-python's asynchronous transport asks again after 500, 502, 503 and 504 alone and drops the event else.
    """

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(why)
        self.answer = said(status, {"code": status, "message": why, **more}, headers)

    @staticmethod
    def later(why: str) -> Refusal:
        """503: the same request may be taken in a while. Every official client asks again after it."""
        return Refusal(503, why, {"retry-after": str(RETRY_AFTER)})

    @staticmethod
    def too_large(limit: int | None) -> Refusal:
        """413. Without Retry-After: clients would ask again."""
        bound = "the setting gateway_body_bytes" if limit is None else f"{limit} bytes (the setting gateway_body_bytes)"
        return Refusal(413, f"the body is larger than {bound}", {"connection": "close"})

    @staticmethod
    def slow(seconds: float) -> Refusal:
        """408: the body did not come. No answer makes a slow client faster."""
        return Refusal(408, f"the body was not there within {seconds:g} s", {"connection": "close"})
