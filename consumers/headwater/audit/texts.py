"""Views by their text, as their migrations have it.

A view that a statement names is analysed as a statement of its own, with all of its columns. A clock that says all time
puts no condition on its text, so that nothing is computed for it row by row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headwater.audit.pruned import parameter, selected, then

#: What `-- near VIEW: what` may say of a view that is looked up by a key: the condition on its table's rows.
KEYED: Final[Mapping[str, str]] = {
    "key": "key = {key:String}",
    "subject": (
        "subject = {subject:String} AND event_time >= {since:DateTime64(6, 'UTC')} "
        "AND event_time < {until:DateTime64(6, 'UTC')}"
    ),
}
#: What tells a prediction's rows apart: its table's sort key.
_PREDICTION: Final = "stream_namespace, stream_name, event_time, event_id, content_digest"
_CLOCK: Final = re.compile(r"(?:\w+\.)?(?:event_time|arrival) <= \{(at|known_at):DateTime64\(6, 'UTC'\)\}")
_GIVEN: Final = re.compile(r"\{(at|known_at):DateTime64\(6, 'UTC'\)\}")
_END: Final = "toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')"
_COLUMN: Final = re.compile(r"^    (.+) AS (\w+),?$", re.MULTILINE)
_WORD: Final = re.compile(r"\w+")


def text(view: str, clocks: Mapping[str, str]) -> str:
    """All that a view tells. `clocks`: the parameters' names that say at and known_at, of those that say a time."""
    timed = _CLOCK.sub(lambda found: found[0] if found[1] in clocks else "true", selected(view))
    return f"({_GIVEN.sub(lambda found: parameter(clocks, found[1]) if found[1] in clocks else _END, timed)})"


def prediction(what: str, clocks: Mapping[str, str], sql: str) -> str:
    """Of the predictions of one key or subject, the columns that the statement `sql` names."""
    words = set(_WORD.findall(sql))
    every = _COLUMN.findall(selected("predictions"))
    columns = ", ".join(f"{said} AS {name}" for said, name in every if name in words)
    # Of what came twice one row: without FINAL, which reads more than the rows of the key.
    return (
        f"(SELECT {columns} FROM prediction_events AS p WHERE {KEYED[what]} AND {then(clocks, 'p.')} "
        f"LIMIT 1 BY {_PREDICTION})"
    )
