"""Lineage from message to message: W3C trace context and the run, through Kafka headers and HTTP headers.

Out: `kafka_headers()` and `http_headers()` give what goes along with a message or request; `with_requests` and
`with_httpx` put it on each request of a client. In: `taken(message)` and `within(from_headers(…))`, or a middleware
around a web application. What is told within an extracted context (runs, predictions) says by itself which trace it
belongs to, which message it came from and which run sent it. Where the service uses OpenTelemetry its context is
joined. Nothing here imports another library, and nothing raises because of what a header holds.

Three headers: `traceparent` and `tracestate` are W3C's; `headwater-run` holds the id of the sending run, a UUID.
"""

from headwater.producer.trace.clients import with_httpx, with_requests
from headwater.producer.trace.context import Received, Taken, Within, current_trace, within
from headwater.producer.trace.headers import RUN_HEADER, from_headers, http_headers, kafka_headers, taken
from headwater.producer.trace.w3c import TraceContext
from headwater.producer.trace.web import ASGIMiddleware, WSGIMiddleware

__all__ = [
    "RUN_HEADER",
    "ASGIMiddleware",
    "Received",
    "Taken",
    "TraceContext",
    "WSGIMiddleware",
    "Within",
    "current_trace",
    "from_headers",
    "http_headers",
    "kafka_headers",
    "taken",
    "with_httpx",
    "with_requests",
    "within",
]
