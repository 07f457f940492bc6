"""The contract's tables in schemas/README.md: every field of every record, and the dead letters' reasons.

    python -m headwater.schemas.document [path of the README]

writes them between their marks; a test holds the file against the schemas.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headwater.errors import StateError
from headwater.schemas.reasons import REASONS
from headwater.schemas.records import RECORDS, current
from headwater.schemas.topics import TOPICS
from headwater.schemas.types import Types

README = Path(__file__).parents[2] / "README.md"
#: What stands between these marks is written by this module.
MARKS = ("<!-- {name}: written by headwater.schemas.document -->", "<!-- {name} ends -->")


def records_table() -> str:
    """A table of each record's fields, and of each type that they are made of, once."""
    seen: set[str] = set()
    parts: list[str] = []
    for record in RECORDS:
        schema = current(record)
        types = Types(schema)
        topics = [topic.name for topic in TOPICS.values() if topic.record == record]
        parts.append(f"### {record}\n\n{types.top['doc']} Key: {_key(topics[0])}.\n\n{_table(types, types.top)}")
        for name, definition in types.named.items():
            if name not in seen and name != schema.name:
                seen.add(name)
                parts.append(_part(types, name, definition))
    return "\n\n".join(parts)


def reasons_table() -> str:
    """The dead letters' reasons and what each means."""
    return "\n".join(["| reason | meaning |", "|---|---|", *(f"| `{name}` | {doc} |" for name, doc in REASONS.items())])


TABLES = {"records": records_table, "reasons": reasons_table}


def written(text: str) -> str:
    """A README with its tables as they must be. Raises StateError where it lacks their marks."""
    for name, table in TABLES.items():
        first, last = (mark.format(name=name) for mark in MARKS)
        before, found, rest = text.partition(first)
        _, ends, after = rest.partition(last)
        if not found or not ends:
            raise StateError(f"the README lacks {first} … {last}; put both where the table belongs")
        text = f"{before}{first}\n\n{table()}\n\n{last}{after}"
    return text


def _key(topic: str) -> str:
    return TOPICS[topic].key


def _part(types: Types, name: str, definition: Mapping[str, Any]) -> str:
    short = name.rpartition(".")[2]
    if definition["type"] == "fixed":
        return f"#### {short}\n\n{definition['doc']} Avro: fixed, {definition['size']} bytes."
    return f"#### {short}\n\n{definition['doc']}\n\n{_table(types, definition)}"


def _table(types: Types, definition: Mapping[str, Any]) -> str:
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *_rows(types, definition)])


def _rows(types: Types, definition: Mapping[str, Any]) -> Iterator[str]:
    for one in definition["fields"]:
        default = f"`{json.dumps(one['default'])}`" if "default" in one else ""
        doc = str(one["doc"]).replace("|", "\\|")
        yield f"| `{one['name']}` | {_type(types, one['type'])} | {default} | {doc} |"


def _type(types: Types, kind: Any) -> str:
    null, kind = types.optional(kind)
    name = types.name(kind)
    if name in ("record", "fixed"):
        name = str(types.definition(kind)["name"]).rpartition(".")[2]
    elif name == "array":
        name = f"array of {_type(types, kind['items'])}"
    elif name == "map":
        name = f"map of {_type(types, kind['values'])}"
    return f"{name} or null" if null else name


def main(path: Path = README) -> int:
    """Write the tables into the README."""
    path.write_text(written(path.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
