"""What a view says of some of its rows, as a statement that says no more than is asked for.

A view is analysed with all of its columns, once where it is named and again where it is planned, and that costs more
than reading a few rows by key. Here a view stands by its text, with the columns that a statement names, and the
condition on its rows where the table is read. Every column is told as the view tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from functools import cache
from importlib.resources import files
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
            *("kind", "owners", "tags", "columns", "actor", "event_time", "arrival", "event_id"),
            *("run_state", "purpose", "rows", "columns_read", "partitions"),
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
#: The views that `asked` tells.
PRUNED: Final = frozenset({"runs", "column_profiles", "owners", *_PLAIN})
#: What `runs` always tells.
RUN: Final = ("run_id", "job_namespace", "job_name", "state", "ended_at")
#: A column in the text of a view: how far it is indented, what it is, its name.
_COLUMN: Final = re.compile(r"^( +)(?!FROM )(.+) AS (\w+),?$", re.MULTILINE)
_ENDS: Final = re.compile(r"^WITH (.+) AS ends$", re.MULTILINE)
_INNER: Final = re.compile(r"\br\.(\w+)")
#: When an event was true, and of one time its id: what orders the events of a run.
_MOMENT_OF: Final = "(e.event_time, UUIDToNum(e.event_id))"
#: What a profile says of a column.
_OF_COLUMN: Final = re.compile(r"\bc\.(\w+)")
_OF_PROFILE: Final = re.compile(r"\bp\.(\w+)")
_CLOCKS: Final = re.compile(r"(\w+\.)?event_time <= \{at:[^}]+\} AND (?:\w+\.)?arrival <= \{known_at:[^}]+\}")
#: What is said of jobs, among what is said of datasets.
_OF_JOBS: Final = re.compile(r" +UNION ALL\n +SELECT 'job'.*?\n(?= +UNION ALL)", re.DOTALL)


def asked(view: str, where: str, clocks: Mapping[str, str], sql: str, *, doubles: bool = False) -> str:
    """The rows of `view`, one of PRUNED, that meet a condition, with what the statement `sql` names of its columns.

    `clocks`: the names of the parameters that say at and known_at; one that is not there says all time.
    `doubles`: rows may come twice.
    """
    words = set(_WORD.findall(sql))
    if view == "runs":
        return runs(where, clocks, sorted(words & run_columns()))
    if view == "column_profiles":
        return _profiles(where, clocks, words)
    if view == "owners":
        return _owners(where, clocks)
    table, row, columns = _PLAIN[view]
    named = ", ".join(f"`{name}`" for name in columns if name in words)
    # Doubles differ in their arrival alone, which nobody asks for, and FINAL costs more than taking one of each.
    once = "" if doubles else f" LIMIT 1 BY {row}"
    return f"(SELECT {named} FROM {table} WHERE {then(clocks)} AND ({where}){once})"


def runs(where: str, clocks: Mapping[str, str], columns: Iterable[str]) -> str:
    """The runs, their states and ends, and these columns, as the view tells them.

    Grouped by a hash of the job's names beside the id, which is 2.3 times as fast as by texts: it tells apart jobs that
    share one id.
    """
    ends, outer, inner = _runs_at()
    # Under names of their own, so that a condition on the table's columns means these.
    outer = {**outer, "job_namespace": "r.of_namespace", "job_name": "r.of_job"}
    inner = {**inner, "of_namespace": "any(e.job_namespace)", "of_job": "any(e.job_name)"}
    told = {name: outer[name] for name in (*RUN, *columns)}
    below = dict.fromkeys(_INNER.findall(" ".join((ends, *told.values()))))
    return f"""(
    WITH {ends} AS ends
    SELECT {_listed(told)}
    FROM
    (
        {_ordered(_listed({name: inner[name] for name in below}))}
        FROM run_events AS e
        WHERE isNotNull(e.run_id) AND {then(clocks, "e.")} AND ({where})
        GROUP BY assumeNotNull(e.run_id), cityHash64(e.job_namespace, e.job_name)
    ) AS r
)"""


def run_columns() -> frozenset[str]:
    """What `runs` can tell."""
    return frozenset(_runs_at()[1])


def _profiles(where: str, clocks: Mapping[str, str], words: Set[str]) -> str:
    """Profiles of columns. Of the columns of a profile no more is read than is asked for: sketches are most of it."""
    text = selected("column_profiles")
    told = {name: said for _, said, name in _COLUMN.findall(text) if name in words}
    said = " ".join(told.values())
    inner = dict.fromkeys(("name", *_OF_COLUMN.findall(said)))
    outer = dict.fromkeys(_OF_PROFILE.findall(said))
    read = ", ".join((*outer, *(f"columns.{name} AS c_{name}" for name in inner)))
    shown = _listed({name: _OF_COLUMN.sub(r"c_\1", said) for name, said in told.items()})
    return (
        f"(SELECT {shown} FROM (SELECT {read} FROM profile_events WHERE {then(clocks)} AND ({where}) "
        "LIMIT 1 BY namespace, name, event_time, event_id, part, content_digest) AS p "
        f"ARRAY JOIN {', '.join(f'c_{name}' for name in inner)})"
    )


def _owners(where: str, clocks: Mapping[str, str]) -> str:
    """Who owns datasets."""
    text = _OF_JOBS.sub("", selected("owners"))

    def clocked(found: re.Match[str]) -> str:
        # Where it names no table it is about decisions that lift others, whatever those are about.
        return f"{then(clocks, found[1] or '')}" + (f" AND ({where})" if found[1] else "")

    return f"({_CLOCKS.sub(clocked, text)})"


@cache
def selected(view: str) -> str:
    """What the newest definition of a view with clocks selects."""
    folder = files("headwater.migrations") / "sql"
    newest = max(
        (file for file in folder.iterdir() if re.fullmatch(rf"\d+_{view}_at\.up\.sql", file.name)),
        key=lambda file: file.name,
    )
    _, _, text = newest.read_text("utf-8").partition("${on_cluster} AS\n")
    return text.rpartition("\nCOMMENT ")[0].replace("${database}.", "")


def _ordered(columns: str) -> str:
    """What is told of events, with what orders them said once."""
    return f"WITH {_MOMENT_OF} AS moment SELECT {columns.replace(_MOMENT_OF, 'moment')}"


@cache
def _runs_at() -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The text of the view: the ends of a run, its columns, and what of a run's events they are made of."""
    text = selected("runs")
    columns = {len(indent): dict[str, str]() for indent, _, _ in _COLUMN.findall(text)}
    for indent, said, name in _COLUMN.findall(text):
        columns[len(indent)][name] = said
    return _ENDS.findall(text)[0], columns[4], columns[8]


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{said} AS {name}" for name, said in columns.items())


def then(clocks: Mapping[str, str], table: str = "") -> str:
    """The condition that both clocks put on an event; a clock that is not there says all time."""
    happened = f"{table}event_time <= {parameter(clocks, 'at')}" if "at" in clocks else "true"
    return f"{happened} AND {known(clocks, table)}"


def known(clocks: Mapping[str, str], table: str = "") -> str:
    """Of that, what had arrived. Of all time nothing is asked: when a row arrived is computed for each."""
    return f"{table}arrival <= {parameter(clocks, 'known_at')}" if "known_at" in clocks else "true"


def parameter(clocks: Mapping[str, str], name: str) -> str:
    """A clock as the statement has it."""
    return f"{{{clocks[name]}:{_MOMENT}}}"
