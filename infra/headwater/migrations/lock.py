"""One migrator at a time: a lease held as a table, because creating and renaming a table is atomic.

The lease's comment says who holds it and until when. A holder that died loses it when its time is up, where the next
one is on its machine at once: whoever renames the table away first has it removed, everybody else finds it gone.

On a cluster the table's replica has one name, so the keeper lets one server make it. There a dead holder's lease is
seen on its own server alone: migrators that reach another wait, and then say how it is removed.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from headwater.audit.store import Client
from headwater.errors import Unavailable
from headwater.migrations.engines import Engines
from headwater.migrations.files import quote

#: Seconds that a lease lasts from its last renewal; one statement of an immediate migration takes far less.
LEASE = 60.0
#: Leases of this process that it could not give back: the store was away.
_left: set[str] = set()
#: The table is there; on a cluster, on another server.
_EXISTS = ("Code: 57", "Code: 253")
_GONE = ("Code: 60", "Code: 81")


@contextmanager
def lease(
    client: Client,
    database: str,
    engines: Engines | None = None,
    *,
    patience: float = 120.0,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Callable[[], None]]:
    """Hold the lease; the value, called now and then, renews it.

    Waits up to `patience` seconds, then raises Unavailable.
    """
    table = f"{quote(database)}.migrations_lock"
    owner = f"{socket.gethostname()}/{os.getpid()}/{_processes()}/{secrets.token_hex(4)}"
    until = now() + patience
    engines = engines or Engines()
    engine = engines.lease(database)
    while not _take(client, table, engine, owner, now()):
        if now() > until:
            where = engines.clause("on_cluster", None)
            removed = f", or where it died: DROP TABLE IF EXISTS {table} {where} SYNC" if where else ""
            raise Unavailable(
                f"somebody else has been migrating {database} for {patience:.0f} s; try again later{removed}"
            )
        _expire(client, database, now())
        sleep(0.2)

    renewed = now()

    def renew() -> None:
        nonlocal renewed
        if now() - renewed < LEASE / 4:
            return
        renewed = now()
        client.command(f"ALTER TABLE {table} MODIFY COMMENT {_text(_comment(owner, now()))}")

    try:
        yield renew
    finally:
        _left.add(owner)
        client.command(f"DROP TABLE IF EXISTS {table} SYNC")
        _left.discard(owner)


def _processes() -> str:
    """Names what process ids are counted in, where the system tells; else empty."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _is_over(comment: str, now: float) -> bool:
    """Whether its time is up, or its holder was a process of this machine that has ended."""
    until, _, owner = comment.partition(" ")
    if float(until or 0) <= now or owner in _left:
        return True
    host, pid, processes, _ = (owner + "////").split("/", 3)
    if not processes or (host, processes) != (socket.gethostname(), _processes()) or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _comment(owner: str, now: float) -> str:
    return f"{now + LEASE:.0f} {owner}"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _take(client: Client, table: str, engine: str, owner: str, now: float) -> bool:
    comment = _text(_comment(owner, now))
    try:
        client.command(f"CREATE TABLE {table} (nothing UInt8) ENGINE = {engine} ORDER BY () COMMENT {comment}")
    except Exception as error:  # the client's own class needs the extra, which a bare import must not
        if any(code in str(error) for code in _EXISTS):
            return False
        raise
    return True


def _expire(client: Client, database: str, now: float) -> None:
    held = client.query(
        "SELECT comment FROM system.tables WHERE database = {database:String} AND name = 'migrations_lock'",
        parameters={"database": database},
    ).result_rows
    if not held or not _is_over(str(held[0][0]), now):
        return
    stale = f"{quote(database)}.migrations_lock_{secrets.token_hex(8)}"
    try:
        client.command(f"RENAME TABLE {quote(database)}.migrations_lock TO {stale}")
    except Exception as error:
        if any(code in str(error) for code in _GONE):
            return
        raise
    client.command(f"DROP TABLE IF EXISTS {stale} SYNC")
