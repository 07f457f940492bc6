"""Predictions: one record each, put together from bytes that are ready before the first request comes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Required, TypedDict, Unpack, cast

from headwater.producer import _avro, _events, _ids, _json
from headwater.producer._answers import Answers
from headwater.producer._core import Core
from headwater.producer.handles import Dataset
from headwater.producer.reference import RunReference, current
from headwater.producer.run import Run
from headwater.producer.trace.context import Taken, current_message, current_trace, nothing_received
from headwater.schemas import digests, encoding, framing, topics

_HEADER: Final = framing.single_object_header(_avro.encoders("prediction").schema)
_TOPIC: Final = topics.PREDICTIONS.name
_PUBLIC: Final = _avro.string("public")
_DIGEST: Final = _avro.string("digest")
_RANDOM: Final = _avro.string("random")
#: Stands before the bytes of a null|bytes that is a digest.
_DIGEST_FOLLOWS: Final = encoding.PRESENT + encoding.long(digests.DIGEST_BYTES)
_RUN_ID: Final = _avro.encoders("prediction").message.field("run_id")
_TRACE_ID: Final = _avro.encoders("prediction").message.field("trace_id")
_SPAN_ID: Final = _avro.encoders("prediction").message.field("span_id")
# What each value calls, without the way through a module.
_text: Final = _json.text
_quoted: Final = _json.quoted
_type: Final = cast("Callable[[object], type[object]]", type)
#: Trace id, span id and message that are not there.
_NO_REQUEST: Final = 3 * encoding.NULL
#: Texts below this many characters are not too long for a message, whatever they hold.
_SHORT: Final = _events.LARGEST_TEXT // 4
#: A predictor keeps what stands before so many features, and so many values' digests; others are made anew.
_MOST_KEPT: Final = 10_000
#: The bytes of Avro's lengths and counts below 64, each a character of ASCII.
_LENGTHS: Final = "".join(chr(2 * length) for length in range(64))


class PredictorFields(TypedDict, total=False):
    """What a predictor is made of; `Predictor` explains each."""

    deployment: Required[Dataset]
    model: Required[Dataset]
    stream: Dataset | None
    public_keys: bool
    values: bool | Collection[str]
    sources: Iterable[Dataset]
    actor: str | None
    purpose: str | None
    profile_seconds: float | None


class Predictor:
    """Emits the predictions of one deployment. Made by `Producer.predictions`.

    `stream`: the deployment's prediction stream (default: its name and .predictions). `public_keys`: keys are no
    secret and leave as they are; else as keyed digests, or where the setting digest_key is empty as random keys.
    `values`: which features and outputs leave as plain values, all or those named; the others leave as keyed
    digests, or where there is no key not at all. `sources`: where the features come from,
    unless a prediction says otherwise. `profile_seconds`: how long a window is of which the plain outputs and features
    are also told as profiles of the stream, so that drift of them is found (default: no profiles); raises MissingExtra
    without numpy.
    """

    def __init__(self, core: Core, **fields: Unpack[PredictorFields]) -> None:
        deployment, model = fields["deployment"], fields["model"]
        stream = fields.get("stream") or Dataset(
            deployment.namespace, deployment.name + ".predictions", kind="prediction_stream"
        )
        self._core = core
        self._answering = deployment.reference + stream.reference + model.reference
        self._sources = _references(fields.get("sources", ()))
        # The frame's first field, kind, is a run event's; a prediction has only actor and purpose.
        self._frame = core.frame(fields.get("actor"), fields.get("purpose"), b"")
        self._public = fields.get("public_keys", False)
        self._digest_key = core.settings.digest_key
        self._value_digest = digests.keyed(self._digest_key, digests.VALUE) if self._digest_key else None
        values = fields.get("values", False)
        self._all_plain = values is True
        self._plain = frozenset[str]() if isinstance(values, bool) else frozenset(values)
        self._names: dict[str, str | None] = {}
        self._starts: dict[str, bytes] = {}
        self._digests: dict[str, bytes] = {}
        seconds = fields.get("profile_seconds")
        self._answers = None if seconds is None else Answers(core, stream, seconds, self._is_plain)

    def emit(
        self,
        key: object,
        *,
        features: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        sources: Iterable[Dataset] | None = None,
        run: Run | RunReference | bytes | None = None,
        trace: tuple[bytes, bytes] | None = None,
        message: Taken | tuple[str, int, int] | None = None,
        subject: object = None,
        facets: Mapping[str, object] | None = None,
        event_time: int | None = None,
    ) -> str:
        """Tell one prediction; returns its key as it was recorded (empty where that failed). Never raises.

        `key`: what it is about. `run`: default the run around it. `trace`: W3C trace id and span id, 16 and 8 bytes;
        `message`: topic, partition and offset of the message that asked for it; both default to what
        `headwater.producer.trace` knows. `subject`: the person it is about, recorded as a keyed token, only where
        the setting digest_key is set.
        """
        try:
            form, recorded = self._key(str(key))
            encoded_key = recorded.encode("utf-8", "replace")
            digest_of_all, encoded_features = self._features(features) if features else (encoding.NULL, encoding.EMPTY)
            self._core.send(
                _TOPIC,
                encoded_key,
                b"".join(
                    (
                        self._core.head(_HEADER, None, event_time),
                        self._frame,
                        encoding.binary(encoded_key),
                        form,
                        self._answering,
                        _run_id(run),
                        _request(trace, message),
                        encoding.NULL if subject is None else self._subject(str(subject)),
                        digest_of_all,
                        encoded_features,
                        self._each(outputs) if outputs else encoding.EMPTY,
                        self._sources if sources is None else _references(sources),
                        _events.facets(facets) if facets else encoding.EMPTY,
                    )
                ),
            )
            if self._answers is not None:
                self._answers.add(event_time, features, outputs)
        except BaseException as error:
            self._core.failed(error)
            return ""
        return recorded

    def _key(self, key: str) -> tuple[bytes, str]:
        if self._public:
            return _PUBLIC, key
        if self._digest_key:
            return _DIGEST, digests.digest(self._digest_key, digests.PREDICTION_KEY, key).hex()
        return _RANDOM, _ids.random_bytes(16).hex()

    def _subject(self, subject: str) -> bytes:
        if not self._digest_key:
            return encoding.NULL
        return encoding.PRESENT + _avro.string(digests.digest(self._digest_key, digests.SUBJECT, subject).hex())

    def _features(self, values: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """The digest over all values, and each as value or digest."""
        if (keyed := self._value_digest) is None:
            return encoding.NULL, self._each(values)
        each, texts = self._digested(values, keyed)
        return _DIGEST_FOLLOWS + _digest(keyed, "\n".join(texts)), each

    def _each(self, values: Mapping[str, Any]) -> bytes:
        """Each as value or digest."""
        if self._value_digest is not None:
            return self._digested(values, self._value_digest)[0]
        # Avro's lengths below 64 are ASCII, as most names and values are: such entries are text, encoded at once.
        names = self._names
        texts: list[str] = []
        before: list[bytes] = []
        count = 0
        for name, value in values.items():
            try:
                start = names[name]
            except KeyError:
                start = self._name(name)
            if start == "":
                continue
            # Three kinds in line: what a call costs, for each value of each prediction, is what this is about.
            kind = _type(value)
            if kind is float and value - value == 0.0:  # finite
                text = f"{value!r}"
            elif kind is str:
                text = _quoted(value)
            else:
                text = _text(value)
            count += 1
            if start is not None and len(text) < len(_LENGTHS) and text.isascii():
                texts.append(f"{start}{_LENGTHS[len(text)]}{text}\0")
            else:
                before += ("".join(texts).encode("ascii"), _value(name, text))
                texts = []
        if not before and count < len(_LENGTHS):
            return f"{_LENGTHS[count]}{''.join(texts)}\0".encode("ascii") if count else encoding.EMPTY
        return b"".join((encoding.long(count), *before, "".join(texts).encode("ascii"), encoding.EMPTY))

    def _name(self, name: Any) -> str | None:
        """What stands before a feature's plain value: empty where it is not one of those that leave, None where it is
        long or not ASCII.
        """
        text = name if isinstance(name, str) else str(name)  # a host's names may be numbers
        start: str | None = ""
        if self._is_plain(name):
            short = len(text) < len(_LENGTHS) and text.isascii()
            start = "".join((_LENGTHS[len(text)], text, "\2")) if short else None
        if len(self._names) < _MOST_KEPT:
            self._names[name] = start
        return start

    def _is_plain(self, name: str) -> bool:
        return self._all_plain or name in self._plain

    def _digested(self, values: Mapping[str, Any], keyed: Any) -> tuple[bytes, list[str]]:
        """Each as digest, or as value where it is one of those that leave; and all as texts."""
        starts, known = self._starts, self._digests
        entries: list[bytes] = []
        texts: list[str] = []
        for name, value in values.items():
            try:
                start = starts[name]
            except KeyError:
                start = self._start(name)
            kind = _type(value)
            if kind is float and value - value == 0.0:  # finite
                text = f"{value!r}"
                entry = start and start + _digest(keyed, text)
            else:
                text = _quoted(value) if kind is str else _text(value)
                # Categories, flags and small numbers come again and again; measures do not.
                entry = start and start + (known.get(text) or self._digest_of(text, keyed))
            entries.append(entry or _value(name, text))
            texts.append(text)
        return encoding.block(entries), texts

    def _start(self, name: str) -> bytes:
        """What stands before a feature's digest: empty where its value stands there."""
        start = b"" if self._is_plain(name) else _avro.string(name) + encoding.NULL + _DIGEST_FOLLOWS
        if len(self._starts) < _MOST_KEPT:
            self._starts[name] = start
        return start

    def _digest_of(self, text: str, keyed: Any) -> bytes:
        found = _digest(keyed, text)
        if len(text) < len(_LENGTHS) and len(self._digests) < _MOST_KEPT:
            self._digests[text] = found
        return found


def _value(name: str, text: str) -> bytes:
    """A feature with its plain value."""
    short = text if len(text) < _SHORT else _events.shortened(text)
    return b"".join((_avro.string(name), encoding.PRESENT, _avro.string(short), encoding.NULL))


def _digest(keyed: Any, text: str) -> bytes:
    hashing = keyed.copy()
    hashing.update(text.encode("utf-8", "replace"))
    result: bytes = hashing.digest()
    return result


def _references(datasets: Iterable[Dataset]) -> bytes:
    return encoding.block([dataset.reference for dataset in datasets])


def _run_id(run: Run | RunReference | bytes | None) -> bytes:
    if run is None:
        around = current.get()
        return encoding.NULL if around is None else encoding.PRESENT + around.run_id
    return _RUN_ID(run if isinstance(run, bytes) else run.run_id)


def _request(trace: tuple[bytes, bytes] | None, message: Taken | tuple[str, int, int] | None) -> bytes:
    """Trace id, span id and message of the request that is worked on: what is given, else what is known here."""
    if nothing_received():
        if trace is None and message is None:
            return _NO_REQUEST
    else:
        known = current_trace() if trace is None else None
        trace = trace if known is None else (known.trace_id, known.span_id)
        message = current_message() if message is None else message
    return b"".join(
        (
            encoding.NULL + encoding.NULL if trace is None else _TRACE_ID(trace[0]) + _SPAN_ID(trace[1]),
            encoding.NULL if message is None else _message(*message),
        )
    )


def _message(topic: str, partition: int, offset: int) -> bytes:
    return encoding.PRESENT + _avro.string(topic) + encoding.integer(partition) + encoding.long(offset)
