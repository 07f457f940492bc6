"""What can be said inside a run. Nothing here raises because of what it is given."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict

from headwater.producer import _avro, _events, _ids
from headwater.producer._core import Core, now_us
from headwater.producer._output import Output
from headwater.producer._profiler import Profiler
from headwater.producer._profiling import About, send_profile
from headwater.producer.handles import Dataset, Job
from headwater.producer.reference import RunReference
from headwater.schemas import framing, topics

#: A run that never ends remembers so many outputs that it has told; of others a later addition tells all again.
_MOST_OUTPUTS: Final = 1000
_Identity = tuple[str, str, str | None]
_HEADER: Final = framing.single_object_header(_avro.encoders("run_event").schema)
_TOPIC: Final = topics.RUNS.name
# What each event needs, without the way through a module.
_block: Final = _avro.block
_EMPTY: Final = _avro.EMPTY
_PRESENT: Final = _avro.PRESENT
_STATES: Final = _events.STATES
_ONLY_PART: Final = _events.ONLY_PART


class RunFields(TypedDict, total=False):
    """What can be said when a run is made; `Producer.run` explains each."""

    inputs: Iterable[Dataset]
    outputs: Iterable[Dataset]
    parameters: Mapping[str, object]
    nominal: tuple[int, int] | None
    actor: str | None
    purpose: str | None
    parent: RunReference | Saying | None
    run_id: bytes | uuid.UUID | None
    clock: Callable[[], int] | None
    facets: Mapping[str, object]
    environment: Mapping[str, object]
    links: Sequence[Mapping[str, Any]]
    trace_id: bytes | None
    span_id: bytes | None


class Saying:
    """The part of a run that gathers what its next event tells."""

    # What few runs change stands here, not in each of them: a run is made for each event, or each second one.
    _root: RunReference | None = None
    _reference: RunReference | None = None
    _finished = False
    #: What follows the state; kind, actor and purpose where they are the run's own.
    _rest = _events.BARE_REST
    _frame: bytes | None = None
    #: Outputs that were told when it began, until there is more to be said of outputs.
    _given: Sequence[Dataset] = ()
    _used = _avro.NULL
    _failure = _avro.NULL

    def __init__(self, core: Core, job: Job, fields: RunFields) -> None:
        self._core = core
        self.job = job
        self.run_id = _run_id(fields["run_id"]) if "run_id" in fields else _ids.uuid7(now_us())
        self._fields = fields
        self._inputs: list[bytes] = []
        self._outputs: dict[_Identity, Output] = {}
        self._parameters: dict[str, object] = {}
        self._metrics: list[bytes] = []
        self._run_facets: dict[str, object] = {}

    @property
    def reference(self) -> RunReference:
        """How children and other runs name it."""
        if self._reference is None:
            self._reference = RunReference(self.run_id, self.job.namespace, self.job.name, self._root)
        return self._reference

    def _now(self) -> int | None:
        """The event time of what is told now; None where it is the time of telling."""
        clock = self._fields.get("clock")
        return None if clock is None else clock()

    def input(self, dataset: Dataset) -> None:
        """This run reads the dataset."""
        self._core.guard(self._input, dataset)

    def _input(self, dataset: Dataset) -> None:
        self._inputs.extend(dataset.entries)

    def output(self, dataset: Dataset) -> None:
        """This run writes the dataset."""
        self._core.guard(self._output, dataset)

    def _output(self, dataset: Dataset) -> None:
        self._to(dataset).told = False

    def _to(self, dataset: Dataset) -> Output:
        known, key = self._known(), (dataset.namespace, dataset.name, dataset.version)
        found = known.get(key)
        if found is None:
            found = known[key] = Output(dataset)
        elif found.dataset is not dataset:
            found.dataset = dataset
        return found

    def _known(self) -> dict[_Identity, Output]:
        if self._given:
            given, self._given = self._given, ()
            for dataset in given:
                self._outputs[dataset.namespace, dataset.name, dataset.version] = Output(dataset, told=True)
        return self._outputs

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
        self._metrics.append(_events.metric(name, float(value), step, split, reference))

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
        outputs, key = self._known(), (output.namespace, output.name, output.version)
        if key in outputs:
            return outputs[key]
        versions = [known for known in outputs if known[:2] == key[:2]]
        return outputs[versions[0]] if len(versions) == 1 and output.version is None else self._to(output)

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
        self._used = _events.resources(used)

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

        `data`: a table of pandas, Polars, Arrow, numpy or DuckDB, any dataframe that narwhals knows, or a mapping of
        column names to arrays or lists; a query that was not yet computed is computed by this, a reader is read to
        its end. `role`: output, input or serving. `sampled_of`: the rows of the whole where `data` is a sample.
        Columns that the dataset tags personal leave as keyed digests. It takes the time of the computation (under 1 s
        for 1M rows of 12 columns), on this thread. Raises MissingExtra where numpy is not installed.
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
            event_time=self._now(),
        )

    def profiler(self, dataset: Dataset, *, role: str = "output", partitions: Sequence[str] = ()) -> Profiler:
        """A profile of what comes in pieces; `Profiler` explains. Raises MissingExtra where numpy is not installed."""
        return Profiler(About(self._core, dataset, role, partitions, self.job, self.run_id))

    def child_environment(self) -> dict[str, str]:
        """This process's environment with what makes a child process's runs children of this run."""
        return {**os.environ, **self.reference.variables()}

    def _emit(
        self,
        state: str,
        outputs: list[bytes] | None = None,
        environment: _events.Entries = _events.NO_ENTRIES,
    ) -> None:
        """Tell what was said since the last event, and these outputs."""
        core, inputs, metrics = self._core, self._inputs, self._metrics
        once = self._used + self._failure
        if not self._finished:
            self._inputs, self._metrics, self._used = [], [], _avro.NULL
        if self._outputs:
            outputs = [*(outputs or ()), *(entry for output in self._outputs.values() for entry in output.entries())]
            while len(self._outputs) > _MOST_OUTPUTS:
                del self._outputs[next(iter(self._outputs))]
        # Repeated: each event then explains by itself what it wrote.
        parameters = _events.entries(self._parameters) if self._parameters else ()
        tail = b"".join(
            (
                _block(inputs) if inputs else _EMPTY,
                _block(outputs) if outputs else _EMPTY,
                _block(parameters) if parameters else _EMPTY,
                environment.block,
                _block(metrics) if metrics else _EMPTY,
                once,
            )
        )
        facets = _events.facets(self._run_facets) if self._run_facets else _EMPTY
        frame = self._frame or core.run_frame
        run = (_PRESENT, self.run_id, _STATES[state], self._rest, facets)
        clock = self._fields.get("clock")
        now = None if clock is None else clock()
        if len(tail) <= _events.LARGEST:
            head = core.head(_HEADER, None, now)
            core.send(_TOPIC, self.run_id, b"".join((head, _ONLY_PART, frame, *run, core.job(self.job), tail)))
        else:
            said = _events.Said(inputs, outputs or (), parameters, environment.entries, metrics, once)
            core.run_event(frame, b"".join(run), self.job, said, self.run_id, now)


def _run_id(given: bytes | uuid.UUID | None) -> bytes:
    """The given id, or a new one where none of use was given: no run may be lost to a bad id."""
    if isinstance(given, uuid.UUID):
        return given.bytes
    return given if isinstance(given, bytes) and len(given) == 16 else _ids.uuid7(now_us())
