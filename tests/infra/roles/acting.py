"""What one role does with a history, in a process of its own: the engine gives its only user the role.

`python -m tests.infra.roles.acting FOLDER ROLE ACT`: opens the store in FOLDER as ROLE (owner: may do everything) and
prints what the act gave as JSON. chDB keeps no users in SQL, but reads a server's users file, so grants, limits and
constraints are the engine's own here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree as ET

from headwater.archive import ArchiveStep
from headwater.audit import QUESTIONS, ask, resolve, walk
from headwater.audit.store import Client
from headwater.detection.recall import past
from headwater.detection.steps import ChecksStep, IncidentsStep
from headwater.ledger import checkpoints
from headwater.ledger.verifying import verify
from headwater.migrations import migrate, status
from headwater.roles import ROLES
from headwater.roles.apply import as_declared
from headwater.roles.users_file import given, users_file
from headwater.schemas.topics import DEAD_LETTERS, EDGES, PREDICTIONS, RUNS
from headwater.settings import Settings
from headwater.streams.recalling import Waiter
from headwater.streams.step import Beginning, Wanted
from tests.consumers.history.messages import NS, at, batch, dataset, edge_set, head, prediction, run_event

SETTINGS = Settings(prefix="odd.")
DATABASE = SETTINGS.database_name
OWNER = "owner"


def opened(folder: Path, role: str) -> Client:
    """A client of the folder's store whose user has that role and nothing else."""
    users = ET.fromstring(users_file(DATABASE))
    ET.SubElement(ET.SubElement(users, "quotas"), "default")
    profiles = users.find("profiles")
    assert profiles is not None
    ET.SubElement(profiles, "default")
    user = ET.SubElement(ET.SubElement(users, "users"), "default")
    ET.SubElement(user, "password")
    ET.SubElement(ET.SubElement(user, "networks"), "ip").text = "::/0"
    ET.SubElement(user, "profile").text = "default" if role == OWNER else f"{DATABASE}_{role}"
    ET.SubElement(user, "quota").text = "default"
    grant = "GRANT ALL ON *.*" if role == OWNER else given(DATABASE, next(one for one in ROLES if one.name == role))
    ET.SubElement(ET.SubElement(user, "grants"), "query").text = grant
    (folder / "users.xml").write_bytes(ET.tostring(users))
    config = folder / "config.xml"
    config.write_text(f"<clickhouse><users_config>{folder / 'users.xml'}</users_config></clickhouse>")
    get_client: Callable[..., Client] = import_module("clickhouse_connect").get_client
    return get_client(
        interface="chdb",
        path=str(folder / "store"),
        chdb_options={"config-file": str(config)},
        tz_mode="aware",
    )


def _archived(client: Client, run: str, first: int) -> int:
    step = ArchiveStep(SETTINGS, connected=lambda: client, send=lambda _letters: True)
    a, b = dataset("a", "1"), dataset("b", "1")
    events = [run_event(run, "COMPLETE", at(first + 1), inputs=[a], outputs=[b])]
    sets = [edge_set(run, at(first + 1), [a, b], [(0, 1)])]
    told = [prediction(f"p{first}", at(first + 2), "b", "1")]
    letter = {
        **head(f"letter {first}", at(first + 3)),
        "topic": RUNS.name,
        "partition": 0,
        "offset": 1,
        "worker": "archive",
        "reason": "truncated",
        "detail": "it ends early",
        "length": 4,
        "digest": b"\0" * 32,
        "body": b"said",
    }
    for topic, values in ((RUNS, events), (EDGES, sets), (PREDICTIONS, told), (DEAD_LETTERS, [letter])):
        step.process(batch(topic.name, values, first=first))
    step.flush()
    return step.inserted


def _use(client: Client) -> None:
    client.database = DATABASE
    client.command(f"USE `{DATABASE}`")


def made(client: Client) -> Mapping[str, Any]:
    """The history, with a few messages."""
    migrate(client, SETTINGS)
    _use(client)
    return {"inserted": _archived(client, "first", 0)}


def archived(client: Client) -> Mapping[str, Any]:
    """What the archive worker does."""
    _use(client)
    pending = [one.number for one in status(client, SETTINGS) if one.state != "applied"]
    return {"pending": pending, "migrated": len(migrate(client, SETTINGS)), "inserted": _archived(client, "second", 10)}


def recalled(client: Client) -> Mapping[str, Any]:
    """What the detection worker asks at its start."""
    _use(client)
    rows: dict[str, int] = {}
    for step in (ChecksStep(SETTINGS), IncidentsStep(SETTINGS)):
        places = {(topic, number): Beginning(0, -(2**62)) for topic in step.inputs for number in range(2)}
        wanted = Wanted(places, dict.fromkeys(step.inputs, 2), "another life", Waiter(lambda: True, 0))
        with patch.object(past, "connect", return_value=client), patch.object(client, "close"):
            rows[step.name] = sum(piece.rows for piece in step.recall(wanted))
    return {"rows": rows}


#: Questions that look at the history from several sides, each answered in a moment.
QUICK = ("who_read", "owners", "prediction", "gaps", "unread_outputs")


def asked(client: Client) -> Mapping[str, Any]:
    """Every question, a walk, and every view."""
    return _asked(client, list(QUESTIONS))


def looked(client: Client) -> Mapping[str, Any]:
    """A walk, every view, and some questions."""
    return _asked(client, QUICK)


def _asked(client: Client, names: Sequence[str]) -> Mapping[str, Any]:
    _use(client)
    texts = {"namespace": NS, "name": "b", "model_namespace": NS, "key": "p0", "job_name": "first"}
    answered: list[str] = []
    for question in map(QUESTIONS.__getitem__, names):
        values: dict[str, Any] = {}
        for one in question.parameters:
            if one.name == "depth":
                values[one.name] = 1
            elif one.default is None:
                values[one.name] = texts.get(one.name, "2026-03-01T09:00:00Z" if "DateTime" in one.type else "1")
        ask(client, question.name, **values)
        answered.append(question.name)
    views = [
        str(row[0])
        for row in client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' "
            "AND NOT match(create_table_query, '\\{\\w+:')"
        ).result_rows
    ]
    for view in views:
        client.query(f"SELECT * FROM {view} LIMIT 1")
    nodes = walk(client, resolve(client, "b@1"), "up").nodes
    return {"answered": answered, "views": len(views), "walk": sorted(node.node.name for node in nodes)}


def verified(client: Client) -> Mapping[str, Any]:
    """What an auditor does beyond asking: check the bytes, and note a checkpoint."""
    _use(client)
    report = verify(client)
    checkpoint = checkpoints.make(client, DATABASE, checked=True)
    checkpoints.remember(client, checkpoint)
    return {"messages": report.messages, "findings": len(report.findings), "kept": checkpoints.last(client) is not None}


def tried(client: Client) -> Mapping[str, Any]:
    """The code of each statement's error (0: it ran), in the order in which they came on stdin."""
    return {"codes": [_code(client, statement) for statement in json.load(sys.stdin)]}


def _code(client: Client, statement: str) -> int:
    try:
        client.query(statement) if statement.startswith(("SELECT", "SHOW")) else client.command(statement)
    except Exception as error:  # whatever the engine says
        return int(str(error).partition("ode: ")[2].partition(".")[0])
    return 0


def held(client: Client) -> Mapping[str, Any]:
    """Which roles the server shows as they are declared."""
    return {"as_declared": [role.name for role in ROLES if as_declared(client, DATABASE, role)]}


ACTS: Mapping[str, Callable[[Client], Mapping[str, Any]]] = {
    act.__name__: act for act in (made, archived, recalled, asked, looked, verified, tried, held)
}


def main() -> None:
    folder, role, act = sys.argv[1:]
    sys.stdout.write(json.dumps(ACTS[act](opened(Path(folder), role))))
    sys.stdout.flush()
    os._exit(0)  # chDB aborts when the interpreter ends before it


if __name__ == "__main__":
    main()
