"""The roles as statements of a server, each safe to run again."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.migrations.engines import Engines
from headwater.migrations.files import quote
from headwater.roles.declared import ALL, Grant, Role, role_name


def created(database: str, role: Role, engines: Engines) -> tuple[str, str]:
    """Makes the role where it is missing, and its limits as they are declared."""
    name, cluster = quote(role_name(database, role)), _on(engines)
    limits = [f"{setting} = {most} MIN 1 MAX {most}" for setting, most in role.limits.items()]
    limits += [f"{setting} = {value} CONST" for setting, value in role.fixed.items()]
    return (
        f"CREATE ROLE IF NOT EXISTS {name}{cluster}",
        f"CREATE SETTINGS PROFILE OR REPLACE {name}{cluster} SETTINGS {', '.join(limits)} TO {name}",
    )


def granted(database: str, role: Role, engines: Engines) -> tuple[str, ...]:
    """Gives the role what is declared and takes all else."""
    name = quote(role_name(database, role))
    grant = f"GRANT{_on(engines)} {_rights(database, role.grants)} TO {name} WITH REPLACE OPTION"
    if not role.withheld:
        return (grant,)
    return grant, f"REVOKE{_on(engines)} {_rights(database, role.withheld)} FROM {name}"


def dropped(database: str, role: Role, engines: Engines) -> tuple[str, str]:
    """Removes the role, and so what its users may do by it."""
    name, cluster = quote(role_name(database, role)), _on(engines)
    return f"DROP ROLE IF EXISTS {name}{cluster}", f"DROP SETTINGS PROFILE IF EXISTS {name}{cluster}"


def _rights(database: str, grants: Iterable[Grant]) -> str:
    return ", ".join(right(database, grant) for grant in grants)


def right(database: str, grant: Grant) -> str:
    """A grant's text between GRANT and TO."""
    columns = f"({', '.join(map(quote, grant.columns))})" if grant.columns else ""
    table = ALL if grant.table == ALL else quote(grant.table)
    return f"{grant.access}{columns} ON {quote(database)}.{table}"


def _on(engines: Engines) -> str:
    clause = engines.clause("on_cluster", None)
    return f" {clause}" if clause else ""
