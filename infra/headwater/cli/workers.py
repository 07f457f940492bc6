"""The workers: which steps each runs, and what they write."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from headwater.errors import MissingExtra
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.streams import Step


@dataclass(frozen=True)
class Worker:
    """One worker. Its steps are named by module and class, so that naming a worker loads none of them."""

    help: str
    steps: tuple[tuple[str, str], ...]
    #: The records that the steps send; their schemas are published first.
    writes: tuple[str, ...]
    #: The setting that is empty where it has nothing to do; empty: it always has.
    needs: str = ""
    #: Whether it writes to the history.
    keeps: bool = False


#: In the order in which data pass them: where each has no lag when it is asked, nothing is under way.
WORKERS: Mapping[str, Worker] = {
    "openlineage": Worker(
        "takes OpenLineage events from the topics that the setting openlineage_topics names",
        (("headwater.openlineage.step", "OpenLineageStep"),),
        ("run_event", "profile", "verdict", "dead_letter"),
        needs="openlineage_topics",
    ),
    "stitching": Worker(
        "makes edges of run events",
        (("headwater.stitching.step", "StitchingStep"),),
        ("edge_set", "dead_letter"),
    ),
    "detection": Worker(
        "judges profiles and uses, and tells people about incidents",
        (
            ("headwater.detection.steps.uses", "UsesStep"),
            ("headwater.detection.steps.checks", "ChecksStep"),
            ("headwater.detection.steps.incidents", "IncidentsStep"),
        ),
        ("dataset_use", "verdict", "alert", "dead_letter"),
    ),
    "archive": Worker(
        "keeps every topic in ClickHouse",
        (("headwater.archive.step", "ArchiveStep"),),
        ("dead_letter",),
        keeps=True,
    ),
}


def classes(name: str) -> list[Any]:
    """The step classes of a worker. Raises MissingExtra where the processors are not installed."""
    try:
        return [getattr(import_module(module), step) for module, step in WORKERS[name].steps]
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("headwater"):
            raise
        raise MissingExtra("consumers", error.name or "faust") from error


def steps(name: str, settings: Settings, *, append_time: frozenset[str] = frozenset()) -> list[Step]:
    """The steps of a worker, ready to run. `append_time`: topics whose message times are the broker's."""
    given: Mapping[str, object] = {"settings": settings, "append_time": append_time}
    made: list[Step] = []
    for one in classes(name):
        wanted = inspect.signature(one).parameters
        made.append(cast("Step", one(**{key: value for key, value in given.items() if key in wanted})))
    return made


def switched_on(settings: Settings) -> tuple[str, ...]:
    """The workers that have something to do."""
    return tuple(name for name, worker in WORKERS.items() if not worker.needs or getattr(settings, worker.needs))


def groups(names: Iterable[str], settings: Settings) -> dict[str, Sequence[str]]:
    """The consumer groups of workers with the topics that each reads, names without the prefix."""
    found: dict[str, Sequence[str]] = {}
    for one in (step for name in names for step in classes(name)):
        found[f"headwater-{one.name}"] = one.inputs_of(settings) if hasattr(one, "inputs_of") else one.inputs
    return found
