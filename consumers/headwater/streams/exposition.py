"""The tallies of a process as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from headwater.streams import metrics
from headwater.streams.metrics import STEP_GAUGES, Kind, Tally

#: What `generate_latest` writes.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labelled = tuple[tuple[str, ...], float]


def text(tallies: Sequence[Tally]) -> bytes:
    """All metrics, in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Tallies(tallies))
    return generate_latest(registry)


class _Tallies(Collector):
    def __init__(self, tallies: Sequence[Tally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        for metric in metrics.METRICS:
            family = _family(metric)
            for tally in self._tallies:
                _add(family, metric, tally)
            if family.samples:
                yield family


def _family(metric: metrics.Metric) -> Metric:
    labels = list(metric.all_labels)
    if metric.kind is Kind.COUNTER:
        return CounterMetricFamily(metric.name.removesuffix("_total"), metric.doc, labels=labels)
    if metric.kind is Kind.GAUGE:
        return GaugeMetricFamily(metric.name, metric.doc, labels=labels)
    return HistogramMetricFamily(metric.name, metric.doc, labels=labels)


def _add(family: Metric, metric: metrics.Metric, tally: Tally) -> None:
    if metric.kind is Kind.HISTOGRAM:
        histogram = tally.histograms[metric]
        so_far = histogram.counts.cumsum().tolist()
        bounds = [*map(str, map(float, metric.buckets)), "+Inf"]
        buckets = [(bound, float(count)) for bound, count in zip(bounds, so_far, strict=True)]
        cast("HistogramMetricFamily", family).add_metric([tally.step], buckets, histogram.sum)
        return
    values = _counts(metric, tally) if metric.kind is Kind.COUNTER else _gauge(metric, tally)
    for labels, value in values:
        cast("GaugeMetricFamily", family).add_metric([tally.step, *labels], value)


def _counts(metric: metrics.Metric, tally: Tally) -> Iterable[Labelled]:
    if metric is metrics.RECALL_SECONDS:
        return [((), tally.recall_seconds)]
    found = [(key, float(count)) for (one, key), count in list(tally.counts.items()) if one is metric]
    # What has no labels is there from the start, at 0: a rate needs two values.
    return found or ([] if metric.labels else [((), 0.0)])


def _gauge(metric: metrics.Metric, tally: Tally) -> Iterable[Labelled]:
    if metric is metrics.LAG:
        return [((topic, str(partition)), float(count)) for (topic, partition), count in tally.lag().items()]
    if metric is metrics.ASSIGNED:
        return [((), float(len(tally.assigned or ())))]
    if metric is metrics.RESTORING:
        return [((), float(len(tally.restoring)))]
    if metric is metrics.WAITING:
        since = tally.waiting_since
        return [((), 0.0 if since is None else tally.clock() - since)]
    if metric is metrics.TOPIC_DIFFERENCES:
        return [((topic,), float(count)) for topic, count in tally.differences.items()]
    name = next(name for name, one in STEP_GAUGES.items() if one is metric)
    return [((), float(tally.gauges[name]))] if name in tally.gauges else []
