"""A schema follows the released ones only if each version reads what each other wrote, and keeps to the rules."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import pieces, plain, records
from headwater.schemas.evolution import incompatible, unreadable
from headwater.schemas.records import RECORDS, Schema, current, released
from headwater.schemas.rules import broken, disagreeing
from headwater.schemas.types import is_definition, is_union
from tests.schemas.strategies import PLAIN, schemas
from tests.schemas.values import Values

PLACEHOLDERS: dict[str, Any] = {
    "boolean": True, "int": 7, "long": 7, "float": 1.5, "double": 1.5, "string": "new", "bytes": "new",
}  # fmt: skip


def _places(kind: Any) -> list[tuple[Any, Any]]:
    """Every place that holds a type: its holder and the key in it."""
    found: list[tuple[Any, Any]] = []
    if is_union(kind):
        for index, branch in enumerate(kind):
            found += [(kind, index), *_places(branch)]
    elif is_definition(kind):
        for one in kind.get("fields", ()):
            found += [(one, "type"), *_places(one["type"])]
        for part in ("items", "values"):
            if part in kind:
                found += [(kind, part), *_places(kind[part])]
    return found


def altered(schema: Schema, source: random.Random) -> Schema:
    """The schema with one thing changed, maybe compatibly. Raises ContractError where that is no schema."""
    definition: Any = json.loads(schema.text)
    places = _places(definition)
    holder, key = source.choice(places)
    kind = holder[key]
    way = source.randrange(6)
    holders = [definition, *(holder[key] for holder, key in places)]
    held: list[Any] = [one for one in holders if is_definition(one) and one.get("type") == "record"]
    fields = source.choice(held)["fields"]
    if way == 0:
        added = source.choice(PLAIN)
        fields.insert(source.randrange(len(fields) + 1), {"name": "added", "type": added})
        if source.random() < 0.7:
            fields[[one["name"] for one in fields].index("added")]["default"] = PLACEHOLDERS[added]
    elif way == 1 and len(fields) > 1:
        del fields[source.randrange(len(fields))]
    elif way == 2 and kind != "null" and not is_union(kind) and not is_union(holder):
        holder[key] = ["null", kind]
    elif way == 3 and is_union(kind):
        holder[key] = kind[1]
    elif way == 4:
        source.shuffle(fields)
    elif is_definition(kind) and kind.get("type") == "fixed":
        other = {"size": source.choice((3, 8))} if source.random() < 0.5 else {"name": "Other"}
        holder[key] = {**kind, **other}
    elif kind in PLAIN:
        holder[key] = source.choice(PLAIN)
    return records.parse(json.dumps(definition))


@settings(max_examples=300)
@given(schemas(), st.integers(0, 2**32))
def test_the_check_says_what_fastavro_does(writer: Schema, seed: int) -> None:
    """Where the check finds nothing, fastavro reads every value; where it finds something, some value fails."""
    source = random.Random(seed)
    try:
        reader = altered(writer, source)
    except ContractError:
        return
    values = Values(writer, source, 0.6, longest=2)
    failures = 0
    for _ in range(40):
        body = plain.encode(writer, values.record())
        try:
            plain.decode(writer, body, reader)
        except InvalidMessage:
            failures += 1
    assert bool(failures) == bool(unreadable(writer, reader)), (writer.text, reader.text)


def test_schemas_that_differ_in_a_default_alone_are_read_by_their_own() -> None:
    """Their fingerprints, by which they are equal, are the same."""
    field = {"name": "added", "type": "long"}
    one = {"type": "record", "name": "One", "fields": [{"name": "v", "type": "long"}]}
    readers = [
        records.parse(json.dumps({**one, "fields": [*one["fields"], added]}))
        for added in ({**field, "default": 1}, {**field, "default": 2}, field)
    ]
    assert len({reader.fingerprint for reader in readers}) == 1
    writer = records.parse(json.dumps(one))
    body = plain.encode(writer, {"v": 0})
    assert [plain.decode(writer, body, reader)["added"] for reader in readers[:2]] == [1, 2]
    with pytest.raises(InvalidMessage):
        plain.decode(writer, body, readers[2])
    assert [pieces.run_of(reader, "added", None).encode({}) for reader in readers[:2]] == [b"\x02", b"\x04"]


Change = Callable[[dict[str, Any]], object]


def changed(record: str, change: Change) -> Schema:
    """A record's current schema after a change to its definition."""
    definition = copy.deepcopy(dict(current(record).definition))
    change(definition)
    return records.parse(json.dumps(definition))


def field(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """A field of a record, by name."""
    found: dict[str, Any] = next(one for one in definition["fields"] if one["name"] == name)
    return found


def _add(**new: Any) -> Change:
    return lambda definition: definition["fields"].append(new)


def _set(which: str, **new: Any) -> Change:
    return lambda definition: field(definition, which).update(new)


def _drop(name: str) -> Change:
    return lambda definition: definition["fields"].remove(field(definition, name))


def _run(change: Change) -> Change:
    return lambda definition: change(field(definition, "run")["type"][1])


def _swap(definition: dict[str, Any]) -> None:
    definition["fields"][2], definition["fields"][3] = definition["fields"][3], definition["fields"][2]


def _reorder(definition: dict[str, Any]) -> None:
    definition["fields"][-2:] = definition["fields"][:-3:-1]


#: Changes of the run event that are not FULL_TRANSITIVE, whichever checker is asked.
INCOMPATIBLE: dict[str, Change] = {
    "a field without a default": _add(name="new", type="string", doc="New."),
    "a field of a nested record without a default": _run(_add(name="new", type="long", doc="New.")),
    "a field dropped that older readers need": _drop("event_id"),
    "an int turned into a long": _set("part", type="long"),
    "a long turned into an int": _set("event_time", type="int"),
    "a long turned into a string": _set("event_time", type="string"),
    "text that may be null": _set("kind", type=["null", "string"], default=None),
    "text that may no longer be null": _set("actor", type="string", default=""),
    "an array turned into a map": _set("metrics", type={"type": "map", "values": "string"}, default={}),
    "a map of other values": _set("parameters", type={"type": "map", "values": "long"}, default={}),
    "a field with another name": _set("event_id", name="id"),
    "an id of another size": lambda definition: field(definition, "producer_id")["type"].update(size=20),
    "a third branch": _set("actor", type=["null", "string", "long"], default=None),
    "a nested record with another name": _run(lambda run: run.update(name="Execution")),
}
#: Changes that only our own rules refuse.
AGAINST_THE_RULES: dict[str, Change] = {
    "no doc": _add(name="new", type=["null", "string"], default=None),
    "an enum": _add(
        name="new", doc="New.", default="A", type={"type": "enum", "name": "E", "doc": "E.", "symbols": ["A", "B"]}
    ),
    "a union of two types": _add(name="new", doc="New.", default=None, type=["null", "string", "long"]),
    "null second": _add(name="new", doc="New.", default="", type=["string", "null"]),
    "an optional value that is not null by default": _add(name="new", doc="New.", default="x", type=["string", "null"]),
    "a logical type": _add(name="new", doc="New.", default=0, type={"type": "long", "logicalType": "timestamp-micros"}),
    "an id of 20 bytes": _add(
        name="new", doc="New.", default=None, type=["null", {"type": "fixed", "name": "Sha1", "size": 20, "doc": "Id."}]
    ),
    "a map of numbers": _add(name="new", doc="New.", default={}, type={"type": "map", "values": "double"}),
    "a name in capitals": _add(name="newField", doc="New.", default=0, type="long"),
    "an alias": _set("kind", aliases=["sort"]),
    "another beginning": _swap,
    "another namespace": lambda definition: definition.update(namespace="elsewhere"),
}
#: Changes that are allowed.
ALLOWED: dict[str, Change] = {
    "an optional field": _add(name="new", type=["null", "string"], default=None, doc="New."),
    "a list": _add(name="new", type={"type": "array", "items": "Id"}, default=[], doc="New."),
    "an optional field of a nested record": _run(_add(name="new", type=["null", "long"], default=None, doc="New.")),
    "a field dropped that has a default": _drop("metrics"),
    "another doc": _set("kind", doc="Other words."),
    "fields at the end in another order": _reorder,
}


@pytest.mark.parametrize("change", INCOMPATIBLE.values(), ids=INCOMPATIBLE.keys())
def test_what_is_not_full_transitive_is_refused(change: Change) -> None:
    """A change that makes one released version unreadable, in either direction, is named."""
    candidate = changed("run_event", change)
    assert incompatible(candidate, released("run_event"))


@pytest.mark.parametrize("change", AGAINST_THE_RULES.values(), ids=AGAINST_THE_RULES.keys())
def test_what_is_against_the_rules_is_refused(change: Change) -> None:
    """A change that our decoders would not all read alike is named."""
    assert broken(changed("run_event", change))


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_compatible_is_allowed(change: Change) -> None:
    """Optional fields may come, fields with defaults may go, docs may change."""
    candidate = changed("run_event", change)
    assert incompatible(candidate, released("run_event")) == ()
    assert broken(candidate) == ()


def test_every_version_counts_not_only_the_last() -> None:
    """A field that came and went may not come back as another type: some version would misread it."""
    first = current("dead_letter")
    second = changed("dead_letter", _add(name="new", type=["null", "string"], default=None, doc="New."))
    third = changed("dead_letter", _add(name="new", type=["null", "long"], default=None, doc="New."))
    assert incompatible(second, [first]) == ()
    assert incompatible(third, [first]) == ()
    assert any("version 2" in problem for problem in incompatible(third, [first, second, first]))


@pytest.mark.parametrize("record", RECORDS)
def test_the_contract_keeps_to_its_rules(record: str) -> None:
    """Every record: allowed types, docs, defaults, and each version compatible with all before it."""
    versions = released(record)
    for number, version in enumerate(versions):
        assert broken(version) == ()
        assert incompatible(version, versions[:number]) == ()


def test_types_of_one_name_are_one_type() -> None:
    """A type used by several records is the same in all, or another version that reads it; slices fit."""
    contract = {record: current(record) for record in RECORDS}
    assert disagreeing(contract) == ()
    older = changed("run_event", lambda definition: definition)
    assert disagreeing({**contract, "run_event": older}) == ()
    grown = changed(
        "decision", lambda d: _tag(d)["fields"].append({"name": "at", "type": ["null", "long"], "default": None})
    )
    assert disagreeing({**contract, "decision": grown}) == ()
    other = changed("decision", lambda d: _tag(d)["fields"].append({"name": "at", "type": "long"}))
    assert any("headwater.Tag" in problem for problem in disagreeing({**contract, "decision": other}))
    node = changed("edge_set", lambda d: field(d, "datasets")["type"]["items"]["fields"].reverse())
    assert any("headwater.Node" in problem for problem in disagreeing({**contract, "edge_set": node}))


def _tag(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = field(definition, "tags")["type"]["items"]
    return found
