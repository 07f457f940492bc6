"""Golden bytes: for each released version of each record a value, its body and both headers, kept as files.

    python -m tests.schemas.golden

writes those that are not there yet (a new version's). The files of released versions never change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from headwater.schemas import framing, plain
from headwater.schemas.records import RECORDS, Schema, released
from headwater.schemas.types import Types

FOLDER = Path(__file__).parent / "golden"
#: The registry id in the Confluent headers.
REGISTRY_ID = 0x01020304


class Golden(NamedTuple):
    """One value and its bytes."""

    value: dict[str, Any]
    body: bytes
    single_object: bytes
    confluent: bytes


def example(schema: Schema, *, full: bool) -> dict[str, Any]:
    """A value that says of each field which it is: with all that is optional, or with none of it."""
    types = Types(schema)

    def value(kind: Any, name: str, number: int) -> Any:
        null, kind = types.resolve(kind)
        if null and not full:
            return None
        sort = types.name(kind)
        if sort == "record":
            return {one["name"]: value(one["type"], one["name"], at) for at, one in enumerate(kind["fields"], 1)}
        if sort == "array":
            return [value(kind["items"], name, number + item) for item in range(2)] if full else []
        if sort == "map":
            return {f"{name} µ{item}": json.dumps({"item": item}) for item in range(2)} if full else {}
        if sort in ("fixed", "bytes"):
            return bytes((number + at) % 256 for at in range(kind["size"] if sort == "fixed" else 5))
        plain_values: dict[str, Any] = {
            "boolean": number % 2 == 1, "int": -number * 1000, "long": number * 10**15, "float": number / 4,
            "double": -number / 8, "string": f"{name} → {number}",
        }  # fmt: skip
        return plain_values[sort]

    made: dict[str, Any] = value(types.top, "", 0)
    return made


def make(schema: Schema, *, full: bool) -> Golden:
    """The golden bytes of a schema as they are now."""
    value = example(schema, full=full)
    return Golden(
        value, plain.encode(schema, value), framing.single_object_header(schema), framing.confluent_header(REGISTRY_ID)
    )


def path_of(record: str, version: int, *, full: bool) -> Path:
    return FOLDER / f"{record}-v{version}-{'full' if full else 'sparse'}.json"


def load(path: Path) -> Golden:
    content = json.loads(path.read_text("utf-8"), object_hook=_bytes)
    return Golden(**content)


def _bytes(found: dict[str, Any]) -> Any:
    return bytes.fromhex(found["hex"]) if found.keys() == {"hex"} else found


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for record in RECORDS:
        for version, schema in enumerate(released(record), 1):
            for full in (False, True):
                path = path_of(record, version, full=full)
                if not path.exists():
                    content = make(schema, full=full)._asdict()
                    text = json.dumps(content, ensure_ascii=False, indent=1, default=lambda found: {"hex": found.hex()})
                    path.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
