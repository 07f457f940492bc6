"""The ASGI application: which path does what, and what is answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple

from headwater.errors import InvalidMessage
from headwater.gateway import bodies, counting, taking
from headwater.gateway.admission import Admission
from headwater.gateway.answers import Answer, Refusal, said
from headwater.gateway.counting import Counts
from headwater.gateway.description import description
from headwater.gateway.room import Room, Share
from headwater.gateway.sending import Sending
from headwater.openlineage import Message
from headwater.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log: Final = logging.getLogger("headwater.gateway")
SINGLE: Final = "/api/v1/lineage"
BATCH: Final = "/api/v1/lineage/batch"
#: Others get their turn after so many seconds of a large batch.
_TURN_SECONDS: Final = 0.01
#: Bodies that are being read or worked on may together take so many times the largest one.
_BODIES: Final = 4


class _Taken(NamedTuple):
    """What was made of a body, and what is answered once its messages are kept."""

    messages: list[Message]
    accepted: int
    refused: int
    answer: Answer


class App:
    """The gateway as an ASGI 3 application with lifespan."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError and StateError for what `Admission` refuses."""
        self._settings = settings
        self._admission = Admission(settings)
        self._counts = Counts()
        self._sending: Sending | None = None
        self._room = Room(_BODIES * settings.gateway_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:  # a websocket is refused by closing it
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._sending = Sending(self._settings)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._ready_sending().close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _ready_sending(self) -> Sending:
        if self._sending is None:
            raise RuntimeError("the server does not run the application's lifespan")
        return self._sending

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        try:
            answer = await self._answer(path, scope, receive)
        except bodies.Gone:
            return
        except Refusal as refusal:
            answer = refusal.answer
        except Exception:
            _log.exception("%s %s", scope["method"], path)
            answer = Refusal(500, "an error of the gateway; its log has it").answer
        self._counts.requests[path if path in _PATHS else "other", answer.status] += 1
        headers = [(b"content-type", answer.kind.encode()), (b"content-length", str(len(answer.body)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, scope: Scope, receive: Receive) -> Answer:
        method: str = scope["method"]
        allowed = _PATHS.get(path)
        if allowed is None:
            raise Refusal(404, f"nothing is here; events go to {SINGLE} and {BATCH}")
        if method not in allowed:
            raise Refusal(405, f"{path} takes {', '.join(allowed)}", {"allow": ", ".join(allowed)})
        match path:
            case "/live":
                return said(200, {"ok": True})
            case "/ready":
                return self._ready()
            case "/metrics":
                return Answer(200, self._counts.text(self._gauges()), counting.CONTENT_TYPE)
            case "/openapi.json":
                return said(200, description(self._settings, guarded=self._admission.guarded))
            case _:
                return await self._take(path, dict(scope["headers"]), receive)

    async def _take(self, path: str, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        began = time.monotonic()
        self._admission.check(headers)
        kind = headers.get(b"content-type", b"application/json").decode("latin-1").lower()
        if "json" not in kind:
            raise Refusal(415, "Content-Type must be application/json", {"accept": "application/json"})
        with self._room.share() as share:
            taken = await self._taken(path, headers, receive, share)
        # From here on what was made of the body counts, as on its way; the body is gone.
        await self._ready_sending().send(taken.messages)
        self._counts.accepted += taken.accepted
        self._counts.refused += taken.refused
        self._counts.took(time.monotonic() - began)
        return taken.answer

    async def _taken(self, path: str, headers: Mapping[bytes, bytes], receive: Receive, share: Share) -> _Taken:
        most = self._settings.gateway_body_bytes
        raw = await bodies.read(receive, _length(headers), most, self._settings.gateway_seconds, share)
        body = bodies.unpacked(raw, headers.get(b"content-encoding", b"").decode("latin-1"), most)
        del raw
        # A small gzip may hold much.
        share.hold(len(body))
        return self._single(body) if path == SINGLE else await self._batch(body)

    def _single(self, body: bytes) -> _Taken:
        try:
            return _Taken(taking.single(body), 1, 0, _CREATED)
        except Refusal:
            self._counts.refused += 1
            raise

    async def _batch(self, body: bytes) -> _Taken:
        """All that can be taken is; what cannot is named. Nothing is said before all of the former is kept."""
        messages: list[Message] = []
        failed: list[dict[str, Any]] = []
        events = taking.events(body)
        turn = time.monotonic()
        for index, event in enumerate(events):
            try:
                messages += taking.one(event, body)
            except InvalidMessage as error:
                failed.append({"index": index, "reason": error.detail, "retriable": False})
            if time.monotonic() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()
        taken = len(events) - len(failed)
        status = "success" if not failed else "partial_success" if taken else "failure"
        summary = {"received": len(events), "successful": taken, "failed": len(failed), "retriable": 0}
        told = {"status": status, "summary": {**summary, "non_retriable": len(failed)}, "failed_events": failed}
        return _Taken(messages, taken, len(failed), said(422 if status == "failure" else 200, told))

    def _ready(self) -> Answer:
        sending = self._ready_sending()
        reasons = [] if sending.takes else ["the broker does not answer and nothing can be spooled"]
        told = {"ok": not reasons, "reasons": reasons, "steps": [], "broker": sending.up}
        return said(200 if sending.takes else 503, told)

    def _gauges(self) -> dict[counting.Metric, float]:
        sending = self._ready_sending()
        return {
            counting.BODIES: self._room.taken,
            counting.BYTES: sending.bytes,
            counting.UP: float(sending.up),
            counting.SPOOL_BYTES: sending.spooling.bytes,
            counting.SPOOLED: sending.spooling.spooled,
            counting.LOST: sending.spooling.lost,
        }


_READ: Final = ("GET", "HEAD")
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    SINGLE: ("POST",),
    BATCH: ("POST",),
    "/live": _READ,
    "/ready": _READ,
    "/metrics": _READ,
    "/openapi.json": _READ,
}
#: As Marquez answers.
_CREATED: Final = said(201, {"status": "success"})


def _length(headers: Mapping[bytes, bytes]) -> int | None:
    try:
        return int(headers[b"content-length"])
    except (KeyError, ValueError):
        return None
