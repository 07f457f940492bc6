"""When an incident is over: its checks are well again, one after another."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.detection.incidents.incident import Incident, Member
from headwater.detection.incidents.timelines import OF_JOBS, Key
from headwater.detection.incidents.world import World


def recovered_at(incident: Incident, world: World, consequence: Incident | None = None) -> int | None:
    """The event time at which it was over, with another incident that is its consequence; None where it is not.

    All checks of the root's own dataset must be well `resolve_after` times in a row (where it has none, all
    checks). Another one may also have said nothing since then: what is not made anew, such as one training
    set, is over with its root. A failed or stuck run is over when its job completes; what was overdue when it is
    written; a changed schema when that many writes have kept to it.
    """
    members = incident.members if consequence is None else _together(incident.members, consequence.members)
    since = {key: well_since(key, member.last, world) for key, member in members.items()}
    own = [key for key in since if (key.namespace, key.name) == incident.root.node.dataset] or list(since)
    if not own or any(since[key] is None for key in own):
        return None
    at = max(time for time in since.values() if time is not None)
    for key, time in since.items():
        newest = world.timelines.newest(key)
        if time is None and newest is not None and newest > at:
            return None
    return at


def well_since(key: Key, last: int, world: World) -> int | None:
    """When a check was well again after an alarm of event time `last`; None where it is not."""
    if key.check in OF_JOBS:
        namespace, name = key.detail.split("\n", 1)
        return world.runs.completed_after((namespace, name), last)
    if key.check == "freshness":
        return world.runs.written_after((key.namespace, key.name), last, 1)
    if key.check == "schema":
        return world.runs.written_after((key.namespace, key.name), last, world.policy.resolve_after)
    return world.timelines.recovered(key, last, world.policy.resolve_after)


def _together(some: Mapping[Key, Member], others: Mapping[Key, Member]) -> dict[Key, Member]:
    """The checks of both; of one that both have, the later alarm."""
    found = dict(some)
    for key, member in others.items():
        known = found.get(key)
        found[key] = member if known is None or known.last < member.last else known
    return found
