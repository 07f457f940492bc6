"""The kernel's operations before they are numbers, and how they become numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.schemas.codec import kernel
from headwater.schemas.codec.batch import Capture, Form

PLAIN: Mapping[str, tuple[int, Form]] = {
    "boolean": (kernel.BOOLEAN, "integer"),
    "int": (kernel.INT, "integer"),
    "long": (kernel.LONG, "integer"),
    "float": (kernel.FLOAT, "float"),
    "double": (kernel.DOUBLE, "double"),
    "bytes": (kernel.BYTES, "span"),
    "string": (kernel.STRING, "span"),
    "fixed": (kernel.FIXED, "span"),
}
WIDTHS = {"float": 4, "double": 8}
#: Operations that take a single zero byte for their zero value.
SHORT = (kernel.INT, kernel.LONG, kernel.BOOLEAN, kernel.STRING, kernel.BYTES, kernel.LIST)


@dataclass
class Operation:
    """One operation; `parts`: the number of its sequence of parts."""

    operation: int
    nullable: bool = False
    argument: int = 0
    lane: int = -1
    valid: int = -1
    level: int = 0
    items: int = -1
    parts: int = -1

    @property
    def short(self) -> bool:
        """Whether a zero byte is all of it, and nothing has to be written then."""
        return self.nullable or (self.operation in SHORT and self.valid < 0)


@dataclass(frozen=True)
class Place:
    """Where in the rows a type stands: the level, and whether something above it in the row may be null."""

    level: int = 0
    nullable: bool = False


@dataclass
class Generated:
    """What `generate` returns: the program's numbers, the captures, and the level of each lane."""

    code: list[int] = field(default_factory=list[int])
    captures: dict[str, Capture] = field(default_factory=dict[str, Capture])
    lanes: list[int] = field(default_factory=list[int])
    valids: list[int] = field(default_factory=list[int])
    levels: int = 1


def layout(sequences: Sequence[Sequence[Operation]]) -> list[int]:
    """The numbers of all sequences, one after another, each knowing where its parts begin."""
    begins: list[int] = []
    at = 0
    for sequence in sequences:
        begins.append(at * kernel.STRIDE)
        at += len(sequence)
    code: list[int] = []
    for sequence in sequences:
        zeros = 0
        numbers: list[list[int]] = []
        for one in reversed(sequence):
            zeros = zeros + 1 if one.short else 0
            argument = one.argument if one.parts < 0 else begins[one.parts]
            numbers.append(
                [one.operation, int(one.nullable), argument, one.lane, one.valid, one.level, zeros, one.items]
            )
        for number in reversed(numbers):
            code += number
    return code
