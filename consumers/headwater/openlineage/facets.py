"""The facets of one object: each lands in fields, or is kept whole as JSON, or both where only a part has a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from headwater.openlineage.datasets import COLUMN_TAGS
from headwater.openlineage.fields import Fields, Misshapen, text_of, without_secrets_in
from headwater.openlineage.landings import LANDINGS, Land, Landing, Place
from headwater.openlineage.parsing import exact_text

#: As it is named, and as it was: who sends both says the same twice.
_METRICS: Final = ("dataQualityMetrics", "dataQuality")
#: Those that are asked for as they came, beside what becomes of them here.
_GIVEN: Final = frozenset({"test", "dagster_asset_check", "lineage", "tags"})


_ORDER: Final[Mapping[Place, Mapping[str, int]]] = {
    place: {name: number for number, name in enumerate(landings)} for place, landings in LANDINGS.items()
}

_Found = tuple[Mapping[str, Any], bool]
#: Facets of late by place and JSON text: most are said again and again. Small ones alone are kept.
_known: Final[dict[tuple[int, bytes], _Found]] = {}
_MOST_KNOWN, _LONGEST_KNOWN = 8192, 4096


def _landed(landing: Landing, value: Any, path: str, text: bytes | None) -> _Found:
    """The fields that a facet lands in, and whether that is all it says. `text`: its JSON. Raises Misshapen."""
    key = (id(landing), text) if text is not None and len(text) <= _LONGEST_KNOWN else None
    found = None if key is None else _known.get(key)
    if found is None:
        facet = Fields(value, path)
        facet.take("_deleted")
        fields = cast("Land", landing.land)(facet)
        # What says nothing is left out once, and not at each event.
        found = {name: of for name, of in fields.items() if of is not None and of != []}, facet.exhausted()
        if key is not None and landing.pure:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = found
    return found


class Facets:
    """What became of an object's facets."""

    __slots__ = ("_metrics", "given", "kept", "landed")

    def __init__(self) -> None:
        #: Fields of the contract.
        self.landed: dict[str, Any] = {}
        #: JSON by facet name.
        self.kept: dict[str, str] = {}
        #: As they came.
        self.given: dict[str, Any] = {}
        self._metrics: list[tuple[str, Any]] = []

    def land(self, name: str, value: Any, path: str, landing: Landing | None) -> None:
        """Land one facet, or keep it."""
        if name in _GIVEN:
            self.given[name] = value
        deleted = hasattr(value, "get") and value.get("_deleted")
        if name in _METRICS and not deleted:
            self._metrics.append((name, value))
            return
        text = exact_text(value)
        if landing is None or landing.land is None or deleted:
            self.kept[name] = without_secrets_in(text, value)
            return
        try:
            found, whole = _landed(landing, value, path, text)
        except Misshapen:
            if landing.exact:
                raise
            self.kept[name] = without_secrets_in(text, value)
            return
        if not self._merge(found) or not whole:
            self.kept[name] = without_secrets_in(text, value)

    def _merge(self, found: Mapping[str, Any]) -> bool:
        """Take fields in; what is there already stays. Whether all of them had room."""
        room = True
        landed = self.landed
        for name, value in found.items():
            known = landed.get(name)
            if known is None:
                # What is found may be found again of another event: nothing of it is changed.
                landed[name] = value.copy() if type(value) is dict or type(value) is list else value
            elif isinstance(known, list):
                known += value
            elif isinstance(known, dict):
                into, more = cast("dict[str, Any]", known), cast("dict[str, Any]", value)
                if name == "code" and into.get("source") and more.get("source"):
                    return False
                into.update({key: of for key, of in more.items() if into.get(key) is None})
                room = room and all(of is None or into[key] == of for key, of in more.items())
            else:
                room = room and known == value
        return room

    def add(self, others: Facets, prefix: str) -> None:
        """Take in those of another part of the same object."""
        self._merge(others.landed)
        for name, text in others.kept.items():
            self.kept[name if name not in self.kept else f"{prefix}.{name}"] = text
        for name, value in others._metrics:
            self._metrics.append((name if not self._metrics else f"{prefix}.{name}", value))

    def metrics(self) -> Sequence[tuple[str, Any]]:
        """Data quality metrics, which become profiles; those of the use before those of the dataset."""
        return self._metrics[::-1]

    def landed_of_dataset(self) -> dict[str, Any]:
        """The fields, with the tags of columns at their columns."""
        tags = self.landed.pop(COLUMN_TAGS, ())
        if not tags:
            return self.landed
        if "columns" in self.landed:
            self.landed["columns"] = [{**one, "tags": list(one["tags"])} for one in self.landed["columns"]]
        columns = {one["name"]: one for one in self.landed.get("columns", ())}
        for column, tag in tags:
            if column in columns:
                columns[column]["tags"].append(tag)
            elif "tags" not in self.kept:
                # A schema of tagged columns alone would look as if the others were gone.
                self.kept["tags"] = text_of(self.given["tags"])
        return self.landed


def take_facets(fields: Fields, name: str, places: Sequence[Place], *, written: bool = True) -> Facets:
    """Take the facets under `name` from an object. Raises Misshapen for what would make a false edge."""
    found = Facets()
    given = fields.take(name)
    if not given:
        return found
    if not isinstance(given, dict):
        raise Misshapen(f"{fields.path}.{name}", "an object", given)
    said: dict[str, Any] = cast("Any", given)
    rest = {key: value for key, value in said.items() if value is not None}
    if _METRICS[1] in rest and _said(rest.get(_METRICS[0])) == _said(rest[_METRICS[1]]):
        del rest[_METRICS[1]]
    path = f"{fields.path}.{name}."
    for place in places:
        landings = LANDINGS[place]
        # In the table's order, by which the first of two that land in one field stands.
        for facet in sorted(rest.keys() & landings.keys(), key=_ORDER[place].__getitem__):
            landing = landings[facet]
            usable = written or not landing.written
            found.land(facet, rest.pop(facet), path + facet, landing if usable else None)
    for facet, value in rest.items():
        found.land(facet, value, path + facet, None)
    return found


def _said(facet: Any) -> Any:
    """A facet without who made it, and by which specification."""
    if not isinstance(facet, dict):
        return facet
    said = cast("dict[str, Any]", facet)
    return {name: of for name, of in said.items() if name not in {"_producer", "_schemaURL"}}
