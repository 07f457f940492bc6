"""A request's body: read within a time and a size, and unpacked within a size."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from headwater.gateway.answers import Refusal
from headwater.gateway.room import Share

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_GZIP: Final = 16 + zlib.MAX_WBITS


class Gone(Exception):
    """The client is gone before its body was whole: nobody hears an answer."""


async def read(receive: Receive, declared: int | None, limit: int, seconds: float, share: Share) -> bytes:
    """The body as it came. `declared`: its Content-Length, where there is one; `share` holds what there is of it.

    Raises Refusal (413; 408 where it takes longer; 503 where there is no room) and Gone.
    """
    # A length that is told is held from the beginning: who has no room hears so before sending it all. Where none is
    # told, as by OpenLineage's Java client with gzip, the body may be of any size, and is most likely small.
    reserved = declared or 0
    if reserved > limit:
        raise Refusal.too_large(limit)
    share.hold(reserved)
    # Most bodies are there with the first message: no timer for those.
    message = await _within(receive, seconds)
    if not message.get("more_body", False):
        body = _checked(message, limit)
        share.hold(len(body))
        return body
    parts = [_checked(message, limit)]
    length = len(parts[0])
    share.hold(max(reserved, length))
    ends = asyncio.get_running_loop().time() + seconds
    while message.get("more_body", False):
        left = ends - asyncio.get_running_loop().time()
        if left <= 0:
            raise Refusal.slow(seconds)
        message = await _within(receive, left)
        parts.append(_checked(message, limit - length))
        length += len(parts[-1])
        share.hold(max(reserved, length))
    return b"".join(parts)


async def _within(receive: Receive, seconds: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            return await receive()
    except TimeoutError:
        raise Refusal.slow(seconds) from None


def _checked(message: MutableMapping[str, Any], room: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Gone
    part: bytes = message.get("body", b"")
    if len(part) > room:
        raise Refusal.too_large(None)
    return part


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding. Raises Refusal (415 for another than gzip, 400, 413)."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzipped(body, limit)
        case other:
            raise Refusal(415, f"Content-Encoding {other[:40]!r} is not taken; gzip is", {"accept-encoding": "gzip"})


def _gunzipped(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    length = 0
    while body:
        unzip = zlib.decompressobj(_GZIP)
        try:
            part = unzip.decompress(body, limit + 1 - length)
        except zlib.error as error:
            raise Refusal(400, f"the body is no gzip: {error}") from None
        length += len(part)
        if length > limit:
            raise Refusal.too_large(limit)
        if not unzip.eof:
            raise Refusal(400, "the gzip ends before its end")
        parts.append(part)
        body = unzip.unused_data  # gzip files may follow one another
    return b"".join(parts)
