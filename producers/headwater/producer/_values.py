"""What a caller says of a job or dataset, as the contract's values: in its records' form, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from headwater.producer import _events, _json
from headwater.secrets import recordable, without_credentials, without_user

#: team:data-platform, or ("team:data-platform", "MAINTAINER").
Owners = Iterable["str | tuple[str, str]"]
#: "pii", or a mapping of tags to values.
Tags = Iterable[str] | Mapping[str, str]


def _owners(owners: Owners) -> list[dict[str, Any]]:
    """Owners as the contract's records."""
    return [{"name": o} if isinstance(o, str) else {"name": o[0], "type": o[1]} for o in owners]


def tags_as_records(tags: Tags) -> list[dict[str, Any]]:
    """Tags as the contract's records."""
    if isinstance(tags, Mapping):
        named = cast("Mapping[str, object]", tags)
        return [{"key": key, "value": str(value)} for key, value in named.items()]
    return [{"key": tag} for tag in tags]


def _facets(facets: Mapping[str, object]) -> dict[str, str]:
    """Facets as JSON by name, without what looks like a secret."""
    return {name: _events.shortened(_json.text(value)) for name, value in recordable(facets)}


def _lifecycle(change: str | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if change is None or isinstance(change, str):
        return None if change is None else {"change": change}
    return {**change, "previous_namespace": _address(change.get("previous_namespace"))}


def _aliases(aliases: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"namespace": without_credentials(namespace), "name": without_user(name)} for namespace, name in aliases]


def _address(address: str | None) -> str | None:
    return None if address is None else without_credentials(str(address))


def _code(code: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return code if code is None or "repository" not in code else {**code, "repository": _address(code["repository"])}


def _name(name: str | None) -> str | None:
    return None if name is None else without_user(name)


#: What makes the contract's value of a caller's, by field.
JOB_VALUES: Final[Mapping[str, Any]] = {"owners": _owners, "tags": tags_as_records, "facets": _facets, "code": _code}
DATASET_VALUES: Final[Mapping[str, Any]] = {
    **JOB_VALUES,
    "lifecycle": _lifecycle,
    "aliases": _aliases,
    "source_uri": _address,
    "source_name": _name,
}
