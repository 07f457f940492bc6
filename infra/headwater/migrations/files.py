"""The migrations as files: `sql/NNNN_name.up.sql` and `.down.sql`, one statement each.

A file begins with two comments: what it does, and `-- kind: immediate` or `-- kind: long` (a rewrite of
data that may run for hours). `${database}` and the clauses of `headwater.migrations.engines` are filled in
(`${settings(512)}`: for tables that are looked up by key, with granules of 512 rows), and `${select(NNNN)}` is what
the view of migration NNNN selects: to read it without naming it, or to put back an earlier definition of a view.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from headwater.errors import StateError
from headwater.migrations.engines import Engines

_NAME = re.compile(r"(\d{4})_(\w+)\.(up|down)\.sql")
_SELECT = re.compile(r"\$\{select\((\d{4})\)\}")
_PLACE = re.compile(r"\$\{(\w+)(?:\((\w+)\))?\}")
_GRANULES = "index_granularity = 8192"
#: Of tables that are looked up by key. A look-up unpacks whole blocks, so here one holds a granule of ids, 16 bytes
#: each; parts above 1 MB have a file a column, since in a compact one each granule of each column is packed by itself.
_LOOKED_UP = "index_granularity = {rows}, min_compress_block_size = {bytes}, min_bytes_for_wide_part = 1000000"
KINDS = ("immediate", "long")


@dataclass(frozen=True)
class Migration:
    """One step, both ways. `checksum`: of both files as they are, SHA-256, the first 16 hex digits."""

    number: int
    name: str
    title: str
    kind: str
    up: str
    down: str
    checksum: str


def shipped(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """All migrations in order. Raises StateError where a file is misnamed, missing or has no header."""
    folder = folder or files("headwater.migrations") / "sql"
    texts: dict[tuple[int, str], dict[str, str]] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise StateError(f"{file.name} is no migration: NNNN_name.up.sql or NNNN_name.down.sql")
        texts.setdefault((int(match[1]), match[2]), {})[match[3]] = file.read_text("utf-8")
    ups = {number: pair.get("up", "") for (number, _), pair in texts.items()}
    found = tuple(_migration(number, name, pair, ups) for (number, name), pair in sorted(texts.items()))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StateError("migrations must be numbered 1, 2, 3, … without a gap and without a double")
    return found


def _migration(number: int, name: str, pair: dict[str, str], ups: Mapping[int, str]) -> Migration:
    label = f"{number:04d}_{name}"
    if set(pair) != {"up", "down"}:
        raise StateError(f"{label} needs an .up.sql and a .down.sql")
    heads = [text.split("\n", 2) for text in (pair["up"], pair["down"])]
    if any(len(head) != 3 or not head[0].startswith("-- ") or not head[1].startswith("-- kind: ") for head in heads):
        raise StateError(f"{label} must begin with a comment that says what it does and with -- kind: …")
    kind = heads[0][1].removeprefix("-- kind: ").strip()
    if kind not in KINDS:
        raise StateError(f"{label} is of kind {kind!r}; a migration is {' or '.join(KINDS)}")
    digest = hashlib.sha256("\0".join((pair["up"], pair["down"])).encode()).hexdigest()[:16]
    down = _SELECT.sub(lambda place: _selected(ups, int(place[1]), label), heads[1][2])
    up = _inlined(ups, heads[0][2], label)
    return Migration(number, name, heads[0][0].removeprefix("-- "), kind, up, down, digest)


def _inlined(ups: Mapping[int, str], text: str, label: str) -> str:
    """A statement that reads other views by their text: a view that names views is analysed once more at each level."""
    return _SELECT.sub(lambda place: _selected(ups, int(place[1]), label).rpartition("\nCOMMENT ")[0], text)


def _selected(ups: Mapping[int, str], number: int, label: str) -> str:
    """What the view of that migration selects, with its comment."""
    _, begins, selected = ups.get(number, "").partition("${on_cluster} AS\n")
    if not begins:
        raise StateError(f"{label} reads or puts back the view of migration {number:04d}, which makes none")
    return _inlined(ups, selected.rstrip("\n"), label)


def render(statement: str, database: str, engines: Engines) -> str:
    """A statement with its places filled in. Raises StateError for a place that nobody fills."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "database":
            return quote(database)
        if match[1] == "settings" and match[2]:
            looked_up = _LOOKED_UP.format(rows=match[2], bytes=16 * int(match[2]))
            return engines.clause("settings", None).replace(_GRANULES, looked_up)
        return engines.clause(match[1], match[2])

    return _PLACE.sub(fill, statement).strip()


def quote(identifier: str) -> str:
    """An identifier as ClickHouse reads it, whatever characters it holds."""
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
