"""What can be said inside a run. Nothing here raises because of what it is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from time import time_ns
from typing import Any, Final

from headwater.producer import _avro, _events, _ids
from headwater.producer._core import Core, now_us
from headwater.producer._fields import RunFields, given_or_new_id
from headwater.producer._output import Output
from headwater.producer._profiler import Profiler
from headwater.producer._profiling import About, send_profile
from headwater.producer.handles import Dataset, Job
from headwater.producer.reference import RunReference
from headwater.schemas import encoding, framing, topics

#: A run that never ends remembers so many outputs that it has told; of others a later addition tells all again.
_MOST_OUTPUTS: Final = 1000
_NOTHING: Final[Mapping[Any, Any]] = {}
_Identity = tuple[str, str, str | None]
_HEADER: Final = framing.single_object_header(_avro.encoders("run_event").schema)
_TOPIC: Final = topics.RUNS.name
# What each event needs, without the way through a module.
_block: Final = encoding.block
_EMPTY: Final = encoding.EMPTY
_PRESENT: Final = encoding.PRESENT
_STATES: Final = _events.STATES
_ONLY_PART: Final = _events.ONLY_PART
_time: Final = _avro.time
_uuid7: Final = _ids.uuid7


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
    # Made with the first entry, by `_own`.
    _outputs: Mapping[_Identity, Output] = _NOTHING
    _more: Sequence[Output] = ()
    _parameters: Mapping[str, object] = _NOTHING
    _run_facets: Mapping[str, object] = _NOTHING
    _metrics: Sequence[bytes] = ()
    _used = encoding.NULL
    _failure = encoding.NULL

    def __init__(self, core: Core, job: Job, fields: RunFields) -> None:
        self._core = core
        self.job = job
        self.run_id = given_or_new_id(fields["run_id"]) if "run_id" in fields else _ids.uuid7(now_us())
        self._fields = fields
        self._inputs: list[bytes] = []

    def _own(self, name: str, empty: Any) -> Any:
        """A collection of this run, made where it is not there; one step for all threads that may share the run."""
        return self.__dict__.setdefault(name, empty)

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
        found = self._to(dataset)
        found.told = False
        self._changed(found)

    def _to(self, dataset: Dataset) -> Output:
        known, key = self._known(), (dataset.namespace, dataset.name, dataset.version)
        found = known.get(key)
        if found is None:
            found = known[key] = Output(dataset)
        elif found.dataset is not dataset:
            found.dataset = dataset
        return found

    def _known(self) -> dict[_Identity, Output]:
        known: dict[_Identity, Output] = self._own("_outputs", {})
        if self._given:
            given, self._given = self._given, ()
            for dataset in given:
                known[dataset.namespace, dataset.name, dataset.version] = Output(dataset, told=True)
        return known

    def _changed(self, output: Output) -> None:
        """The next event has something to tell of it. It may stand here several times, and is told once."""
        self._own("_more", []).append(output)

    def parameter(self, name: str, value: object) -> None:
        """A parameter. Names that look like secrets are not recorded."""
        self._own("_parameters", {})[str(name)] = value

    def facet(self, name: str, value: object) -> None:
        """Something about the run that has no field of its own."""
        self._own("_run_facets", {})[str(name)] = value

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
        self._own("_metrics", []).append(_events.metric(name, float(value), step, split, reference))

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
        found = self._to_known(output)
        found.lineage.append(_events.column_lineage(values))
        self._changed(found)

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
        self._changed(found)

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
            self._inputs, self._used = [], encoding.NULL
            if metrics:
                self._metrics = []
        if self._more or (self._finished and self._outputs):
            more, self._more = self._more, []
            # At the end all of them: another thread may have been saying something at the event before.
            untold = [*self._outputs.values()] if self._finished else more
            outputs = [*(outputs or ()), *(entry for output in untold for entry in output.entries())]
            known = self._known()
            while len(known) > _MOST_OUTPUTS:
                del known[next(iter(known))]
        # Repeated: each event then explains by itself what it wrote.
        parameters = _events.entries(self._parameters) if self._parameters else ()
        facets = _events.facets(self._run_facets) if self._run_facets else _EMPTY
        frame = self._frame or core.run_frame
        if not core.opened:
            core.open()
        now = time_ns() // 1000
        emitted = happened = _time(now)
        if "clock" in self._fields or core.clock is not now_us:
            happened = core.past((self._fields.get("clock") or core.clock)())
        number = core.last_number = next(core.numbers)
        # Each field in the record's order, joined once: this line is what an event costs.
        message = b"".join(
            (
                _HEADER,
                emitted,
                core.producer_id,
                core.sequence(number),
                _uuid7(now),
                happened,
                _ONLY_PART,
                frame,
                _PRESENT,
                self.run_id,
                _STATES[state],
                self._rest,
                facets,
                core.job(self.job),
                _block(inputs) if inputs else _EMPTY,
                _block(outputs) if outputs else _EMPTY,
                _block(parameters) if parameters else _EMPTY,
                environment.block,
                _block(metrics) if metrics else _EMPTY,
                once,
            )
        )
        if len(message) <= _events.LARGEST:
            core.delivery.submit(_TOPIC, self.run_id, message)
            return
        run = b"".join((_PRESENT, self.run_id, _STATES[state], self._rest, facets))
        said = _events.Said(inputs, outputs or (), parameters, environment.entries, metrics, once)
        core.run_event(frame, run, self.job, said, self.run_id, self._now(), number)
