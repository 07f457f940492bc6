"""May a reader say this? Judged by the tree that the engine's own parser makes of the statement.

`parseQueryToJSON` takes one statement as a parameter, so no text of ours stands beside it, and
refuses several. The few harmless statements that it cannot give as JSON have a form each below, matched whole.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, cast

from headwater.embedded.store import policy
from headwater.embedded.store.engine import Connection, Refused, escaped

READONLY = 164
#: The parser's word for SELECT, WITH and what UNION joins.
SELECT = "SelectWithUnionQuery"
#: ClickHouse's own limit on a statement's length, in bytes.
MAX_QUERY_BYTES = 262144
#: Texts that are remembered, and their length at most: commands say the same again with other values.
REMEMBERED, REMEMBERED_LENGTH = 256, 32768

_NAME = r"(?:[A-Za-z_][A-Za-z0-9_]*|`[A-Za-z_][A-Za-z0-9_]*`)"
_TABLE = rf"{_NAME}(?:\.{_NAME})?"
_END = r"(?:\s+FORMAT\s+(?P<format>[A-Za-z]+))?\s*;?\s*"
#: Statements without a JSON form that name at most one table of ours.
_FORMS = tuple(
    re.compile(pattern + _END, re.IGNORECASE)
    for pattern in (
        rf"\s*DESC(?:RIBE)?(?:\s+TABLE)?\s+{_TABLE}",
        rf"\s*EXISTS(?:\s+(?:TABLE|VIEW|DATABASE))?\s+{_TABLE}",
        rf"\s*SHOW\s+CREATE(?:\s+(?:TABLE|VIEW|DATABASE))?\s+{_TABLE}",
        r"\s*SHOW\s+(?:PROCESSLIST|ENGINES|FUNCTIONS)",
    )
)
_DESCRIBED = re.compile(r"\s*DESC(?:RIBE)?(?:\s+TABLE)?\s*\((?P<query>.*)\)" + _END, re.IGNORECASE | re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")
_IN = frozenset({"in", "notin", "globalin", "globalnotin", "nullin", "notnullin", "globalnullin", "globalnotnullin"})
_NO_JSON = re.compile(r"does not support JSON serialization|is not supported by parseQueryToJSON")


@dataclass(frozen=True)
class Statement:
    """What the parser says of one statement."""

    #: The FORMAT clause, None where there is none.
    format: str | None
    #: Settings of its SETTINGS clauses that the engine will apply.
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The tree's root, e.g. SelectWithUnionQuery; "" where the parser has no JSON for it.
    kind: str = ""


class Remembered:
    """What texts were found to be."""

    def __init__(self) -> None:
        self._known: dict[str, Statement] = {}
        self._lock = threading.Lock()

    def known(self, text: str) -> Statement | None:
        """What was kept of this text, None where nothing was or is any more."""
        with self._lock:
            known = self._known.pop(text, None)
            if known is not None:
                self._known[text] = known  # the last one asked for stands last
            return known

    def keep(self, text: str, statement: Statement) -> None:
        """Keep it, unless the text is long."""
        if len(text) > REMEMBERED_LENGTH:
            return
        with self._lock:
            self._known[text] = statement
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]


class Guard:
    """The rules for readers, against one engine's lists of functions."""

    def __init__(self, connection: Connection) -> None:
        listed = connection.query("SELECT lower(name), lower(alias_to) FROM system.functions", "TSVRaw").data.decode()
        pairs = [line.split("\t") for line in listed.splitlines()]
        self._refused = {name for name, alias in pairs if name in policy.FUNCTIONS or alias in policy.FUNCTIONS}
        self._refused |= set(policy.FUNCTIONS)
        tables = connection.query("SELECT lower(name) FROM system.table_functions", "TSVRaw").data.decode()
        # What is none of the engine's table functions can only be a view with parameters, such as upstream.
        self._tables = frozenset(tables.split()) - policy.TABLE_FUNCTIONS
        scalars = {name for name, _ in pairs}
        # `x IN url(…)` names a table function where a plain function stands.
        self._refused |= self._tables - scalars
        self._judged = Remembered()

    def known(self, text: str) -> Statement | None:
        """What was judged of this text before, None where it was not or is not remembered."""
        return self._judged.known(text)

    def judge(self, connection: Connection, text: str, parameters: Mapping[str, str]) -> Statement:
        """What a reader's statement is. Raises Refused: a syntax error, or 164 where a reader may not say it."""
        if "\0" in text:
            raise _no("a statement holds no zero byte")
        if len(text.encode()) > MAX_QUERY_BYTES:
            raise Refused(62, "Code: 62. DB::Exception: Syntax error: Max query size exceeded. (SYNTAX_ERROR)")
        try:
            tree = parse(connection, text)
        except Refused as error:
            if not _NO_JSON.search(error.message):
                raise
            return self._form(connection, text, parameters)
        if tree.get("type") not in policy.STATEMENTS:
            raise _no(f"{tree.get('type')} is not among a reader's statements")
        walk = _Walk(self._refused, self._tables, parameters)
        walk.visit(tree)
        statement = described(tree)
        _check_format(statement.format)
        judged = Statement(statement.format, walk.settings, statement.kind)
        if not walk.by_value:
            self._judged.keep(text, judged)
        return judged

    def _form(self, connection: Connection, text: str, parameters: Mapping[str, str]) -> Statement:
        for form in _FORMS:
            match = form.fullmatch(text)
            if match:
                _check_format(match["format"])
                return Statement(match["format"])
        match = _DESCRIBED.fullmatch(text)
        if match:
            inner = self.judge(connection, match["query"], parameters)
            if inner.kind == SELECT and inner.format is None and not inner.settings:
                _check_format(match["format"])
                return Statement(match["format"])
        raise _no("this is not among a reader's statements (SELECT, WITH, EXPLAIN, SHOW, DESCRIBE, EXISTS)")


class _Walk:
    """One way through a statement's tree, collecting its settings."""

    def __init__(self, refused: Set[str], tables: Set[str], parameters: Mapping[str, str]) -> None:
        self._refused = refused
        self._tables = tables
        self._parameters = parameters
        self.settings: dict[str, str] = {}
        #: Whether a parameter's value decided, and not the text alone.
        self.by_value = False

    def visit(self, node: Mapping[str, Any]) -> None:
        kind = node.get("type")
        if kind not in policy.NODES:
            raise _no(f"{kind} is not among what a reader's statement is made of")
        if "out_file" in node:
            raise _no("INTO OUTFILE writes a file")
        if kind == "Literal":
            return
        if kind == "SetQuery":
            self.settings.update(_changes(node))
            return
        if kind == "TableIdentifier":
            _check_table(node)
        elif kind == "QueryParameter":
            self._check_parameter(node)
        elif kind == "Function":
            self._check_function(str(node.get("name", "")), node)
        elif kind == "ColumnsApplyTransformer":
            self._check_function(str(node.get("func_name", "")), node)
        elif kind == "TableExpression" and "table_function" in node:
            name = str(cast("Mapping[str, Any]", node["table_function"]).get("name", ""))
            if name.lower() in self._tables:
                raise _no(f"the table function {name} reaches beyond the tables")
        for key, child in _children(node):
            if kind == "ExplainQuery" and key == "settings":
                continue  # options of EXPLAIN, no settings of the engine
            self.visit(child)

    def _check_function(self, name: str, node: Mapping[str, Any]) -> None:
        lowered = name.lower()
        if lowered in self._refused:
            raise _no(f"the function {name} {policy.FUNCTIONS.get(lowered, 'reaches beyond the tables')}")
        # `x IN name`: an identifier on the right side may be a table.
        if lowered in _IN:
            arguments = cast("Mapping[str, list[Mapping[str, Any]]]", node.get("arguments") or {})
            for argument in arguments.get("children", [])[1:]:
                if argument.get("type") == "Identifier":
                    _check_table(argument)

    def _check_parameter(self, node: Mapping[str, Any]) -> None:
        name, kind = str(node.get("name", "")), str(node.get("param_type", ""))
        if kind.lower() != "identifier":
            return
        self.by_value = True
        if not _PLAIN_NAME.fullmatch(self._parameters.get(name, "")):
            raise _no(f"the parameter {name} names no table or column")


def parse(connection: Connection, text: str) -> Mapping[str, Any]:
    """The parser's tree of one statement. Raises Refused: a syntax error, several statements, or no JSON form."""
    try:
        answer = connection.query("SELECT parseQueryToJSON({query:String})", "TSVRaw", {"query": escaped(text)})
    except Refused as error:
        # The engine adds where it met the error: our own statement, which says nothing to the reader.
        message = re.sub(r": In scope SELECT parseQueryToJSON\(.*\)\. \(", ". (", error.message, flags=re.DOTALL)
        raise Refused(error.code, message) from error
    return cast("Mapping[str, Any]", json.loads(answer.data))


def described(tree: Mapping[str, Any]) -> Statement:
    """A statement's kind and FORMAT clause from its tree."""
    clause = cast("Mapping[str, Any]", tree.get("format_ast") or {})
    inner = tree.get("query")
    if not clause and tree.get("type") == "ExplainQuery" and isinstance(inner, dict):
        clause = cast("Mapping[str, Any]", cast("Mapping[str, Any]", inner).get("format_ast") or {})
    name = clause.get("name")
    return Statement(str(name) if name else None, kind=str(tree.get("type", "")))


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in node.items():
        for item in cast("list[object]", value if isinstance(value, list) else [value]):
            if isinstance(item, dict):
                yield key, cast("Mapping[str, Any]", item)


def _changes(node: Mapping[str, Any]) -> dict[str, str]:
    if set(node) - {"type", "changes", "is_standalone"}:
        raise _no("SETTINGS with defaults or parameters")
    changes: dict[str, str] = {}
    for change in cast("list[Mapping[str, Any]]", node.get("changes") or []):
        name, value = str(change.get("name")), cast("Mapping[str, Any]", change.get("value") or {})
        check_setting(name)
        plain = value.get("value")
        if not isinstance(plain, str | int | float | bool):
            raise _no(f"the setting {name} has no plain value")
        changes[name] = str(int(plain)) if isinstance(plain, bool) else str(plain)
    return changes


def check_setting(name: str) -> None:
    """Raises Refused where a reader may not change this setting."""
    allowed = name in policy.SETTINGS or name in policy.CAPPED or name.startswith(policy.SETTINGS_PREFIX)
    if not allowed or name in policy.SETTINGS_REFUSED:
        raise _no(f"Cannot modify '{name}' setting in readonly mode")


def _check_table(node: Mapping[str, Any]) -> None:
    if any(child.get("type") == "QueryParameter" for _, child in _children(node)):
        return  # its value is checked where the parameter is visited
    parts = cast("list[str]", node.get("name_parts") or [node.get("name", "")])
    if len(parts) > 2 or not all(_PLAIN_NAME.fullmatch(part) for part in parts):
        raise _no(f"{node.get('name')!r} is no table's name")


def _check_format(name: str | None) -> None:
    if name is not None and name.lower() in policy.FORMATS_REFUSED_LOWER:
        raise _no(f"the format {name} needs a file of the machine or a protocol of its own")


def _no(reason: str) -> Refused:
    return Refused(READONLY, f"Code: {READONLY}. DB::Exception: A reader may not do this: {reason}. (READONLY)")
