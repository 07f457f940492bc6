"""A run: how it begins and ends."""

from __future__ import annotations

import contextlib
import functools
import sys
import traceback
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextvars import Token
from types import TracebackType
from typing import Final, ParamSpec, TypeVar

from headwater.producer import _events
from headwater.producer._decorate import decorated
from headwater.producer._fields import RunFields
from headwater.producer._saying import Saying
from headwater.producer.handles import Dataset
from headwater.producer.reference import RunReference, current
from headwater.producer.trace.context import NOTHING, Link, of_run
from headwater.secrets import without_secret_texts

P = ParamSpec("P")
R = TypeVar("R")


#: Fields that change what a run says of itself, beside its id and state.
_IN_FRAME: Final = frozenset({"nominal", "trace_id", "span_id", "links", "actor", "purpose", "facets"})


class Run(Saying):
    """One execution of a job: a context manager (also `async with`) and a decorator. Made by `Producer.run`.

    As a decorator it makes a new run for each call. An exception ends the run FAIL (ABORT when it is a
    cancellation or Ctrl-C), is recorded, and passes on unchanged. No method raises because of what it is given.
    """

    _token: Token[RunReference | None] | None = None

    @property
    def id(self) -> uuid.UUID:
        """The run's id."""
        return uuid.UUID(bytes=self.run_id)

    @property
    def version(self) -> str:
        """The version of what this run writes without a version of its own."""
        return self._core.run_version(self.run_id)

    # Beginning and end.

    def start(self) -> Run:
        """Begin: `with` does it. For runs whose end is elsewhere, e.g. in a callback; then call `complete`."""
        self._begin("START")
        return self

    def whole(self) -> None:
        """Begin and end in one event."""
        self._finished = True
        self._begin("COMPLETE")

    def _begin(self, state: str) -> None:
        # Here and below without `guard`: these are called for each event.
        core = self._core
        outputs: list[bytes] = []
        try:
            fields = self._fields
            for dataset in fields.get("inputs", ()):
                self._inputs += dataset.entries
            if "outputs" in fields:
                given = self._given = _once_each(fields["outputs"])
                for dataset in given:
                    outputs += dataset.entries
            if "parameters" in fields:
                self._own("_parameters", {}).update(fields["parameters"])
            parent = fields["parent"] if "parent" in fields else current.get() or core.process_parent
            trace = of_run(self.run_id)
            if parent is not None or trace is not NOTHING or not _IN_FRAME.isdisjoint(fields):
                self._describe(fields, parent.reference if isinstance(parent, Saying) else parent, *trace)
            self._emit(state, outputs, core.environment(fields.get("environment")))
        except BaseException as error:
            # What was given and is good is told with the end.
            for output in self._known().values():
                output.told = False
                self._changed(output)
            core.failed(error)

    def _describe(
        self,
        fields: RunFields,
        parent: RunReference | None,
        trace_id: bytes | None,
        span_id: bytes | None,
        links: tuple[Link, ...],
    ) -> None:
        """What only some runs say of themselves."""
        if parent is not None:
            self._root, self._reference = parent.root or parent, None
        self._rest = _events.run_rest(
            parent.encoded if parent else None,
            self._root.encoded if self._root else None,
            fields.get("nominal"),
            fields.get("trace_id", trace_id),
            fields.get("span_id", None if "trace_id" in fields else span_id),
            (*fields.get("links", ()), *links),
        )
        self._frame = self._core.frame(fields.get("actor"), fields.get("purpose"))
        if "facets" in fields:
            self._own("_run_facets", {}).update(fields["facets"])

    def complete(self) -> None:
        """End as COMPLETE."""
        self._end("COMPLETE")

    def fail(self, error: BaseException | str) -> None:
        """End as FAIL."""
        self._end("FAIL", error)

    def abort(self, error: BaseException | str | None = None) -> None:
        """End as ABORT."""
        self._end("ABORT", error)

    def report(self) -> None:
        """Tell what was said since the last event (RUNNING), e.g. at a checkpoint of a job that never ends."""
        self._core.guard(self._emit, "RUNNING")

    def _end(self, state: str, error: BaseException | str | None = None) -> None:
        if self._finished:
            return
        self._finished = True
        try:
            if error is not None:
                self._failure = _error(error)
            self._emit(state)
        except BaseException as fault:
            self._core.failed(fault)

    def __enter__(self) -> Run:
        self.start()
        self._token = current.set(self.reference)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._token is not None:
            with contextlib.suppress(ValueError):  # a generator may be closed in another context than it began in
                current.reset(self._token)
            self._token = None
        if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
            self.complete()
        elif isinstance(error, KeyboardInterrupt | GeneratorExit) or _cancelled(error):
            self.abort(error)
        else:
            self.fail(error)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, coroutine function or (async) generator function: each call is a run."""
        fields: RunFields = {**self._fields, "run_id": None}
        return decorated(function, functools.partial(Run, self._core, self.job, fields))


def _once_each(datasets: Iterable[Dataset]) -> Sequence[Dataset]:
    """The datasets; of those with one identity the last."""
    found = tuple(datasets)
    if len(found) < 2:
        return found
    return tuple({(dataset.namespace, dataset.name, dataset.version): dataset for dataset in found}.values())


def _cancelled(error: BaseException) -> bool:
    # A task is cancelled only where asyncio is loaded; other hosts need not load it for us. Another thread may be just
    # loading it: then it is there, but not what is in it.
    cancelled = getattr(sys.modules.get("asyncio"), "CancelledError", None)
    return isinstance(cancelled, type) and isinstance(error, cancelled)


def _error(error: BaseException | str) -> bytes:
    if isinstance(error, str):
        return _events.error("", without_secret_texts(error), None)
    try:
        message = str(error)
    except Exception:  # a host's exception may not be able to say what it is
        message = ""
    trace = "".join(traceback.format_exception(error))
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return _events.error(kind, without_secret_texts(message), without_secret_texts(trace))
