"""When an incident is over: its checks are well again, one after another."""

from __future__ import annotations

from headwater.detection.incidents.incident import Incident, Member
from headwater.detection.incidents.timelines import OF_JOBS, Key
from headwater.detection.incidents.world import World


def recovered_at(incident: Incident, world: World) -> int | None:
    """The event time at which it was over; None where it is not.

    All checks of the root's own dataset must be well `resolve_after` times in a row (where it has none, all
    checks). Another one may also have said nothing since then: what is not made anew, such as one training
    set, is over with its root. A failed or stuck run is over when its job completes; what was overdue when it is
    written; a changed schema when that many writes have kept to it.
    """
    since = {key: _well_since(key, member, world) for key, member in incident.members.items()}
    own = [key for key in since if (key.namespace, key.name) == incident.root.node.dataset] or list(since)
    if not own or any(since[key] is None for key in own):
        return None
    at = max(time for time in since.values() if time is not None)
    for key, time in since.items():
        newest = world.timelines.newest(key)
        if time is None and newest is not None and newest > at:
            return None
    return at


def _well_since(key: Key, member: Member, world: World) -> int | None:
    if key.check in OF_JOBS:
        namespace, name = key.detail.split("\n", 1)
        return world.runs.completed_after((namespace, name), member.last)
    if key.check == "freshness":
        return world.runs.written_after((key.namespace, key.name), member.last, 1)
    if key.check == "schema":
        return world.runs.written_after((key.namespace, key.name), member.last, world.policy.resolve_after)
    return world.timelines.recovered(key, member.last, world.policy.resolve_after)
