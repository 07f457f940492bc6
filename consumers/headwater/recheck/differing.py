"""Names what differs between a history and the one made of its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from headwater.audit.rows import chunks, select
from headwater.audit.store import Client
from headwater.export.columns import HEX, Column, written

#: Rows of a table that are told one by one.
MOST: Final = 50
#: Letters of a value that is told.
_LETTERS: Final = 120
#: By these a message is found again, whatever else of its row was altered.
_PLACE: Final = ("kafka_topic", "kafka_generation", "kafka_partition", "kafka_offset")
#: What tells a row of a derived table to people, of what it has.
_TELLING: Final = (
    "namespace", "name", "version", "access", "source", "source_column", "target", "target_column", "kind",
    "other_run_id", "run_id", "job_namespace", "job_name", "event_id", "known_by", "withdrawn_by", "producer_id",
    "sequence", "key",
)  # fmt: skip
_NODES: Final = ("source", "target", "source_dataset", "target_dataset")
Kind = Literal["altered", "missing", "added"]


@dataclass(frozen=True)
class Table:
    """A table with its columns (name, type); `sorting_key` as the engine tells it."""

    name: str
    sorting_key: str
    columns: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """The digest of a row: over all columns, in the engine's own binary form."""
        return self._over(", ".join(f"`{name}`" for name, _ in self.columns))

    @property
    def identity(self) -> str:
        """Which row it is, whatever else it says: a message's place, else what the table is sorted by."""
        names = {name for name, _ in self.columns}
        return self._over(", ".join(_PLACE) if names.issuperset(_PLACE) else self.sorting_key)

    def _over(self, columns: str) -> str:
        return f"substring(SHA256(formatRow('RowBinary', {columns})), 1, 16)"


@dataclass(frozen=True)
class Difference:
    """A row that is not what the archived bytes say. `place`: which one; `says`: in what it differs."""

    kind: Kind
    table: str
    place: str
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.table}: {self.place}: {self.says}"


def differences(
    client: Client, scratch: Client, table: Table, added: Sequence[bytes], missing: Sequence[bytes]
) -> tuple[int, list[Difference]]:
    """How many rows differ, and the first of them: digests that only the history has, and that only its bytes give."""
    there, derived = _rows(client, table, added[: 2 * MOST]), _rows(scratch, table, missing[: 2 * MOST])
    names = _names(client, scratch, [*there.values(), *derived.values()])
    told: list[Difference] = []
    for key, row in there.items():
        other = derived.get(key)
        if other is None:
            told.append(Difference("added", table.name, _place(row, names), "no archived message says so"))
        else:
            told.append(Difference("altered", table.name, _place(other, names), _says(row, other, names)))
    told += [
        Difference("missing", table.name, _place(row, names), "archived messages say so")
        for key, row in derived.items()
        if key not in there
    ]
    both = len(there.keys() & derived.keys())
    return len(added) + len(missing) - both, told


def _rows(client: Client, table: Table, digests: Sequence[bytes]) -> dict[str, dict[str, Any]]:
    """Rows by their identity, their values as text."""
    binary = {name: HEX for name, kind in table.columns if name in ("raw_body", "fingerprint_digest", "digest", "body")
              and kind == "String"}  # fmt: skip
    shown = ", ".join(f"{written(Column(*column), binary).sql} AS `{column[0]}`" for column in table.columns)
    # By name: an asterisk leaves out what is computed from other columns.
    columns = ", ".join(f"`{name}`" for name, _ in table.columns)
    found: dict[str, dict[str, Any]] = {}
    for some in chunks(digests):
        for row in select(
            client,
            "SELECT identity, formatRowNoNewline('JSONEachRow', * EXCEPT identity) AS row "
            f"FROM (SELECT hex({table.identity}) AS identity, {shown} FROM "
            f"(SELECT {columns} FROM {table.name} FINAL WHERE hex({table.digest}) IN {{digests:Array(String)}}))",
            {"digests": [digest.hex().upper() for digest in some]},
        ):
            found[row["identity"]] = cast("dict[str, Any]", json.loads(row["row"]))
    return found


def _names(client: Client, scratch: Client, rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Names of the nodes that edges refer to by key."""
    keys = sorted({int(row[name]) for row in rows for name in _NODES if name in row})
    found: dict[int, str] = {0: "nothing"}
    sql = "SELECT key, namespace, name, version FROM nodes WHERE key IN {keys:Array(UInt64)}"
    for one in (scratch, client) if keys else ():
        for some in chunks(keys):
            for row in select(one, sql, {"keys": some}):
                version = "" if row["version"] is None else f"@{row['version']}"
                found[row["key"]] = f"{row['namespace']}/{row['name']}{version}"
    return found


def _place(row: Mapping[str, Any], names: Mapping[int, str]) -> str:
    if "kafka_offset" in row:
        life = f" (broker {row['kafka_generation']})" if row["kafka_generation"] else ""
        return f"{row['kafka_topic']}/{row['kafka_partition']}{life} offset {row['kafka_offset']}"
    telling = [(name, _shown(name, row[name], names)) for name in _TELLING if row.get(name) not in (None, "")]
    return ", ".join(f"{name} {value}" for name, value in telling)


def _says(row: Mapping[str, Any], other: Mapping[str, Any], names: Mapping[int, str]) -> str:
    return "; ".join(
        f"{name} is {_shown(name, row[name], names)}, its bytes say {_shown(name, value, names)}"
        for name, value in other.items()
        if row[name] != value
    )


def _shown(name: str, value: Any, names: Mapping[int, str]) -> str:
    if name in _NODES:
        return names.get(int(value), str(value))
    text = value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
