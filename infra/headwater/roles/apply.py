"""Bringing a server's roles to what is declared, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.migrations.engines import Engines, engines_of
from headwater.roles import statements
from headwater.roles.declared import ALL, ROLES, Role, role_name
from headwater.settings import Settings

_NOT_ALLOWED = "Code: 497"
_DIRECTORIES = "SELECT count() FROM system.user_directories WHERE type NOT IN ('users_xml', 'ldap')"
_HELD = (
    "SELECT access_type, table, column, is_partial_revoke FROM system.grants "
    "WHERE role_name = {role:String} AND (database = {database:String} OR isNull(database))"
)


@dataclass(frozen=True)
class Applied:
    """What was sent, or would be, for one role. Empty: it is as declared."""

    role: str
    statements: tuple[str, ...]


def apply(
    client: Client,
    settings: Settings,
    *,
    dry_run: bool = False,
    roles: Sequence[Role] = ROLES,
    engines: Engines | None = None,
) -> list[Applied]:
    """Make the roles and their limits, and grant what is declared; again and again gives the same.

    Grants are sent only where the server's differ, so that a role which is as declared is never without them for
    a moment, nor with more. `dry_run` asks the server nothing and gives all statements. Raises StateError where the
    store keeps no users, or this user may not manage them.
    """
    engines = engines or engines_of(settings)
    database = settings.database_name
    done: list[Applied] = []
    for role in roles:
        sent = [*statements.created(database, role, engines)]
        if dry_run or not as_declared(client, database, role):
            sent += statements.granted(database, role, engines)
        if not dry_run:
            _send(client, sent)
        done.append(Applied(role_name(database, role), tuple(sent)))
    return done


def drop(
    client: Client,
    settings: Settings,
    *,
    dry_run: bool = False,
    roles: Sequence[Role] = ROLES,
    engines: Engines | None = None,
) -> list[Applied]:
    """Remove the roles. Raises as `apply`."""
    engines = engines or engines_of(settings)
    database = settings.database_name
    done = [Applied(role_name(database, one), statements.dropped(database, one, engines)) for one in roles]
    if not dry_run:
        _send(client, [statement for one in done for statement in one.statements])
    return done


def _send(client: Client, sent: Sequence[str]) -> None:
    for statement in sent:
        try:
            client.command(statement)
        except Exception as error:  # the client's own class needs the extra, which a bare import must not
            if not _keeps_users(client):
                raise StateError(
                    "this store keeps no users of its own, so it has no roles: the embedded store has one user that "
                    "writes, and everybody else reads"
                ) from error
            if _NOT_ALLOWED in str(error):
                raise StateError(
                    "this user may not manage roles; ask the server's administrator, or give them "
                    "`headwater roles file` for the server's users.d folder"
                ) from error
            raise


def _keeps_users(client: Client) -> bool:
    """Whether there is a place where users and roles made by statements are kept."""
    try:
        return bool(client.query(_DIRECTORIES).result_rows[0][0])
    except Exception as error:  # as above
        if _NOT_ALLOWED in str(error):
            return True  # who may not look is on a server that has users
        raise


def as_declared(client: Client, database: str, role: Role) -> bool:
    """Whether the server has granted the role what is declared, and no more. A right to everything is never known to
    be: the server tells it in parts, which differ between its versions.
    """
    if any(grant.access == "ALL" for grant in role.grants):
        return False
    return _held(client, database, role) == _declared(role)


def _held(client: Client, database: str, role: Role) -> set[tuple[str, str, str, bool]]:
    """Access, table (ALL: each), column (empty: all), whether it is withheld."""
    try:
        rows = client.query(_HELD, parameters={"role": role_name(database, role), "database": database}).result_rows
    except Exception as error:
        if _NOT_ALLOWED in str(error):
            return set()  # whoever may grant without looking still may grant
        raise
    return {
        (str(access), str(table or ALL), str(column or ""), bool(revoked)) for access, table, column, revoked in rows
    }


def _declared(role: Role) -> set[tuple[str, str, str, bool]]:
    return {
        (grant.access, grant.table, column, withheld)
        for grants, withheld in ((role.grants, False), (role.withheld, True))
        for grant in grants
        for column in (grant.columns or ("",))
    }
