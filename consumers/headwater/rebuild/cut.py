"""Where a rebuild ends and the stream goes on: the offsets up to which all is stitched and archived.

Events before the cut are derived again; what the stream makes of those behind it goes into the new tables as it comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from headwater.errors import Unavailable
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings

#: The groups that must have passed the cut, in the order of the data.
STITCHING, ARCHIVE = "headwater-stitching", "headwater-archive"
_LOOK_SECONDS = 0.5

#: What a group has committed of each partition of topics, and its end; group and topics without the prefix.
Places = Callable[[Settings, str, Sequence[str]], Mapping[tuple[str, int], tuple[int, int]]]


def cut(settings: Settings, places: Places, told: Callable[[str], None], seconds: float) -> Mapping[int, int]:
    """The runs topic's ends as they are now, by partition, once their edge sets are archived.

    Waits until stitching has committed them, then until the archive has both topics as far as that. Raises
    Unavailable where that takes longer than so many seconds, or the broker is away.
    """
    deadline = time.monotonic() + seconds
    runs = {place: end for place, (_, end) in places(settings, STITCHING, [RUNS.name]).items()}
    _passed(settings, places, STITCHING, runs, told, deadline)
    edges = {place: end for place, (_, end) in places(settings, ARCHIVE, [EDGES.name]).items()}
    _passed(settings, places, ARCHIVE, {**runs, **edges}, told, deadline)
    return {partition: end for (_, partition), end in runs.items()}


def _passed(
    settings: Settings,
    places: Places,
    group: str,
    wanted: Mapping[tuple[str, int], int],
    told: Callable[[str], None],
    deadline: float,
) -> None:
    topics = sorted({topic for topic, _ in wanted})
    said = -1
    while True:
        there = places(settings, group, topics)
        behind = sum(max(0, end - there.get(place, (0, 0))[0]) for place, end in wanted.items())
        if not behind:
            return
        if behind != said:
            told(f"{group} is {behind} messages behind where the rebuild begins; waiting")
            said = behind
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{group} is {behind} messages behind and did not catch up in time: is its worker running? "
                "Where no worker runs and none will, --offline rebuilds from what is archived"
            )
        time.sleep(_LOOK_SECONDS)
