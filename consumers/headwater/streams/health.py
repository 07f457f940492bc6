"""A worker over HTTP: /metrics for Prometheus, /live and /ready for whoever keeps it up."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headwater.errors import StateError
from headwater.settings import Settings
from headwater.streams import exposition
from headwater.streams.metrics import DEAD_LETTERS, MESSAGES, Metric, Tally

_log = logging.getLogger("headwater.streams")

#: An event loop that has not turned for so long, or a thread that is at one chunk for so long, will not come back.
#: A step that waits for its store or broker is neither.
STUCK_SECONDS = 120.0


def stuck(tally: Tally) -> str | None:
    """Why this step's line will not go on by itself; None where it will."""
    now = tally.clock()
    if now - tally.turned > STUCK_SECONDS:
        return f"{tally.step}: the event loop has not turned for {now - tally.turned:.0f} s"
    for work, since in list(tally.busy.items()):
        if now - since > STUCK_SECONDS:
            return f"{tally.step}: the {work} thread has been at one chunk for {now - since:.0f} s"
    return None


def not_ready(tally: Tally) -> str | None:
    """Why this step does not do its work yet: no assignment, or state that is being re-derived; None where it does."""
    if tally.assigned is None:
        return f"{tally.step}: no partitions are assigned yet"
    if tally.restoring:
        return f"{tally.step}: state of {len(tally.restoring)} partitions is being re-derived"
    return None


class Health:
    """Serves the tallies of a process from a thread of its own, until closed."""

    def __init__(self, settings: Settings) -> None:
        """Raises StateError where the port cannot be had. With `metrics_port` 0 nothing is served."""
        #: Filled once the lines are made: before that the process is alive and not ready.
        self.tallies: Sequence[Tally] = ()
        self._server: ThreadingHTTPServer | None = None
        if not settings.metrics_port:
            return
        address = (settings.metrics_host, settings.metrics_port)
        try:
            self._server = _Server(address, partial(_Handler, self.answer))
        except OSError as error:
            raise StateError(
                f"setting metrics_port: {address[0]}:{address[1]} cannot be had ({error.strerror}); "
                "give another, or 0 for none"
            ) from error
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        _log.info("metrics and health at http://%s:%d", *self._server.server_address[:2])

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of a path."""
        if path == "/metrics":
            return HTTPStatus.OK, exposition.CONTENT_TYPE, exposition.text(self.tallies)
        if path == "/live":
            return self._judged(stuck)
        if path == "/ready":
            return self._judged(lambda tally: stuck(tally) or not_ready(tally))
        return HTTPStatus.NOT_FOUND, "text/plain", b"/metrics, /live and /ready are here\n"

    def _judged(self, why: Callable[[Tally], str | None]) -> tuple[HTTPStatus, str, bytes]:
        reasons = [reason for tally in self.tallies if (reason := why(tally)) is not None]
        if not self.tallies and why is not stuck:
            reasons = ["starting: what runs compiled, then the broker and its topics"]
        told: dict[str, Any] = {"ok": not reasons, "reasons": reasons, "steps": [_facts(t) for t in self.tallies]}
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return status, "application/json", json.dumps(told).encode() + b"\n"


def _facts(tally: Tally) -> dict[str, Any]:
    """What `headwater status` shows of a step."""
    return {
        "step": tally.step,
        "partitions": len(tally.assigned or ()),
        "lag": sum(tally.lag().values()),
        "messages": _total(tally, MESSAGES),
        "dead_letters": _total(tally, DEAD_LETTERS),
        "restoring": len(tally.restoring),
        "waiting_seconds": 0.0 if tally.waiting_since is None else round(tally.clock() - tally.waiting_since, 1),
        **tally.gauges,
    }


def _total(tally: Tally, metric: Metric) -> int:
    return sum(count for (one, _), count in list(tally.counts.items()) if one is metric)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Seconds that a connection may be silent.
    timeout = 30

    def __init__(self, answer: Callable[[str], tuple[HTTPStatus, str, bytes]], *given: Any) -> None:
        self._answer = answer
        super().__init__(*given)

    def do_GET(self) -> None:
        status, kind, body = self._answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 — http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — http.server's name
        """Not a line a scrape."""
