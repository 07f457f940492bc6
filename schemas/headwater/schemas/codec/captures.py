"""Which parts of a record are wanted: the paths, read into a tree.

event_id                        a field
run.run_id                      a field of a record (which may be null)
run                             a record that may be null: only whether it is there
inputs[]                        a list's offsets
inputs[].namespace              a field of its items
parameters[].key, ….value       a map is a list of key and value
inputs[].namespace..version     the bytes of neighbouring fields, from the first to the last
partitions[].item               the items of a list of plain values
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.errors import ContractError

#: What the items of a list of plain values, and the parts of a map, are called in a path.
ITEM, KEY, VALUE = "item", "key", "value"


@dataclass
class Wanted:
    """What is wanted of one place in the schema. `path` names it, empty for the record itself."""

    path: str
    #: The value itself: a plain value, whether a record is there, a list's offsets.
    itself: bool = False
    #: Of a record's fields, of a list's items (under `[]`).
    parts: dict[str, Wanted] = field(default_factory=dict[str, "Wanted"])
    #: First field -> (last field, path): the bytes of neighbours.
    spans: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, "list[tuple[str, str]]"])

    def part(self, name: str) -> Wanted:
        """The part of that name; made where it was not wanted so far."""
        separator = "" if name == "[]" or not self.path else "."
        return self.parts.setdefault(name, Wanted(self.path + separator + name))


def read(paths: Iterable[str]) -> Wanted:
    """The tree of some paths. Raises ContractError where one is not a path."""
    top = Wanted("")
    for path in paths:
        whole, dots, last = path.partition("..")
        place = top
        steps = whole.replace("[]", ".[]").split(".")
        if not all(steps) or (dots and (not last or steps[-1] == "[]" or "[" in last or "." in last)):
            raise ContractError(f"{path!r} is not a path of captures")
        for step in steps[:-1] if dots else steps:
            if step == "[]":
                place.itself = True
            place = place.part(step)
        if dots:
            place.spans.setdefault(steps[-1], []).append((last, path))
        elif steps[-1] != "[]":
            place.itself = True
    return top
