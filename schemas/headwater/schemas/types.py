"""The types of a parsed schema, by name: what the codec, the evolution check and the documents walk over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard, cast

from headwater.errors import ContractError
from headwater.schemas.records import Schema


def is_union(kind: Any) -> TypeGuard[list[Any]]:
    """Whether a type is a union: a list of its branches."""
    return isinstance(kind, list)


def is_definition(kind: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a type is spelt out, and not a name."""
    return isinstance(kind, Mapping)


class Types:
    """The named types of one schema, and how its types are read."""

    def __init__(self, schema: Schema) -> None:
        self.top = cast("Mapping[str, Any]", schema.parsed)
        self.named: dict[str, Mapping[str, Any]] = {}
        self._collect(self.top)

    def _collect(self, kind: Any) -> None:
        if is_union(kind):
            for branch in kind:
                self._collect(branch)
        elif is_definition(kind):
            if kind["type"] in ("record", "fixed", "enum", "error"):
                self.named[kind["name"]] = kind
            for one in kind.get("fields", ()):
                self._collect(one["type"])
            for inner in ("items", "values"):
                if inner in kind:
                    self._collect(kind[inner])

    def name(self, kind: Any) -> str:
        """What a type is: long, record, array, union, …"""
        if is_union(kind):
            return "union"
        if isinstance(kind, str):
            return str(self.named[kind]["type"]) if kind in self.named else kind
        return str(kind["type"])

    def definition(self, kind: Any) -> Mapping[str, Any]:
        """The definition of a record, fixed or enum, given it or its name."""
        return self.named[kind] if isinstance(kind, str) else kind

    def resolve(self, kind: Any) -> tuple[bool, Any]:
        """Whether it is null|T, and T with its definition; other types as they are."""
        null = False
        if is_union(kind):
            rest = [branch for branch in kind if branch != "null"]
            if len(rest) == 1 and len(kind) == 2:
                null, kind = True, rest[0]
        if isinstance(kind, str) and kind in self.named:
            kind = self.named[kind]
        return null, cast("Any", kind)

    def optional(self, kind: Any) -> tuple[bool, Any]:
        """As `resolve`. Raises ContractError for a type that the contract does not allow."""
        first = kind[0] if is_union(kind) and kind else None
        null, kind = self.resolve(kind)
        if self.name(kind) == "union" or (null and first != "null"):
            raise ContractError("a union other than null|T, null first, is not a type of the contract")
        if is_definition(kind) and "logicalType" in kind:
            raise ContractError(f"the logical type {kind['logicalType']} is not a type of the contract")
        return null, cast("Any", kind)

    def key(self, kind: Any) -> Any:
        """The same for the same type, named or defined in place."""
        if is_union(kind):
            return [self.key(branch) for branch in kind]
        if is_definition(kind):
            if "name" in kind:
                return kind["name"]
            return {name: self.key(kind[name]) for name in ("type", "items", "values") if name in kind}
        return kind
