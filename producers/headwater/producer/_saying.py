"""What can be said inside a run. Nothing here raises because of what it is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater.producer import _events
from headwater.producer._core import Core
from headwater.producer._output import Output
from headwater.producer._profiling import send_profile
from headwater.producer.handles import Dataset, Job
from headwater.producer.reference import RunReference


class Saying:
    """The part of a run that gathers what its next event tells."""

    def __init__(self, core: Core, job: Job, run_id: bytes) -> None:
        self._core = core
        self.job = job
        self.run_id = run_id
        self._root: RunReference | None = None
        self._reference: RunReference | None = None
        self._said = _events.Said()
        self._finished = False
        self._parameters: dict[str, object] = {}
        self._outputs: dict[tuple[str, str, str | None], Output] = {}
        self._run_facets: dict[str, object] = {}

    @property
    def reference(self) -> RunReference:
        """How children and other runs name it."""
        if self._reference is None:
            self._reference = RunReference(self.run_id, self.job.namespace, self.job.name, self._root)
        return self._reference

    def _now(self) -> int | None:
        """The event time of what is told now; None where it is the time of telling."""
        return None

    def input(self, dataset: Dataset) -> None:
        """This run reads the dataset."""
        self._core.guard(self._input, dataset)

    def _input(self, dataset: Dataset) -> None:
        self._said.inputs.extend(dataset.entries)

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
            event_time=self._now(),
        )

    def child_environment(self) -> dict[str, str]:
        """This process's environment with what makes a child process's runs children of this run."""
        return {**os.environ, **self.reference.variables()}

    def _take(self) -> _events.Said:
        """What the next event tells; the one after it begins empty."""
        said = self._said
        if not self._finished:
            self._said = _events.Said()
        if self._parameters:
            # Repeated: each event then explains by itself what it wrote.
            said.parameters = _events.entries(self._parameters)
        for output in self._outputs.values():
            said.outputs.extend(output.entries())
        return said
