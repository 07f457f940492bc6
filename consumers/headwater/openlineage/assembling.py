"""Messages of an event, put together from pieces: what one event says of a job or a dataset, the next one says again.

A piece is a job or dataset as it came; its key is its JSON text, so equal texts give equal bytes. What is not made of
such pieces goes the plain way (`translate`, `messages`), which says the same byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError, InvalidMessage
from headwater.openlineage import identity
from headwater.openlineage.fields import Fields, Misshapen, name_of, namespace_of
from headwater.openlineage.framed import LARGEST, Message, messages, of_quality
from headwater.openlineage.parsing import exact_text
from headwater.openlineage.translation import Translation, described_dataset, described_job, translate, with_rest
from headwater.schemas import pieces, records
from headwater.schemas.framing import single_object_header
from headwater.schemas.topics import RUNS

#: What all pieces may take, bytes.
_MOST: Final = 64 * 1024 * 1024
#: Of a piece beside its bytes.
_OVERHEAD: Final = 512
#: Longest piece that is kept, bytes of its JSON.
_LONGEST: Final = 64 * 1024
#: Of a job, and of a dataset: what makes more of an event than the piece alone says.
_OF_THE_EVENT: Final = frozenset({"lineage", "dataQualityMetrics", "dataQualityAssertions"})
_LISTS: Final = ("inputs", "outputs")
#: Of null|T.
_ABSENT: Final = b"\x00"
_PRESENT: Final = b"\x02"


class Piece(NamedTuple):
    """`form`: in the event's canonical form; `body`: in Avro."""

    form: bytes
    body: bytes


class Pieces:
    """The pieces of late. Two generations: where the younger is full it becomes the older, which is forgotten."""

    def __init__(self, most: int = _MOST) -> None:
        """`most`: bytes of both together."""
        self._most = most // 2
        self._young: dict[tuple[str, bytes], Piece] = {}
        self._old: dict[tuple[str, bytes], Piece] = {}
        self._young_bytes = self._old_bytes = 0
        schema = records.current("run_event")
        self._header = single_object_header(schema)
        self._before, self._after = pieces.run_of(schema, None, "run"), pieces.run_of(schema, "parameters", None)
        self._run, self._job = pieces.record_in(schema, "Run"), pieces.record_in(schema, "Job")
        self._dataset = pieces.record_in(schema, "Dataset")

    def messages(self, event: Any, *, now_us: int, sender: bytes) -> list[Message]:
        """The messages of an event as parsed from JSON. Raises InvalidMessage as `translate` and `messages` do."""
        try:
            is_object = type(event) is dict
            found = self._assembled(cast("dict[str, Any]", event), now_us, sender) if is_object else None
        except (Misshapen, ContractError, InvalidMessage, RecursionError, TypeError, ValueError):
            found = None  # the plain way says why
        if found is None:
            found = list(messages(translate(cast("Mapping[str, Any]", event), now_us=now_us, sender=sender)))
        return found

    def _assembled(self, event: dict[str, Any], now_us: int, sender: bytes) -> list[Message] | None:
        """None where it is not made of pieces."""
        rest = {name: of for name, of in event.items() if name not in _LISTS}
        job: Any = event.get("job")
        found = {name: self._listed(name, event.get(name)) for name in _LISTS}
        of_job = self._piece("job", job)
        inputs, outputs = found["inputs"], found["outputs"]
        if of_job is None or inputs is None or outputs is None:
            return None
        forms = {name: identity.listed([one.form for one in of]) for name, of in found.items() if of}
        rest["job"] = {name: job[name] for name in ("namespace", "name")}
        said = Translation(rest, now_us, sender, {**forms, "job": of_job.form}).translated()
        run = said.run_event["run"]
        body = b"".join(
            (
                self._header,
                self._before.encode(said.run_event),
                # fastavro would look through all of a record within a union twice, to choose its branch.
                _ABSENT if run is None else _PRESENT + self._run.encode(run),
                _PRESENT,
                of_job.body,
                pieces.block([one.body for one in inputs]),
                pieces.block([one.body for one in outputs]),
                self._after.encode(said.run_event),
            )
        )
        if len(body) > LARGEST:
            return None
        return [Message(RUNS, said.key, body), *of_quality(said)]

    def _listed(self, name: str, value: Any) -> list[Piece] | None:
        if value is None:
            return []
        if type(value) is not list:
            return None
        found: list[Piece] = []
        for one in cast("Iterable[Any]", value):
            piece = self._piece(name, one)
            if piece is None:
                return None
            found.append(piece)
        return found

    def _piece(self, role: str, value: Any) -> Piece | None:
        """None where it is none: the event goes the plain way."""
        text = exact_text(value) if type(value) is dict else None
        if text is None:
            return None
        key = (role, text)
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key) or self._made(role, cast("dict[str, Any]", value))
            if found is not None and len(text) <= _LONGEST:
                self._keep(key, found)
        return found

    @property
    def size(self) -> int:
        """About what the pieces take, bytes."""
        return self._young_bytes + self._old_bytes

    def _keep(self, key: tuple[str, bytes], found: Piece) -> None:
        size = len(key[1]) + len(found.form) + len(found.body) + _OVERHEAD
        if self._young_bytes + size > self._most:
            self._old, self._young, self._old_bytes, self._young_bytes = self._young, {}, self._young_bytes, 0
        if size <= self._most:
            self._young[key] = found
            self._young_bytes += size

    def _made(self, role: str, value: dict[str, Any]) -> Piece | None:
        for name in ("facets", "inputFacets", "outputFacets"):
            facets = value.get(name)
            if isinstance(facets, dict) and not _OF_THE_EVENT.isdisjoint(cast("Mapping[str, Any]", facets)):
                return None
        fields = Fields(value, role)
        if role == "job":
            described = {"namespace": namespace_of(fields.name("namespace")), "name": name_of(fields.name("name"))}
            described_job(described, fields)
            body = self._job.encode(described)
        else:
            described, taken = described_dataset(fields, "input" if role == "inputs" else "output")
            body = self._dataset.encode({**described, "facets": with_rest(taken.kept, fields)})
        return Piece(identity.form(value), body)


@cache
def _of_this_process() -> Pieces:
    return Pieces()


def encoded(event: Any, *, now_us: int, sender: bytes) -> list[Message]:
    """As `Pieces.messages`, with pieces that this process keeps."""
    return _of_this_process().messages(event, now_us=now_us, sender=sender)
