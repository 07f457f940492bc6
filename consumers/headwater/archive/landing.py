"""The landing tables: which topic goes where, and which version of its record each table takes as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.archive import packing, structure
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import StateError
from headwater.schemas import plain, records, topics
from headwater.schemas.records import Schema
from headwater.schemas.topics import Topic

#: What the archive reads. Not uses: run events hold the same, and the history unrolls them itself. Not the
#: schema topic: the writer schema of every archived row is kept, from the registry too.
ARCHIVED: tuple[Topic, ...] = (
    topics.RUNS,
    topics.EDGES,
    topics.PREDICTIONS,
    topics.PROFILES,
    topics.VERDICTS,
    topics.ALERTS,
    topics.DECISIONS,
    topics.PRODUCERS,
    topics.DEAD_LETTERS,
)
#: The fields that every record begins with, in this order: the archive reads them by place.
_HEAD = ("emit_time", "producer_id", "sequence", "event_id", "event_time")
_SQL = (
    "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String} "
    "ORDER BY position"
)
_SPREAD = "SELECT count() AS tables FROM system.tables WHERE database = {database:String} AND engine = 'Distributed'"


@dataclass(frozen=True)
class Landing:
    """One landing table. `schema`: the released version that it takes as it is; `packed`: of packed rows; `spread`:
    what its views make goes to tables over several shards.
    """

    topic: str
    table: str
    schema: Schema
    packed: bytes
    spread: bool = False

    def shape(self, writer: Schema, body: bytes) -> bytes:
        """A proved body in the table's schema.

        The same bytes where the writer's fields are the table's; else they are resolved by Avro's rules: what
        an older writer lacks has its default, what a newer one adds is only in the raw body until the table
        migrates.
        """
        if takes(self.schema, writer):
            return body
        return plain.encode(self.schema, plain.decode_proved(writer, body, self.schema))


_same: dict[tuple[int, int], bool] = {}


def takes(table: Schema, writer: Schema) -> bool:
    """Whether a writer's bodies go into a table of that schema as they are."""
    pair = (table.fingerprint, writer.fingerprint)
    if pair not in _same:
        head = tuple(field["name"] for field in writer.definition["fields"][: len(_HEAD)])
        ours, theirs = structure.columns(table), structure.columns(writer)
        _same[pair] = head == _HEAD and list(ours.items()) == list(theirs.items())
    return _same[pair]


def landings(client: Client, database: str) -> Mapping[str, Landing]:
    """The landing table of each archived topic.

    Raises StateError where a table is not there or takes no version of its record that we know.
    """
    spread = bool(select(client, _SPREAD, {"database": database})[0]["tables"])
    return {topic.name: _landing(client, database, topic, spread=spread) for topic in ARCHIVED}


def _landing(client: Client, database: str, topic: Topic, *, spread: bool) -> Landing:
    record = str(topic.record)
    table = f"{record}_landing"
    there = {
        row["name"]: structure.normal(row["type"])
        for row in select(client, _SQL, {"database": database, "table": table})
    }
    ours = {name for name, _ in packing.COLUMNS} | {"_check"}
    fields = {name: kind for name, kind in there.items() if name not in ours}
    for schema in reversed(records.released(record)):
        if fields == structure.columns(schema):
            return Landing(topic.name, table, schema, packing.row_schema(schema), spread)
    raise StateError(
        f"{database}.{table} takes no version of {record} that this version of Headwater knows: "
        "`headwater migrate status` says more"
    )
