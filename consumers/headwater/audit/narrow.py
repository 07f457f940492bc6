"""The same question, asked of what a walk finds.

A statement that walks reads all edges in `upstream_at` or `downstream_at`, and then joins whole views to the few nodes
that those give. Here the walk is done by look-ups first, and its nodes stand in the statement as parameters, in place
of the view; of the other views the statement reads only the rows that belong to those nodes. The statement is otherwise
as it is documented, and so is the answer. Which rows of which view belong to the walk, the question says:
`-- near VIEW: what`. Of a question that says `-- near edges: around` the edges into and out of the dataset that its
parameters `namespace` and `name` name are looked up likewise, of one that says `-- near column_edges: below` the steps
that lead down from the column that `column` names; of `-- near dataset_versions: repeated` the versions whose content
another version has too. A question that walks nowhere reads `all` of a view by its text, with the columns that it names
alone, or `doubles` too; or the whole `text` of the view; or of predictions those of a `key` or a `subject`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from headwater.audit.around import AROUND, around, versions
from headwater.audit.belonging import Belonging
from headwater.audit.clocks import END, NOW, Clocks
from headwater.audit.edges import Edges
from headwater.audit.literal import literal
from headwater.audit.lookup import Nodes
from headwater.audit.matching import matched
from headwater.audit.model import Direction, Node
from headwater.audit.naming import Names
from headwater.audit.near import NEAR
from headwater.audit.pruned import asked
from headwater.audit.repeated import repeated
from headwater.audit.rows import CHUNK
from headwater.audit.store import Client
from headwater.audit.tagging import Step, below
from headwater.audit.texts import KEYED, prediction, text
from headwater.audit.versions import named
from headwater.audit.walking import Reached, reached

_CALL = re.compile(r"\b(\w+)_at\(((?:\w+ = \{\w+:[^{}]+\}(?:, )?)+)\)")
_ARGUMENT = re.compile(r"(\w+) = \{(\w+):")
_WALKS: Mapping[str, Direction] = {"upstream": "up", "downstream": "down"}


def narrowed(
    client: Client, sql: str, values: Mapping[str, Any], near: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Statement and parameters after the walk; as they were where it does not walk."""
    if near.get("edges") == "around":
        return _around(client, sql, values)
    if near.get("column_edges") == "below":
        return _below(client, sql, values, near)
    if near.get("dataset_versions") == "repeated":
        alike = repeated(client, CHUNK, _clocks(values["at"], values["known_at"]))
        if alike is None:
            return sql, dict(values)
        sent = {**values, **alike}
        belonging = Belonging(client, sql, near, _given(_AT, values), sent)
        return _placed(sql, belonging.literals(set(alike["near_keys"]), ()), near, values, sent)
    if not any(call[1] in _WALKS for call in _CALL.finditer(sql)):
        sql, values = matched(client, sql, values)
        return _placed(sql, {}, near, values, dict(values))
    walks: dict[str, str] = {}
    sent = dict(values)
    nodes: set[Reached] = set()
    steps: dict[tuple[Direction, Clocks], Edges] = {}
    for call in _CALL.finditer(sql):
        if call[1] in _WALKS and call[0] not in walks:
            found = _walked(client, _WALKS[call[1]], _arguments(call[2], values), steps)
            nodes.update(found)
            walks[call[0]] = literal(f"walk{len(walks)}", _WALKED, found, sent)
    if len(nodes) > CHUNK:
        # Too many to say which rows of the other views belong to them: those views are read whole, the walk is not.
        return _placed(sql, walks, {}, values, sent)
    sent |= _near(named({(node.namespace, node.name) for node in nodes}))
    if {"dataset_versions", "runs"} & near.keys():
        sent["near_versions"] = sorted({node.version for node in nodes if node.version is not None})
        belonging = Belonging(client, sql, near, _given(_AT, values), sent)
        walks |= belonging.literals({node.key for node in nodes}, nodes)
    return _placed(sql, walks, near, values, sent)


def _around(client: Client, sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    edges: dict[str, str] = {}
    sent = dict(values)
    keys = versions(client, values["namespace"], values["name"])
    for call in _CALL.finditer(sql):
        if call[1] != "edges" or call[0] in edges:
            continue
        clocks = _clocks(**_arguments(call[2], values))
        found = around(client, keys, clocks)
        edges[call[0]] = literal(f"edges{len(edges)}", AROUND, found, sent)
    return _placed(sql, edges, {}, values, sent)


def _below(client: Client, sql: str, values: Mapping[str, Any], near: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    [edges] = [call for call in _CALL.finditer(sql) if call[1] == "column_edges"]
    root = values["namespace"], values["name"], values["column"]
    clocks = _clocks(**_arguments(edges[2], values))
    steps = below(client, *root, depth=values["depth"], most=CHUNK, clocks=clocks)
    if steps is None:
        return sql, dict(values)
    sent = {**values, **_near(named({(step.target_namespace, step.target_name) for step in steps}))}
    rows = literal("step", dict.fromkeys(Step._fields, "Nullable(String)"), steps, sent)
    # As the view tells them: who reads from it asks for steps that are direct and unmasked.
    rows = f"(SELECT *, false AS masking, 'DIRECT' AS transformation FROM {rows})"
    return _placed(sql, {"column_edges": rows}, near, values, sent)


def _near(names: Mapping[str, object]) -> dict[str, object]:
    return {f"near_{name}": value for name, value in names.items()}


def _placed(
    sql: str, told: Mapping[str, str], near: Mapping[str, str], values: Mapping[str, Any], sent: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The statement with what was told in place of a view, or of one call of it, and the parameters that it names."""

    def of(call: re.Match[str]) -> str:
        return told.get(call[0]) or told.get(call[1]) or _of(call, near, sql, values)

    text = _CALL.sub(of, sql)
    return text, {name: value for name, value in sent.items() if name in values or f"{{{name}:" in text}


def _arguments(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[given] for name, given in _ARGUMENT.findall(text)}


def _walked(
    client: Client,
    direction: Direction,
    arguments: Mapping[str, Any],
    steps: dict[tuple[Direction, Clocks], Edges],
) -> tuple[Reached, ...]:
    clocks = _clocks(arguments["at"], arguments["known_at"])
    if (direction, clocks) not in steps:
        names, nodes = Names(client, clocks), Nodes(client, clocks)
        steps[direction, clocks] = Edges(client, direction, names, nodes, columns=False, clocks=clocks)
    root = Node(arguments["namespace"], arguments["name"], arguments["version"])
    return reached(client, root, steps[direction, clocks], arguments["depth"])


def _clocks(at: datetime, known_at: datetime) -> Clocks:
    """What says all time is no clock: the tables of now are looked up faster."""
    return NOW if at >= END and known_at >= END else Clocks(at, known_at)


#: The columns of the views `upstream_at` and `downstream_at` with their types, in the order of `Reached`.
_WALKED: Final = {
    "namespace": "String",
    "name": "String",
    "version": "Nullable(String)",
    "kind": "String",
    "depth": "UInt32",
    "truncated": "Bool",
    "key": "UInt64",
}
#: The clocks, under the names that questions give their parameters.
_AT: Final = {"at": "at", "known_at": "known_at"}


def _given(clocks: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """The clocks that say less than all time, by the names of their parameters."""
    return {name: given for name, given in clocks.items() if values[given] < END}


def _of(call: re.Match[str], near: Mapping[str, str], sql: str, values: Mapping[str, Any]) -> str:
    """A view, of which only what belongs to the walk is read."""
    what = near.get(call[1])
    if what is None:
        return call[0]
    clocks = _given(dict(_ARGUMENT.findall(call[2])), values)
    if what == "text":
        return text(call[1], clocks)
    if what in KEYED:
        return prediction(what, clocks, sql)
    return asked(call[1], NEAR[what], clocks, sql, doubles=what == "doubles")
