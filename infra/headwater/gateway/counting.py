"""The gateway's metrics: this file is their documentation's source; infra/README.md shows it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple


class Metric(NamedTuple):
    """One metric as Prometheus has it."""

    name: str
    kind: str
    labels: str
    doc: str


REQUESTS: Final = Metric("headwater_gateway_requests_total", "counter", "path, status", "Requests answered.")
EVENTS: Final = Metric("headwater_gateway_events_total", "counter", "outcome", "Events accepted, and refused for good.")
SECONDS: Final = Metric(
    "headwater_gateway_request_seconds", "histogram", "", "From a request's head to its answer, of what is accepted."
)
BYTES: Final = Metric("headwater_gateway_outstanding_bytes", "gauge", "", "Neither confirmed nor on the disk.")
BODIES: Final = Metric("headwater_gateway_body_bytes", "gauge", "", "Bodies that are being read or worked on.")
UP: Final = Metric("headwater_gateway_broker_up", "gauge", "", "1 where the broker takes messages.")
SPOOL_BYTES: Final = Metric("headwater_gateway_spool_bytes", "gauge", "", "On the disk, waiting for the broker.")
SPOOLED: Final = Metric("headwater_gateway_spooled_total", "counter", "", "Messages written to the disk.")
LOST: Final = Metric("headwater_gateway_spool_lost_total", "counter", "", "Messages on the disk that were damaged.")
METRICS: Final = (REQUESTS, EVENTS, SECONDS, BODIES, BYTES, UP, SPOOL_BYTES, SPOOLED, LOST)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counts:
    """What was counted since the start. Used on one thread."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.accepted = self.refused = 0
        self._times = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def took(self, seconds: float) -> None:
        """A request was accepted after so long."""
        self._times[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    def text(self, gauges: dict[Metric, float]) -> bytes:
        """In Prometheus's text format. `gauges`: the values of those that are not counted here."""
        lines: list[str] = []
        for metric in METRICS:
            lines += [f"# HELP {metric.name} {metric.doc}", f"# TYPE {metric.name} {metric.kind}"]
            lines += self._lines(metric, gauges)
        return ("\n".join(lines) + "\n").encode()

    def _lines(self, metric: Metric, gauges: dict[Metric, float]) -> Iterator[str]:
        if metric is REQUESTS:
            for (path, status), count in sorted(self.requests.items()):
                yield f'{metric.name}{{path="{path}",status="{status}"}} {count}'
        elif metric is EVENTS:
            yield f'{metric.name}{{outcome="accepted"}} {self.accepted}'
            yield f'{metric.name}{{outcome="refused"}} {self.refused}'
        elif metric is SECONDS:
            so_far = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._times, strict=True):
                so_far += count
                yield f'{metric.name}_bucket{{le="{bound}"}} {so_far}'
            yield f"{metric.name}_sum {self._sum}"
            yield f"{metric.name}_count {so_far}"
        else:
            yield f"{metric.name} {gauges[metric]:g}"
