"""What a view says of some of its rows, as a statement that says no more than is asked for.

A view is analysed with all of its columns, once where it is named and again where it is planned, and that costs more
than reading a few rows by key. Here a view stands by its text, with the columns that a statement names, and the
condition on its rows where the table is read. Every column is told as the view tells it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_WORD: Final = re.compile(r"\w+")
_MOMENT: Final = "DateTime64(6, 'UTC')"
#: Views that tell rows of a table as they stand there: the table, what tells its rows apart, and the columns that
#: questions ask of it.
_PLAIN: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "uses": (
        "dataset_uses",
        "namespace, name, access, event_time, event_id, part, position, content",
        (
            *("namespace", "name", "version", "access", "run_id", "job_namespace", "job_name"),
            *("columns", "event_time", "event_id"),
        ),
    ),
    "predictions": (
        "prediction_events",
        "stream_namespace, stream_name, event_time, event_id, content_digest",
        (
            *("model_namespace", "model_name", "model_version"),
            *("stream_namespace", "stream_name", "stream_version", "run_id"),
        ),
    ),
}
_NEWEST: Final = "(e.event_time, toString(e.event_id))"
_DATED: Final = "(e.event_time, toString(e.event_id), v)"
#: Columns of the view `runs`, of those that questions ask of it: how events of a run give them.
_RUN: Final[Mapping[str, str]] = {
    **{
        f"code_{one}": f"argMaxIf(e.job_code_{one}, {_NEWEST}, isNotNull(e.job_code_{one}))"
        for one in ("repository", "commit", "dirty", "digest")
    },
    **{
        one: f"mapApply((k, v) -> (k, v.3), maxMap(mapApply((k, v) -> (k, {_DATED}), e.{one})))"
        for one in ("parameters", "environment")
    },
    "metrics": "groupUniqArrayArray(e.metrics)",
}
_ENDS: Final = (
    "arraySort(arrayFilter(x -> x.3 IN ('COMPLETE', 'FAIL', 'ABORT') AND length(arrayDistinct(arrayMap(y -> y.5, "
    "arrayFilter(y -> y.2 = x.2 AND y.4 = x.4, ends_and_parts)))) >= x.4, ends_and_parts))"
)


def asked(view: str, where: str, clocks: Mapping[str, str], sql: str) -> str:
    """The rows of `view` that meet a condition, with what the statement `sql` names of its columns.

    `clocks`: the names of the parameters that say at and known_at.
    """
    words = set(_WORD.findall(sql))
    if view == "runs":
        return runs(where, clocks, [name for name in _RUN if name in words])
    if view in _PLAIN:
        table, row, columns = _PLAIN[view]
        named = ", ".join(f"`{name}`" for name in columns if name in words)
        # Doubles differ in their arrival alone, which nobody asks for, and FINAL costs more than taking one of each.
        return f"(SELECT {named} FROM {table} WHERE {then(clocks)} AND ({where}) LIMIT 1 BY {row})"
    arguments = ", ".join(f"{name} = {parameter(clocks, name)}" for name in clocks)
    return f"(SELECT * FROM {view}_at({arguments}) WHERE {where})"


def runs(where: str, clocks: Mapping[str, str], columns: list[str]) -> str:
    """The runs, their states and ends, and these columns. As in the view, of two ends the earlier one stands."""
    told = "".join(f", {_RUN[name]} AS {name}" for name in columns)
    return f"""(
    WITH {_ENDS} AS ends
    SELECT run_id, job_namespace, job_name, if(notEmpty(ends), ends[1].3, open_state) AS state,
        if(notEmpty(ends), toNullable(ends[1].1), NULL) AS ended_at{"".join(f", {name}" for name in columns)}
    FROM
    (
        SELECT assumeNotNull(e.run_id) AS run_id, e.job_namespace AS job_namespace, e.job_name AS job_name,
            groupUniqArrayIf((e.event_time, toString(e.event_id), e.run_state, e.parts, e.part),
                e.run_state IN ('COMPLETE', 'FAIL', 'ABORT') OR e.parts > 1) AS ends_and_parts,
            multiIf(countIf(e.run_state = 'RUNNING') > 0, 'RUNNING',
                countIf(e.run_state = 'START') > 0, 'START', 'OTHER') AS open_state{told}
        FROM run_events AS e
        WHERE isNotNull(e.run_id) AND {then(clocks)} AND ({where})
        GROUP BY e.run_id, e.job_namespace, e.job_name
    )
)"""


def then(clocks: Mapping[str, str]) -> str:
    """The condition that both clocks put on an event."""
    return f"event_time <= {parameter(clocks, 'at')} AND arrival <= {parameter(clocks, 'known_at')}"


def parameter(clocks: Mapping[str, str], name: str) -> str:
    """A clock as the statement has it."""
    return f"{{{clocks[name]}:{_MOMENT}}}"
