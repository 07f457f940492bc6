"""A service's metrics about its producers, in OpenTelemetry and Prometheus where the service has them.

METRICS is the documentation of the names. Nothing is imported unless the service did it before or the setting
`producer_metrics` asks for it. The numbers are those of all producers of the process together; a producer that is gone
stays in the counters.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import SettingsError
from headwater.producer.stats import Stats

if TYPE_CHECKING:
    from headwater.producer._core import Core

_log: Final = logging.getLogger("headwater.producer")


@dataclass(frozen=True)
class Metric:
    """One metric: `name` is OpenTelemetry's; `unit` is UCUM's; a counter only grows, anything else is a level."""

    name: str
    unit: str
    doc: str
    read: Callable[[Stats], int | Mapping[str, int]]
    counter: bool = True
    #: The attribute by which it is told apart; empty where it is one number.
    by: str = ""

    @property
    def prometheus(self) -> str:
        """Its name in Prometheus."""
        return (
            self.name.replace(".", "_") + ("_bytes" if self.unit == "By" else "") + ("_total" if self.counter else "")
        )


METRICS: Final = (
    Metric("headwater.producer.events.emitted", "{event}", "Events that got a sequence number.", lambda s: s.emitted),
    Metric(
        "headwater.producer.events.delivered", "{event}", "Events that the broker confirmed.", lambda s: s.delivered
    ),
    Metric("headwater.producer.events.dropped", "{event}", "Events lost, by reason.", lambda s: s.drops, by="reason"),
    Metric("headwater.producer.events.pending", "{event}", "Events on their way.", lambda s: s.pending, counter=False),
    Metric("headwater.producer.events.spooled", "{event}", "Events on disk.", lambda s: s.spooled, counter=False),
    Metric("headwater.producer.events.recovered", "{event}", "Of earlier processes, delivered.", lambda s: s.recovered),
    Metric("headwater.producer.queue", "By", "Memory that events take.", lambda s: s.queued_bytes, counter=False),
    Metric("headwater.producer.spool", "By", "Disk that waiting events take.", lambda s: s.spool_bytes, counter=False),
)

_MODULES: Final = {"opentelemetry": "opentelemetry.metrics", "prometheus": "prometheus_client"}

# Numbers of one metric by the value of its attribute, "" where it has none.
_Numbers = Counter[str]


class Watch:
    """All producers of this process, and what those that are gone had counted when they were last looked at."""

    def __init__(self) -> None:
        self._living: dict[int, tuple[weakref.ref[Core], dict[str, _Numbers]]] = {}
        self.forget()

    def forget(self) -> None:
        """Begin to count anew, in the child of a fork; what is registered stays registered."""
        self._lock = threading.Lock()
        self._living = {key: (reference, {}) for key, (reference, _) in self._living.items()}
        self._gone = {metric.name: Counter[str]() if metric.by else Counter({"": 0}) for metric in METRICS}

    def add(self, core: Core) -> None:
        with self._lock:
            self._living[id(core)] = weakref.ref(core), {}

    def read(self) -> dict[str, _Numbers]:
        """The present numbers of every metric."""
        with self._lock:
            found: dict[str, _Numbers] = {metric.name: Counter(self._gone[metric.name]) for metric in METRICS}
            for key, (reference, before) in list(self._living.items()):
                core = reference()
                last = before if core is None else _numbers(core.delivery.stats(core.last_number), before)
                for metric in METRICS:
                    if core is not None or metric.counter:
                        found[metric.name].update(last.get(metric.name, Counter[str]()))
                    if core is None and metric.counter:
                        self._gone[metric.name].update(last.get(metric.name, Counter[str]()))
                if core is None:
                    del self._living[key]
                else:
                    self._living[key] = reference, last
            return found


def _numbers(stats: Stats, before: Mapping[str, _Numbers]) -> dict[str, _Numbers]:
    found: dict[str, _Numbers] = {}
    for metric in METRICS:
        value = metric.read(stats)
        numbers = Counter[str](value if isinstance(value, Mapping) else {"": value})
        if metric.counter:  # one of a client that was made anew must not seem to fall
            for one, number in before.get(metric.name, Counter[str]()).items():
                numbers[one] = max(number, numbers[one])
        found[metric.name] = numbers
    return found


watching: Final = Watch()
_registered: Final[set[str]] = set()


def watch(core: Core) -> None:
    """Count a producer in. Raises SettingsError where the setting `producer_metrics` names what is not there."""
    for name in _asked(core.settings.producer_metrics):
        try:
            importlib.import_module(_MODULES[name])
        except ModuleNotFoundError as error:
            raise SettingsError(f"producer_metrics: {name} is asked for, and {error.name} is not installed") from None
    watching.add(core)
    look(core.settings.producer_metrics)


def forked() -> None:
    """In the child of a fork: its producers begin anew."""
    watching.forget()


def look(setting: str) -> None:
    """Register with the libraries that are there and should be told; the host may have imported one since."""
    wanted = _asked(setting) or (_MODULES if setting != "off" else ())
    for name in wanted:
        if _MODULES[name] in sys.modules and name not in _registered:
            _registered.add(name)
            try:
                # Where the host is in the middle of importing it, this waits for the end.
                _REGISTER[name](importlib.import_module(_MODULES[name]))
            except Exception as error:  # whatever the library says, the host must not notice
                _log.warning("%s cannot be told of producers: %s", name, error)


def _asked(setting: str) -> list[str]:
    """Raises SettingsError for a name that is none."""
    names = [] if setting == "off" else [name.strip() for name in setting.split(",") if name.strip()]
    for name in names:
        if name not in _MODULES:
            raise SettingsError(f"producer_metrics: {name!r} is none of opentelemetry, prometheus, off")
    return names


def _to_opentelemetry(metrics: Any) -> None:
    meter = metrics.get_meter("headwater.producer")
    for metric in METRICS:
        make = meter.create_observable_counter if metric.counter else meter.create_observable_up_down_counter
        make(metric.name, callbacks=[_observer(metrics, metric)], unit=metric.unit, description=metric.doc)


def _observer(metrics: Any, metric: Metric) -> Callable[[Any], Iterable[Any]]:
    def observe(_: Any) -> list[Any]:
        return [
            metrics.Observation(number, {metric.by: value} if metric.by else {})
            for value, number in watching.read()[metric.name].items()
        ]

    return observe


def _to_prometheus(client: Any) -> None:
    client.REGISTRY.register(_Collector(importlib.import_module("prometheus_client.core")))


class _Collector:
    def __init__(self, core: Any) -> None:
        self._core = core

    def describe(self) -> list[Any]:
        return [self._family(metric) for metric in METRICS]

    def collect(self) -> list[Any]:
        found, families = watching.read(), list[Any]()
        for metric in METRICS:
            family = self._family(metric)
            for value, number in found[metric.name].items():
                family.add_metric([value] if metric.by else [], number)
            families.append(family)
        return families

    def _family(self, metric: Metric) -> Any:
        kind = self._core.CounterMetricFamily if metric.counter else self._core.GaugeMetricFamily
        return kind(metric.prometheus, metric.doc, labels=[metric.by] if metric.by else [])


_REGISTER: Final[Mapping[str, Callable[[Any], None]]] = {
    "opentelemetry": _to_opentelemetry,
    "prometheus": _to_prometheus,
}
