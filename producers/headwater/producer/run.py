"""A run: what is said inside it, and how it begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import traceback
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Any, ParamSpec, TypedDict, TypeVar, cast

from headwater.producer import _avro, _events, _ids
from headwater.producer._core import Core
from headwater.producer._output import Output
from headwater.producer._profiling import send_profile
from headwater.producer.handles import Dataset, Job
from headwater.producer.reference import RunReference, current

P = ParamSpec("P")
R = TypeVar("R")


class RunFields(TypedDict, total=False):
    """What can be said when a run is made; `Producer.run` explains each."""

    inputs: Iterable[Dataset]
    outputs: Iterable[Dataset]
    parameters: Mapping[str, object]
    nominal: tuple[int, int] | None
    actor: str | None
    purpose: str | None
    parent: RunReference | Run | None
    run_id: bytes | uuid.UUID | None
    clock: Callable[[], int] | None
    facets: Mapping[str, object]
    environment: Mapping[str, object]
    links: Sequence[Mapping[str, Any]]
    trace_id: bytes | None
    span_id: bytes | None


class Run:
    """One execution of a job: a context manager (also `async with`) and a decorator. Made by `Producer.run`.

    As a decorator it makes a new run for each call. An exception ends the run FAIL (ABORT when it is a
    cancellation or Ctrl-C), is recorded, and passes on unchanged. No method raises because of what it is given.
    """

    def __init__(self, core: Core, job: Job, fields: RunFields) -> None:
        self._core = core
        self._fields = fields
        self.job = job
        self._clock = fields.get("clock") or core.clock
        given = fields.get("run_id")
        self.run_id: bytes = given.bytes if isinstance(given, uuid.UUID) else given or _ids.uuid7(self._clock())
        self._finished = False
        self._token: Token[RunReference | None] | None = None
        self._said = _events.Said()
        self._parameters: dict[str, object] = {}
        self._outputs: dict[tuple[str, str, str | None], Output] = {}
        self._run_facets: dict[str, object] = dict(fields.get("facets", {}))
        self._rest = b""
        self._frame = b""
        self.reference = RunReference(self.run_id, job.namespace, job.name)

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
        self._core.guard(self._start)
        return self

    def _start(self, state: str = "START") -> None:
        fields = self._fields
        parent = fields["parent"] if "parent" in fields else current.get() or self._core.process_parent
        parent = parent.reference if isinstance(parent, Run) else parent
        if parent is not None:
            self.reference = RunReference(self.run_id, self.job.namespace, self.job.name, parent.root or parent)
        nominal = fields.get("nominal")
        values = {
            "nominal_start": nominal[0] if nominal else None,
            "nominal_end": nominal[1] if nominal else None,
            "trace_id": fields.get("trace_id"),
            "span_id": fields.get("span_id"),
            "links": fields.get("links", ()),
        }
        self._rest = _events.run_rest(
            values,
            parent.encoded if parent else None,
            self.reference.root.encoded if self.reference.root else None,
        )[: -len(_avro.EMPTY)]  # without the facets, which come last and may grow
        self._frame = self._core.frame(fields.get("actor"), fields.get("purpose"))
        for dataset in fields.get("inputs", ()):
            self._input(dataset)
        for dataset in fields.get("outputs", ()):
            self._output(dataset)
        self._parameters.update(fields.get("parameters", {}))
        self._said.environment = self._core.environment(fields.get("environment"))
        self._emit(state)

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
        if not self._finished:
            self._finished = True
            self._core.guard(self._last, state, error)

    def _last(self, state: str, error: BaseException | str | None) -> None:
        if error is not None:
            self._said.error = _error(error)
        self._emit(state)

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
        elif isinstance(error, KeyboardInterrupt | asyncio.CancelledError | GeneratorExit):
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
        again = functools.partial(Run, self._core, self.job, fields)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                with again():
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", coroutine)
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def async_generator(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Any]:
                with again():
                    async for value in function(*args, **kwargs):
                        yield value

            return cast("Callable[P, R]", async_generator)
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
                with again():
                    steps: Generator[Any, Any, Any] = cast("Any", function)(*args, **kwargs)
                    return (yield from steps)

            return cast("Callable[P, R]", generator)

        @functools.wraps(function)
        def plain(*args: P.args, **kwargs: P.kwargs) -> R:
            with again():
                return function(*args, **kwargs)

        return plain

    def whole(self) -> None:
        """Begin and end in one event."""
        self._finished = True
        self._core.guard(self._start, "COMPLETE")

    # What is said inside.

    def input(self, dataset: Dataset) -> None:
        """This run reads the dataset."""
        self._core.guard(self._input, dataset)

    def _input(self, dataset: Dataset) -> None:
        self._said.inputs.extend(dataset.entries())

    def output(self, dataset: Dataset) -> None:
        """This run writes the dataset."""
        self._core.guard(self._output, dataset)

    def _output(self, dataset: Dataset) -> None:
        self._to(dataset).told = False

    def _to(self, dataset: Dataset) -> Output:
        key = (dataset.namespace, dataset.name, dataset.version)
        found = self._outputs.get(key)
        if found is None:
            found = self._outputs[key] = Output(dataset)
        elif found.dataset is not dataset:
            found.dataset = dataset
        return found

    def parameter(self, name: str, value: object) -> None:
        """A parameter. Names that look like secrets are not recorded."""
        self._parameters[str(name)] = value

    def facet(self, name: str, value: object) -> None:
        """Something about the run that has no field of its own."""
        self._run_facets[str(name)] = value

    def metric(
        self,
        name: str,
        value: float,
        *,
        step: int | None = None,
        split: str | None = None,
        about: Dataset | None = None,
    ) -> None:
        """A number that the run measured; `about` the model or dataset that it judges."""
        self._core.guard(self._metric, name, value, step, split, about)

    def _metric(self, name: str, value: float, step: int | None, split: str | None, about: Dataset | None) -> None:
        reference = about.reference if about else None
        self._said.metrics.append(_events.metric(name, float(value), step, split, reference))

    def lineage(
        self,
        output: Dataset,
        target_column: str | None,
        source: Dataset,
        column: str | None = None,
        *,
        transformation: str = "DIRECT",
        subtype: str = "IDENTITY",
        description: str | None = None,
        masking: bool = False,
        confidence: float | None = None,
        captured: str = "declared",
    ) -> None:
        """A column of `output` (None: all of them) comes from a column of `source` (None: the source as a whole)."""
        values = {
            "namespace": source.namespace,
            "name": source.name,
            "version": source.version,
            "column": column,
            "target_column": target_column,
            "transformation": transformation,
            "subtype": subtype,
            "description": description,
            "masking": masking,
            "confidence": confidence,
            "captured": captured,
        }
        self._core.guard(self._lineage, output, values)

    def _lineage(self, output: Dataset, values: Mapping[str, Any]) -> None:
        self._to_known(output).lineage.append(_events.column_lineage(values))

    def _to_known(self, output: Dataset) -> Output:
        """The output as it was named before, whatever variant of it the caller holds."""
        key = (output.namespace, output.name, output.version)
        if key in self._outputs:
            return self._outputs[key]
        versions = [known for known in self._outputs if known[:2] == key[:2]]
        return self._outputs[versions[0]] if len(versions) == 1 and output.version is None else self._to(output)

    def edges(self, output: Dataset, inputs: Iterable[Dataset], *, complete: bool = True) -> None:
        """The inputs that `output` was made from; `complete`: these and no others of this run's inputs."""
        self._core.guard(self._edges, output, inputs, complete)

    def _edges(self, output: Dataset, inputs: Iterable[Dataset], complete: bool) -> None:
        found = self._to_known(output)
        found.edges.extend(dataset.reference for dataset in inputs)
        found.complete = found.complete or complete

    def resources(self, **used: float | str) -> None:
        """What the run used; the contract's Resources lists the names (wall_time in µs, peak_memory in bytes, …)."""
        self._core.guard(self._resources, used)

    def _resources(self, used: Mapping[str, Any]) -> None:
        self._said.resources = _events.resources(used)

    def profile(
        self,
        dataset: Dataset,
        data: Any,
        *,
        role: str = "output",
        partitions: Sequence[str] = (),
        sampled_of: int | None = None,
    ) -> Dataset:
        """Profile what was read or written; returns the dataset with its rows and content fingerprint.

        `data`: any dataframe that narwhals knows, or a mapping of column names to arrays or lists. `role`: output,
        input or serving. `sampled_of`: the rows of the whole where `data` is a sample. Columns that the dataset
        tags personal leave as keyed digests. It takes the time of the computation (about 1 s for 1M rows of 12
        columns), on this thread. Raises MissingExtra where numpy, or narwhals for a dataframe, is not installed.
        """
        return send_profile(
            self._core,
            dataset,
            data,
            role=role,
            partitions=partitions,
            sampled_of=sampled_of,
            job=self.job,
            run_id=self.run_id,
            event_time=self._clock(),
        )

    def child_environment(self) -> dict[str, str]:
        """This process's environment with what makes a child process's runs children of this run."""
        return {**os.environ, **self.reference.variables()}

    # Events.

    def _emit(self, state: str) -> None:
        said, self._said = self._said, _events.Said()
        # Parameters are repeated: each event then explains by itself what it wrote.
        said.parameters = _events.entries(self._parameters)
        for output in self._outputs.values():
            said.outputs.extend(output.entries())
        rest = self._rest + _events.facets(self._run_facets)
        self._core.run_event(
            self._frame,
            _events.run(state, self.run_id, rest),
            self.job,
            said,
            self.run_id,
            self._clock() if self._fields.get("clock") else None,
        )


def _error(error: BaseException | str) -> bytes:
    if isinstance(error, str):
        return _events.error("", error, None)
    try:
        message = str(error)
    except Exception:  # a host's exception may not be able to say what it is
        message = ""
    trace = "".join(traceback.format_exception(error))
    return _events.error(
        f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."), message, trace
    )
