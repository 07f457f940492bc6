"""Messages of an event, put together from pieces: what one event says of a job or a dataset, the next one says again.

A piece is a job or dataset as it came; its key is its JSON text, so equal texts give equal bytes. What is not made of
such pieces goes the plain way (`translate`, `messages`), which says the same byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError, InvalidMessage
from headwater.openlineage import identity
from headwater.openlineage.fields import Fields, Misshapen, name_of, namespace_of
from headwater.openlineage.framed import LARGEST, Message, messages, of_quality
from headwater.openlineage.kept import Kept
from headwater.openlineage.landings import LANDINGS
from headwater.openlineage.parsing import exact_text
from headwater.openlineage.translation import (
    DescribedRun,
    Translation,
    described_dataset,
    described_job,
    described_run,
    known_run,
    taken_run_id,
    translate,
    with_rest,
)
from headwater.schemas import encoding, pieces, reasons, records
from headwater.schemas.bounds import LARGEST_NAME, too_long
from headwater.schemas.framing import single_object_header
from headwater.schemas.topics import RUNS

#: What all pieces of parsed events may take, bytes: most events are not parsed whole (`texts`).
_MOST: Final = 16 * 1024 * 1024
#: What a run's form and values take for each byte of its JSON.
_VALUES: Final = 4
#: Of a job, and of a dataset: what makes more of an event than the piece alone says.
_OF_THE_EVENT: Final = frozenset(
    {"lineage", "dataQualityMetrics", "dataQuality", "dataQualityAssertions", "greatExpectations_assertions"}
)
#: Of a run: what becomes records of its own, or is not the same each time.
_NOT_OF_A_RUN: Final = frozenset(
    {"test", "dagster_asset_check"} | {name for name, one in LANDINGS["run"].items() if not one.pure}
)
_LISTS: Final = ("inputs", "outputs")


#: By list: what is counted anew at each run, and so is put into a piece that is kept without it.
STATISTICS: Final = {"inputs": ("inputFacets", "inputStatistics"), "outputs": ("outputFacets", "outputStatistics")}
_OF_STATISTICS: Final = frozenset({"rowCount", "size", "_producer", "_schemaURL"})


class Piece(NamedTuple):
    """`form`: in the canonical form of events; `body`: in Avro; `counts_at`: where in it a dataset's counts stand."""

    form: bytes
    body: bytes
    counts_at: int = 0


class RunPiece(NamedTuple):
    """As Piece, of the object of a run; `body`: its fields in Avro behind the state, `described`: as values."""

    body: bytes
    described: DescribedRun


class Pieces:
    """The pieces of late."""

    def __init__(self, most: int = _MOST) -> None:
        """`most`: bytes of all of them."""
        # Runs are said twice each, jobs and datasets again and again: the former must not push the latter out.
        self._pieces: Kept[Piece] = Kept(most * 3 // 4)
        self._runs: Kept[RunPiece] = Kept(most // 4)
        self._settled_of: dict[str, bytes] = {}
        schema = records.current("run_event")
        self._header = single_object_header(schema)
        self._before, self._settled = pieces.run_of(schema, None, "part"), pieces.run_of(schema, "part", "run")
        self._after = pieces.run_of(schema, "parameters", None)
        self._run, self._job = pieces.record_in(schema, "Run"), pieces.record_in(schema, "Job")
        self._state = pieces.fields_in(schema, "Run", None, "parent")
        self._behind_state = pieces.fields_in(schema, "Run", "parent", None)
        self._dataset = pieces.record_in(schema, "Dataset")
        self._before_counts = pieces.fields_in(schema, "Dataset", None, "rows")
        self._counts = pieces.fields_in(schema, "Dataset", "rows", "partitions")
        self._no_counts = self._counts.encode({})

    @property
    def size(self) -> int:
        """About what the pieces take, bytes."""
        return self._pieces.size + self._runs.size

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
        forms: dict[str, bytes | Sequence[bytes]] = {
            name: identity.listed([one.form for one in of]) for name, of in found.items() if of
        }
        forms["job"] = of_job.form
        rest["job"] = {name: job[name] for name in ("namespace", "name")}
        of_run = self._run_piece(event.get("run"))
        said = Translation(rest, now_us, sender, forms, of_run and of_run.described).translated()
        head = said.run_event
        body = b"".join(
            (
                self._header,
                self._before.encode(head),
                self._settled_fields(head["kind"]),
                self._encoded_run(head["run"], of_run),
                encoding.PRESENT,
                of_job.body,
                encoding.block([one.body for one in inputs]),
                encoding.block([one.body for one in outputs]),
                self._after.encode(head),
            )
        )
        if len(body) > LARGEST:
            return None
        return [Message(RUNS, said.key, body), *of_quality(said)]

    def _settled_fields(self, kind: str) -> bytes:
        """The fields that an event's kind settles."""
        found = self._settled_of.get(kind)
        if found is None:
            found = self._settled_of[kind] = self._settled.encode({"kind": kind})
        return found

    def _encoded_run(self, run: Mapping[str, Any] | None, known: RunPiece | None) -> bytes:
        if run is None:
            return encoding.NULL
        if known is None:
            body = self._run.encode(run)
            _check(body, {"run": run})
            return encoding.PRESENT + body
        return b"".join((encoding.PRESENT, self._state.encode(run), known.body))

    def _run_piece(self, run: Any) -> RunPiece | None:
        """The piece of a run; None where it says more than its fields, or what is not the same each time."""
        if type(run) is not dict or (text := exact_text(run)) is None:
            return None
        key = ("run", text)
        found = self._runs.get(key)
        if found is None:
            found = self._runs.again(key) or self.made_run(cast("dict[str, Any]", run))
            if found is not None:
                self._runs.keep(key, found, _VALUES * len(text) + len(found.body))
        return found

    def made_run(self, run: dict[str, Any]) -> RunPiece | None:
        """The piece of a run that is not kept. Raises as `translate`, and ContractError."""
        facets = run.get("facets")
        if isinstance(facets, dict) and not _NOT_OF_A_RUN.isdisjoint(cast("Mapping[str, Any]", facets)):
            return None
        fields = Fields(run, "run")
        run_id = taken_run_id(fields)
        form = identity.form(known_run(run, run_id))
        if not identity.is_final(form):
            return None
        found = described_run(fields, run_id, form)
        body = self._behind_state.encode(found.run)
        _check(body, {"run": found.run})
        return RunPiece(body, found)

    def _listed(self, name: str, value: list[Any] | None) -> list[Piece] | None:
        if value is None:
            return []
        if type(value) is not list:
            return None
        found: list[Piece] = []
        for one in value:
            piece = self._counted(name, one) or self._piece(name, one)
            if piece is None:
                return None
            found.append(piece)
        return found

    def _counted(self, name: str, dataset: dict[str, Any]) -> Piece | None:
        """The piece of a dataset whose statistics are plain counts; None where it has none, or others."""
        place, facet = STATISTICS[name]
        facets: dict[str, Any] | None = dataset.get(place) if type(dataset) is dict else None
        if type(facets) is not dict:
            return None
        said: dict[str, Any] | None = facets.get(facet)
        if type(said) is not dict:
            return None
        if not are_counts(said):
            return None
        others = {key: of for key, of in facets.items() if key != facet}
        piece = self._piece(name, {**dataset, place: others})
        body = None if piece is None else self.with_counts(piece, said)
        return None if body is None else Piece(identity.form(dataset), body)

    def with_counts(self, piece: Piece, said: Mapping[str, Any]) -> bytes | None:
        """The body of a dataset's piece with counts (`are_counts`) where it has none; None where it has some."""
        if not piece.body.startswith(self._no_counts, piece.counts_at):
            return None
        counts = self._counts.encode({"rows": said.get("rowCount"), "bytes": said.get("size")})
        at = piece.counts_at
        return b"".join((piece.body[:at], counts, piece.body[at + len(self._no_counts) :]))

    def _piece(self, role: str, value: dict[str, Any] | None) -> Piece | None:
        """None where it is none: the event goes the plain way."""
        if type(value) is not dict or (text := exact_text(value)) is None:
            return None
        key = (role, text)
        found = self._pieces.get(key)
        if found is None:
            found = self._pieces.again(key) or self.made(role, value)
            if found is not None:
                self._pieces.keep(key, found, len(found.form) + len(found.body))
        return found

    def made(self, role: str, value: dict[str, Any]) -> Piece | None:
        """The piece of a job, inputs' or outputs' dataset that is not kept; None where more comes of it than a piece.
        Raises as `translate`, and ContractError.
        """
        for name in ("facets", "inputFacets", "outputFacets"):
            facets = value.get(name)
            if isinstance(facets, dict) and not _OF_THE_EVENT.isdisjoint(cast("Mapping[str, Any]", facets)):
                return None
        fields = Fields(value, role)
        if role == "job":
            described: dict[str, Any] = {
                "namespace": namespace_of(fields.name("namespace")),
                "name": name_of(fields.name("name")),
            }
            described_job(described, fields)
            body = self._job.encode(described)
            said: dict[str, Any] = {"job": described}
        else:
            described, taken = described_dataset(fields, "input" if role == "inputs" else "output")
            described["facets"] = with_rest(taken.kept, fields)
            body = self._dataset.encode(described)
            said = {"outputs": [described]}
        _check(body, said)
        if role != "job":
            return Piece(identity.form(value), body, len(self._before_counts.encode(described)))
        return Piece(identity.form(value), body)


def _check(body: bytes, said: Mapping[str, Any]) -> None:
    """Raises InvalidMessage where a piece holds a text that is too long for an event; the plain way says which."""
    if len(body) > LARGEST_NAME and (detail := too_long(said)) is not None:
        raise InvalidMessage(reasons.TOO_LONG, detail)


def are_counts(said: Mapping[str, Any]) -> bool:
    """Whether a facet of statistics holds plain counts, and nothing else."""
    return said.keys() <= _OF_STATISTICS and _is_count(said.get("rowCount")) and _is_count(said.get("size"))


def _is_count(value: object) -> bool:
    # Where a double is exact: what is larger is looked at the plain way.
    return value is None or (type(value) is int and 0 <= value < 1 << 53)


@cache
def of_this_process() -> Pieces:
    """What this process keeps."""
    return Pieces()


def encoded(event: Any, *, now_us: int, sender: bytes) -> list[Message]:
    """As `Pieces.messages`, with pieces that this process keeps."""
    return of_this_process().messages(event, now_us=now_us, sender=sender)
