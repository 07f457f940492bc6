"""Messages of an event's JSON text, which is read only as far as it says something new.

Of an event msgspec finds where its run, job and datasets stand in the text. What stands there is looked up by its very
bytes: the piece (`assembling`) that was made of the same bytes before is used again, and nothing of it is parsed. Bytes
that are not known are parsed as strictly as a whole event is, so a text that is no JSON never becomes a piece. What is
not made of such pieces is to be parsed whole; its messages are the same byte for byte.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any, Final, NamedTuple, cast

import msgspec
import orjson

from headwater.errors import ContractError, InvalidMessage
from headwater.openlineage import identity
from headwater.openlineage.assembling import STATISTICS, Piece, Pieces, are_counts, encoded, of_this_process
from headwater.openlineage.fields import Misshapen, micros, text_of
from headwater.openlineage.framed import LARGEST, Message
from headwater.openlineage.kept import Kept
from headwater.openlineage.parsing import exact_text, parsed
from headwater.openlineage.taken import Taken, an_object, joined, objects, plain_text
from headwater.openlineage.translation import REST, STATES
from headwater.schemas import encoding, records
from headwater.schemas import pieces as parts
from headwater.schemas.framing import single_object_header
from headwater.schemas.topics import RUNS

Key = tuple[str, bytes]

#: What all pieces may take, bytes.
_MOST: Final = 64 * 1024 * 1024
#: Largest text of the rest of an event that is remembered, and how many are.
_LONGEST_REST, _MOST_RESTS = 4096, 1024
#: What has other fields is parsed whole.
_REST: Final = ("producer", "schemaURL")
_OF_EVENT: Final = frozenset({"eventType", "eventTime", "run", "job", "inputs", "outputs", *_REST})
_OF_DATASET: Final = frozenset({"namespace", "name", "facets", "inputFacets", "outputFacets"})
_OF_RUN: Final = frozenset({"parameters", "environment"})
#: As the specification writes them.
_STATE_OF: Final = {f'"{state}"'.encode(): state for state in STATES}
_NOTHING: Final = frozenset({b"[]", b"null"})
#: Stands for statistics in the form of a dataset; nobody else can know it.
_MARK: Final = secrets.token_hex(16)

#: An event that one of these says something of is parsed whole.
_WRONG: Final = (
    msgspec.MsgspecError, Misshapen, ContractError, InvalidMessage, RecursionError, KeyError, TypeError, ValueError,
)  # fmt: skip


class _Run(NamedTuple):
    """`form`: as `identity.form` has it; in Avro, `body`: its fields behind the state; the event's parameters; entries
    of its environment.
    """

    run_id: bytes
    form: bytes
    body: bytes
    parameters: bytes
    environment: tuple[bytes, ...]


class _Counted(NamedTuple):
    """A dataset without its statistics, and its form before and behind them."""

    piece: Piece
    before: bytes
    behind: bytes


class _List(NamedTuple):
    """Datasets: their form, None where there are none, and their block."""

    form: bytes | None
    block: bytes


class _Rest(NamedTuple):
    """Producer and schema in the form of an event, before and behind its run, and as an entry of the environment."""

    before: bytes
    behind: bytes
    entry: bytes


_NONE: Final = _List(None, encoding.block([]))


class Texts:
    """Events as JSON texts, with the pieces of late."""

    def __init__(self, pieces: Pieces, most: int = _MOST) -> None:
        """`most`: bytes of all that is kept, beside what `pieces` keeps."""
        self._made_by = pieces
        self._pieces: Kept[Piece] = Kept(most // 4)
        self._counted: Kept[_Counted] = Kept(most // 4)
        self._lists: Kept[_List] = Kept(most // 4)
        self._runs: Kept[_Run] = Kept(most // 4)
        self._rests: dict[bytes, _Rest] = {}
        schema = records.current("run_event")
        self._header = single_object_header(schema)
        self._before = parts.run_of(schema, None, "part")
        self._settled = parts.run_of(schema, "part", "run").encode({"kind": "run"}) + encoding.PRESENT
        state = parts.fields_in(schema, "Run", "state", "parent")
        self._states = {one: state.encode({"state": one}) for one in STATES}
        self._parameters = parts.run_of(schema, "parameters", "environment")
        self._environment = parts.run_of(schema, "environment", "metrics")
        self._behind = parts.run_of(schema, "metrics", None).encode({})

    @property
    def size(self) -> int:
        """About what the pieces take, bytes."""
        return sum(kept.size for kept in (self._pieces, self._counted, self._lists, self._runs))

    def messages(self, event: Taken | bytes, *, now_us: int, sender: bytes) -> list[Message] | None:
        """The messages of an event, a JSON text or an entry of `objects`; None where it is to be parsed whole, which
        tells what is wrong, too.
        """
        try:
            return self._assembled(an_object(event) if isinstance(event, bytes) else event, now_us, sender)
        except _WRONG:
            return None

    def _assembled(self, taken: Taken, now_us: int, sender: bytes) -> list[Message] | None:
        if not taken.keys() <= _OF_EVENT:
            return None
        state_text = bytes(taken["eventType"])
        state, time = _STATE_OF[state_text], micros(plain_text(bytes(taken["eventTime"])))
        run = self._runs.found(("run", bytes(taken["run"])), self._run, _size_of_run)
        job = self._pieces.found(("job", bytes(taken["job"])), self._piece, _size_of_piece)
        inputs, outputs = self._listed("inputs", taken.get("inputs")), self._listed("outputs", taken.get("outputs"))
        if time is None or run is None or job is None or inputs is None or outputs is None:
            return None
        rest = self._rest({name: text for name, text in taken.items() if name in _REST})
        known = b'{"eventTime":%d,"eventType":%b%b,"run":' % (time, state_text, rest.before)
        event_id = identity.digest((known, run.form, rest.behind), job.form, inputs.form, outputs.form)
        head = {"emit_time": now_us, "producer_id": sender, "sequence": 0, "event_id": event_id, "event_time": time}
        body = b"".join(
            (
                self._header,
                self._before.encode(head),
                self._settled,
                run.run_id,
                self._states[state],
                run.body,
                encoding.PRESENT,
                job.body,
                inputs.block,
                outputs.block,
                run.parameters,
                encoding.block((*run.environment, rest.entry)),
                self._behind,
            )
        )
        return None if len(body) > LARGEST else [Message(RUNS, run.run_id, body)]

    def _run(self, key: Key) -> _Run | None:
        value = parsed(key[1])
        piece = self._made_by.made_run(cast("dict[str, Any]", value)) if type(value) is dict else None
        if piece is None or not piece.described.event.keys() <= _OF_RUN:
            return None
        run, event, _, form = piece.described
        entries = [self._entry(*entry) for entry in event.get("environment", {}).items()]
        return _Run(run["run_id"], form, piece.body, self._parameters.encode(event), tuple(entries))

    def _entry(self, name: str, text: str) -> bytes:
        """An entry of the environment: a map of one without its count and its end."""
        return self._environment.encode({"environment": {name: text}})[1:-1]

    def _rest(self, left: Taken) -> _Rest:
        text = joined(left)
        found = self._rests.get(text)
        if found is None:
            said: dict[str, Any] = parsed(text)
            if any(type(one) is not str for one in said.values()):
                raise ValueError("something else than texts")
            before, behind = (
                b',"%b":%b' % (one.encode(), orjson.dumps(said[one])) if one in said else b"" for one in _REST
            )
            found = _Rest(before, behind + b"}", self._entry(REST, text_of(said)))
            if len(text) <= _LONGEST_REST:
                if len(self._rests) >= _MOST_RESTS:
                    self._rests.clear()
                self._rests[text] = found
        return found

    def _piece(self, key: Key) -> Piece | None:
        value = parsed(key[1])
        if type(value) is not dict or exact_text(value) is None:
            return None
        return self._made_by.made(key[0], cast("dict[str, Any]", value))

    def _listed(self, name: str, text: msgspec.Raw | None) -> _List | None:
        if text is None or (given := bytes(text)) in _NOTHING:
            return _NONE
        key = (name, given)
        found = self._lists.get(key)
        if found is None:
            found = self._lists.again(key)
            if found is None:
                found, again = self._made_list(name, text)
                # What is counted anew at each run is not seen again.
                if found is None or not again:
                    return found
            self._lists.keep(key, found, _size_of_list(found))
        return found

    def _made_list(self, name: str, text: msgspec.Raw) -> tuple[_List | None, bool]:
        """Also whether it may be seen again."""
        forms: list[bytes] = []
        bodies: list[bytes] = []
        again = True
        for one in objects(text):
            if not one.keys() <= _OF_DATASET:
                return None, False
            statistics = _statistics(name, one)
            if statistics is None:
                piece = self._pieces.found((name, joined(one)), self._piece, _size_of_piece)
            else:
                piece, again = self._with_statistics(name, *statistics), False
            if piece is None:
                return None, False
            forms.append(piece.form)
            bodies.append(piece.body)
        form = b"[%b]" % b",".join(forms) if forms else None
        return _List(form, encoding.block(bodies)), again

    def _with_statistics(self, name: str, bare: bytes, said: dict[str, Any]) -> Piece | None:
        found = self._counted.found((name, bare), self._made_counted, _size_of_counted)
        body = None if found is None else self._made_by.with_counts(found.piece, said)
        if found is None or body is None:
            return None
        return Piece(b"".join((found.before, identity.form(said), found.behind)), body)

    def _made_counted(self, key: Key) -> _Counted | None:
        piece = self._piece(key)
        if piece is None:
            return None
        place, facet = STATISTICS[key[0]]
        dataset: dict[str, Any] = parsed(key[1])
        dataset[place][facet] = _MARK
        before, _, behind = identity.form(dataset).partition(b'"%b"' % _MARK.encode())
        return _Counted(piece, before, behind)


def _statistics(name: str, dataset: Taken) -> tuple[bytes, dict[str, Any]] | None:
    """Where a dataset's statistics are plain counts: its text without them, and what they say."""
    place, facet = STATISTICS[name]
    if place not in dataset:
        return None
    others = an_object(dataset[place])
    text = others.pop(facet, None)
    value = None if text is None else parsed(bytes(text))
    if type(value) is not dict or exact_text(value) is None:
        return None
    said = cast("dict[str, Any]", value)
    return (joined({**dataset, place: joined(others)}), said) if are_counts(said) else None


def _size_of_run(run: _Run) -> int:
    return sum(map(len, (*run[:4], *run.environment)))


def _size_of_piece(piece: Piece) -> int:
    return len(piece.form) + len(piece.body)


def _size_of_counted(counted: _Counted) -> int:
    return len(counted.before) + len(counted.behind) + _size_of_piece(counted.piece)


def _size_of_list(of: _List) -> int:
    return len(of.form or b"") + len(of.block)


@cache
def _of_this_process() -> Texts:
    return Texts(of_this_process())


def known(event: Taken | bytes, *, now_us: int, sender: bytes) -> list[Message] | None:
    """As `Texts.messages`, with pieces that this process keeps."""
    return _of_this_process().messages(event, now_us=now_us, sender=sender)


def read(text: bytes, *, now_us: int, sender: bytes) -> list[Message]:
    """The messages of a JSON text that is one event. Raises InvalidMessage as `parsed` and `encoded` do."""
    found = known(text, now_us=now_us, sender=sender)
    return encoded(parsed(text), now_us=now_us, sender=sender) if found is None else found
