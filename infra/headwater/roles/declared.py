"""The five roles, declared once: statements, the users file and the documentation's table are made from this.

A server's own administrator makes them (`headwater roles apply`) and gives them to users
(`GRANT headwater_reader TO alice`). The embedded store has a writer and a reader of its own and no roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.archive.landing import ARCHIVED
from headwater.ledger.reading import TABLES
from headwater.schemas.topics import ALERTS, DECISIONS, EDGES, PREDICTIONS, PROFILES, RUNS, VERDICTS

#: Stands for every table and view of the history.
ALL: Final = "*"


@dataclass(frozen=True)
class Grant:
    """An access right on a table of the history (ALL: on each), or on some of its columns."""

    access: str
    table: str = ALL
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role:
    """One role. `withheld` is taken out of `grants` again. `limits`: settings of the server that its users may lower
    and not raise; `fixed`: settings that they may not change.
    """

    name: str
    does: str
    grants: tuple[Grant, ...]
    withheld: tuple[Grant, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    fixed: Mapping[str, int] = field(default_factory=dict[str, int])


_LANDINGS: Final = tuple(f"{topic.record}_landing" for topic in ARCHIVED)
#: Tables that materialized views read although they are no landing tables: they pass on what others wrote there.
_PASSED_ON: Final = ("dataset_uses", "nodes", "sequences", "decision_events")
#: Where bytes stand as they came: what a parsed column leaves out may be among them. The beginning of a dead letter is
#: what the view dead_letters tells, so readers have it.
_BYTES: Final = tuple(Grant("SELECT", TABLES[topic.name], ("raw_body",)) for topic in ARCHIVED)
#: What detection's state is made from, with the schemas of the bytes. Of predictions it counts rows.
_STATE: Final = tuple(TABLES[topic.name] for topic in (RUNS, PROFILES, EDGES, VERDICTS, ALERTS, DECISIONS, PREDICTIONS))
_GIB: Final = 2**30

ROLES: Final = (
    Role(
        "writer",
        "the archive worker: inserts, reads nothing but where its chains end and how the tables stand",
        (
            *(Grant(access, table) for table in _LANDINGS for access in ("INSERT", "SELECT")),
            *(Grant("SELECT", table) for table in _PASSED_ON),
            Grant("INSERT", "schemas"),
            Grant("INSERT", "ledger"),
            Grant("SELECT", "ledger"),
            Grant("SELECT", "migrations"),
        ),
        limits={"max_execution_time": 600, "max_memory_usage": 8 * _GIB},
    ),
    Role(
        "reader",
        "questions, walks, SQL: every view and table, without `raw_body`",
        (Grant("SELECT"), Grant("dictGet")),
        withheld=_BYTES,
        limits={
            "max_execution_time": 60,
            "max_memory_usage": 4 * _GIB,
            "max_rows_to_read": 1_000_000_000,
            "max_result_rows": 1_000_000,
        },
        fixed={"readonly": 2},
    ),
    Role(
        "auditor",
        "all that a reader may, `raw_body` too: verify, export; notes checkpoints",
        (Grant("SELECT"), Grant("dictGet"), Grant("INSERT", "checkpoints")),
        limits={
            "max_execution_time": 6 * 3600,
            "max_memory_usage": 16 * _GIB,
            "max_rows_to_read": 100_000_000_000,
        },
    ),
    Role(
        "detector",
        "the detection worker at its start: what its state is made from, bytes of events too, and nothing else",
        tuple(Grant("SELECT", table) for table in (*_STATE, "schemas")),
        withheld=(Grant("SELECT", TABLES[PREDICTIONS.name], ("raw_body",)),),
        limits={"max_execution_time": 60, "max_memory_usage": 8 * _GIB},
        fixed={"readonly": 2},
    ),
    Role(
        "admin",
        "migrations, rebuilds, removal: anything within the history's database, nothing beyond",
        (Grant("ALL"),),
        limits={"max_memory_usage": 16 * _GIB},
    ),
)


def role_name(database: str, role: Role) -> str:
    """The role's name on the server: roles belong to the whole server, so it begins with the database's."""
    return f"{database}_{role.name}"
