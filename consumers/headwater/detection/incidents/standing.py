"""Which verdicts stand, of those on things that are judged again when something comes late."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection.incidents.timelines import Key, key_of
from headwater.detection.recent import forget

#: Things judged that are remembered; those told of longest ago go first.
_MOST = 100_000


@dataclass(slots=True)
class Judgement:
    """What stands of one thing that was judged: a profile, or the rows of a version."""

    #: How much was known (`verdicts.known_from`), and the event time that it was dated by.
    known: str
    event_time: int
    #: It was judged before, with less known.
    again: bool = False
    #: Alarms by their check: how much was known, and the verdict's id.
    alarms: dict[Key, tuple[str, bytes]] = field(default_factory=dict[Key, "tuple[str, bytes]"])


class Standing:
    """The judgements. Verdicts may come in any order and any number of times."""

    def __init__(self) -> None:
        self._judgements: OrderedDict[bytes, Judgement] = OrderedDict()

    def take(self, verdict: Mapping[str, Any]) -> tuple[Judgement | None, dict[Key, bytes]]:
        """The judgement that a verdict belongs to, None where it does not stand; and the alarms that stood until now
        and do not any more, by their checks.

        Of a check the next verdict on it does away with the alarm before it; the verdict on a whole profile, which
        is the last one on it, with all that were not said again.
        """
        about, known = (
            bytes.fromhex(json.loads(verdict["evidence"]["judged"])),
            json.loads(verdict["evidence"]["known"]),
        )
        found = self._judgements.get(about)
        if found is None:
            found = self._judgements[about] = Judgement(known, verdict["event_time"])
            forget(self._judgements, _MOST)
        elif known < found.known:
            return None, {}
        elif known > found.known:
            found.known, found.again = known, True
        key = key_of(verdict)
        # A table of many columns has as many verdicts and alarms: one verdict looks for its own.
        maybe = list(found.alarms) if key is None else [key] if key in found.alarms else []
        gone = {alarmed: found.alarms.pop(alarmed)[1] for alarmed in maybe if found.alarms[alarmed][0] < known}
        if key is not None and verdict["outcome"] == "alarm":
            found.alarms[key] = known, verdict["event_id"]
        return found, gone
