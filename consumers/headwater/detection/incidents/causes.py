"""Where a fault came from: the ancestors of an alarmed column, ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headwater.detection.incidents.facts import Job, Run
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.walks import Place, Walk, sources
from headwater.detection.incidents.world import World

Kind = Literal["data", "code", "parameters", "schema"]
#: An effect beyond this many times its limit is no better reason than this many.
_MOST_EFFECT = 20.0
#: Of the candidates that reach this share of the best score the earliest is the root: a drift that is handed
#: down keeps about its size, and differs by the rows that a step drops.
_TIE = 0.6
#: A change of parameters tells something only where so many runs before had the same ones.
_STABLE_RUNS = 3
#: Candidates told in an alert.
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """A candidate: a place that drifted, and the run that wrote it."""

    kind: Kind
    place: Place
    score: float
    effect: float
    covered: int
    path: tuple[Node, ...]
    job: Job = ("", "")
    run_id: bytes | None = None
    #: What it was before and is now, for code and parameters.
    change: tuple[str, str] | None = None
    #: The inputs of the run that wrote it were profiled, and not one of them had drifted.
    inputs_were_well: bool = False
    #: Nobody we know of wrote it: `job` and `run_id` are those that read it first.
    came_in: bool = False
    #: How an earlier message put it.
    told: str | None = None


def explains_effect(cause: float, effect: float, world: World) -> bool:
    """Whether a drift of that size can have caused one of the other: it is diluted on its way and seldom grows."""
    return min(cause, _MOST_EFFECT) >= world.policy.least_handed * min(effect, _MOST_EFFECT)


def rank(
    start: Place, own_effect: float, walk: Walk, covered: Mapping[Place, Sequence[float]], since: int, world: World
) -> list[Cause]:
    """Candidates for the cause of an alarm at `start`, the likeliest first; `start` itself is always one.

    The score is the effect, in limits of its own history, times the alarmed places below that it can explain
    (`covered`: their effects). What cannot explain the alarm at `start` is no candidate. Of
    candidates about as good as the best the earliest is the root: the one made by the longest way. A place
    seen before `since` explains nothing unless it was alarmed. A change of code or parameters in the run that
    wrote a drifted place, while what it read had not drifted, is the cause rather than its data.
    """
    found: list[tuple[Cause, int]] = []
    for place, hops in walk.hops.items():
        effect = own_effect if place == start else _effect(place, since, world)
        if effect is None:
            continue
        if place != start and (effect < world.policy.least_cause or not explains_effect(effect, own_effect, world)):
            continue
        effect = min(effect, _MOST_EFFECT)
        times = max(1, sum(explains_effect(effect, below, world) for below in covered.get(place, ())))
        found.append((_cause(place, effect, times, tuple(walk.path(place)), world), hops))
    best = max(cause.score for cause, _ in found)
    found.sort(
        key=lambda item: (
            -_rank_of(item[0], best),
            -item[1] if item[0].score >= _TIE * best else 0,
            -item[0].score,
            item[0].place.node,
        )
    )
    return [cause for cause, _ in found[:_MOST_TOLD]]


def coverage(walks: Mapping[Place, Walk]) -> dict[Place, list[float]]:
    """For each place the effects of the alarmed places that lie below it."""
    covered: dict[Place, list[float]] = defaultdict(list)
    for walk in walks.values():
        for place in walk.hops:
            covered[place].append(walk.effect)
    return covered


def _rank_of(cause: Cause, best: float) -> float:
    return best if cause.score >= _TIE * best else cause.score


def _effect(place: Place, since: int, world: World) -> float | None:
    score = world.scores.at(place)
    if score is None:
        return None
    time = world.graph.time(place.node)
    if time is not None and time < since and score.outcome != "alarm":
        return None
    return score.unusual


def _cause(place: Place, effect: float, covered: int, path: tuple[Node, ...], world: World) -> Cause:
    run = world.runs.writer(place.node)
    reader = world.runs.first_reader(place.node) if run is None else None
    first = run or reader
    above = sources(world.graph, place)
    profiled = [score for source in above if (score := world.scores.at(source)) is not None]
    well = bool(profiled) and all(score.unusual < world.policy.least_cause for score in profiled)
    kind: Kind = "data"
    change: tuple[str, str] | None = None
    if run is not None and not (profiled and not well):
        # with inputs that drifted, the run handed on what it read
        before = world.runs.before(run, _STABLE_RUNS)
        if (change := _changed_code(run, before)) is not None:
            kind = "code"
        elif (change := _changed_parameters(run, before)) is not None:
            kind = "parameters"
    return Cause(
        kind=kind,
        place=place,
        score=effect * covered,
        effect=effect,
        covered=covered,
        path=path,
        job=first.job if first else ("", ""),
        run_id=first.run_id if first else None,
        change=change,
        inputs_were_well=well,
        came_in=reader is not None,
    )


def _changed_code(run: Run, before: Sequence[Run]) -> tuple[str, str] | None:
    last = next((other.code for other in before if other.code is not None), None)
    return (last, run.code) if last is not None and run.code is not None and last != run.code else None


def _changed_parameters(run: Run, before: Sequence[Run]) -> tuple[str, str] | None:
    known = [other.parameters for other in before if other.parameters is not None]
    if run.parameters is None or len(known) < _STABLE_RUNS or len(set(known)) > 1 or known[0] == run.parameters:
        return None
    return known[0], run.parameters
