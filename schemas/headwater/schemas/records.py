"""The records of the contract and their released versions, read from `avsc/<record>/v<n>.avsc`."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError

RECORDS = (
    "run_event",
    "prediction",
    "profile",
    "dataset_use",
    "edge_set",
    "verdict",
    "alert",
    "decision",
    "producer_event",
    "dead_letter",
)


#: Where the contract's files are. importlib.resources would find them in a zip too, but takes longer to import than
#: they take to read, and hosts wait for our imports.
FOLDER: Final = Path(__file__).parent / "avsc"
#: Which versions are released; `release` writes it.
LIST: Final = FOLDER / "released.json"


class Release(NamedTuple):
    """One released version. `fingerprint`: CRC-64-AVRO, `sha256`: of the file; both hexadecimal."""

    version: int
    fingerprint: str
    sha256: str


@dataclass(frozen=True)
class Schema:
    """One writer schema. Equal by fingerprint."""

    text: str = field(compare=False, repr=False)
    #: CRC-64-AVRO of the Parsing Canonical Form, an unsigned 64-bit number.
    fingerprint: int
    #: The Avro full name, e.g. headwater.RunEvent.
    name: str = field(compare=False)

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        """The schema as JSON gives it."""
        return cast("Mapping[str, Any]", json.loads(self.text))

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro wants it, parsed once."""
        import fastavro.schema  # noqa: PLC0415 — a host that only emits never parses: it need not load it

        return fastavro.schema.parse_schema(dict(self.definition))

    @property
    def fingerprint_bytes(self) -> bytes:
        """The fingerprint as single-object encoding and the schema topic's key hold it: 8 bytes, little-endian."""
        return struct.pack("<Q", self.fingerprint)


def parse(text: str) -> Schema:
    """A schema from its JSON text. Raises ContractError where the text is no record schema."""
    import fastavro.schema  # noqa: PLC0415 — as above

    try:
        definition = json.loads(text)
        canonical = fastavro.schema.to_parsing_canonical_form(definition)
        fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
        # fastavro prints the eight bytes in the order in which single-object encoding holds them.
        number = int.from_bytes(bytes.fromhex(fingerprint), "little")
        schema = Schema(text, number, json.loads(canonical)["name"])
        _ = schema.parsed
    except Exception as error:  # a stranger's schema: fastavro raises half a dozen types, recursion included
        raise ContractError(f"not an Avro schema: {error}") from error
    if schema.definition["type"] != "record":
        raise ContractError(f"a message's schema must be a record, this is {schema.definition['type']!r}")
    return schema


def listed() -> Mapping[str, tuple[Release, ...]]:
    """The released versions of each record, as the list has them; empty where there is no list yet."""
    if not LIST.exists():
        return {}
    content = cast("dict[str, list[dict[str, str | int]]]", json.loads(LIST.read_text("utf-8")))
    return {
        record: tuple(Release(int(one["version"]), str(one["fingerprint"]), str(one["sha256"])) for one in versions)
        for record, versions in content.items()
    }


@cache
def released(record: str) -> tuple[Schema, ...]:
    """All released versions of a record, the oldest first."""
    if record not in RECORDS:
        raise ContractError(f"there is no record {record!r}; the records are {', '.join(RECORDS)}")
    known = {release.sha256: release for release in listed().get(record, ())}
    found: list[Schema] = []
    while (path := FOLDER / record / f"v{len(found) + 1}.avsc").is_file():
        content = path.read_bytes()
        release = known.get(hashlib.sha256(content).hexdigest())
        text = content.decode("utf-8")
        # What is listed was parsed when it was released.
        found.append(parse(text) if release is None else _of_release(text, release))
    return tuple(found)


def _of_release(text: str, release: Release) -> Schema:
    definition = json.loads(text)
    return Schema(text, int(release.fingerprint, 16), f"{definition['namespace']}.{definition['name']}")


def current(record: str) -> Schema:
    """The newest version of a record: what we write, and what we read into."""
    return released(record)[-1]
