"""The producer: makes handles, runs and predictors, numbers the messages, and hands them to delivery."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Unpack

from headwater import settings as settings_module
from headwater.producer import _events, _forks, _provenance, _telemetry
from headwater.producer._core import Core, now_us
from headwater.producer._disabled import DisabledDelivery
from headwater.producer._fields import RunFields
from headwater.producer._profiler import Profiler
from headwater.producer._profiling import About, send_profile
from headwater.producer.handles import Dataset, DatasetFields, Job, JobFields
from headwater.producer.predictions import Predictor, PredictorFields
from headwater.producer.run import Run
from headwater.producer.stats import Stats
from headwater.schemas import encoding
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.producer._delivery import Delivery

_NOT_DISABLED: Final = frozenset({"", "0", "false", "no", "off"})
_CORES: Final[weakref.WeakSet[Core]] = weakref.WeakSet()


class Producer:
    """Tells Kafka what a process reads, writes and predicts; one a process is enough, and it is safe to share.

    Built from a settings object or from `headwater.settings.load(**arguments)`, which reads HEADWATER_ variables.
    Raises SettingsError here, and after this nothing: what goes wrong later is counted in `stats` and logged
    (logger headwater.producer). With HEADWATER_DISABLED=1 it takes everything and sends nothing.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], int] = now_us,
        delivery: Delivery | None = None,
        **arguments: Any,
    ) -> None:
        self.settings = settings or settings_module.load(**arguments)
        self._core = core = Core(self.settings, clock)
        if delivery is not None:
            core.delivery = delivery
        elif os.environ.get("HEADWATER_DISABLED", "").strip().lower() not in _NOT_DISABLED:
            core.delivery = DisabledDelivery()
        else:
            with _forks.making():
                from headwater.producer._delivery import KafkaDelivery  # noqa: PLC0415 — loads confluent-kafka, and asyncio: only hosts that send pay for that

                core.delivery = KafkaDelivery(self.settings, core.alive, core.chore)
                _telemetry.watch(core)
                core.asks_git = True
                _provenance.git()  # now, so that it has answered when the first run ends
        _CORES.add(core)

    # Handles.

    def job(self, namespace: str, name: str, **fields: Unpack[JobFields]) -> Job:
        """A job's handle. Without `code`, events carry what this process runs (git commit, entrypoint, …)."""
        return Job(namespace, name, **fields)

    def dataset(self, namespace: str, name: str, **fields: Unpack[DatasetFields]) -> Dataset:
        """A dataset's handle. `at` gives it for one version."""
        return Dataset(namespace, name, **fields)

    def model(self, namespace: str, name: str, **fields: Unpack[DatasetFields]) -> Dataset:
        """A model's handle: a dataset of that kind."""
        fields.setdefault("kind", "model")
        return Dataset(namespace, name, **fields)

    def deployment(self, namespace: str, name: str, **fields: Unpack[DatasetFields]) -> Dataset:
        """A deployment's handle: a dataset of that kind."""
        fields.setdefault("kind", "deployment")
        return Dataset(namespace, name, **fields)

    def prediction_stream(self, namespace: str, name: str, **fields: Unpack[DatasetFields]) -> Dataset:
        """The handle of a deployment's prediction stream, the node to which its predictions belong."""
        fields.setdefault("kind", "prediction_stream")
        return Dataset(namespace, name, **fields)

    # Runs.

    def run(self, job: Job, **fields: Unpack[RunFields]) -> Run:
        """A run of the job, as a context manager or decorator.

        `inputs`, `outputs`, `parameters` are told when it starts; `nominal` is the interval it is for (µs since
        1970); `actor` and `purpose` stand instead of the settings'; `parent` is the run around it unless given;
        `run_id` lets an orchestrator name it; `clock` gives its event times, for those who tell the past.
        """
        return Run(self._core, job, fields)

    def reads(self, job: Job, *inputs: Dataset, actor: str | None = None, purpose: str | None = None) -> None:
        """A read that writes nothing, as a run of its own: who read this, for what purpose, which columns."""
        self.run(job, inputs=inputs, actor=actor, purpose=purpose).whole()

    def writes(self, job: Job, *outputs: Dataset, actor: str | None = None, purpose: str | None = None) -> None:
        """A write without a read, as a run of its own: what came in by hand, or from where nobody tells."""
        self.run(job, outputs=outputs, actor=actor, purpose=purpose).whole()

    # Events without a run.

    def describe_job(self, job: Job, *, inputs: Iterable[Dataset] = (), outputs: Iterable[Dataset] = ()) -> None:
        """A job event: its owners, tags, code or the datasets it is meant to use, without a run."""
        self._core.guard(self._describe_job, job, inputs, outputs)

    def _describe_job(self, job: Job, inputs: Iterable[Dataset], outputs: Iterable[Dataset]) -> None:
        said = _events.Said(
            inputs=[entry for dataset in inputs for entry in dataset.entries],
            outputs=[entry for dataset in outputs for entry in dataset.entries],
        )
        self._core.run_event(self._core.frame(None, None, _events.JOB), encoding.NULL, job, said, job.key, None)

    def describe_dataset(self, dataset: Dataset, *, event_time: int | None = None) -> None:
        """A dataset event: a change of its owner, tags, schema, name or life, without a run."""
        self._core.guard(self._describe_dataset, dataset, event_time)

    def _describe_dataset(self, dataset: Dataset, event_time: int | None) -> None:
        said = _events.Said(outputs=dataset.entries)
        frame = self._core.frame(None, None, _events.DATASET)
        self._core.run_event(frame, encoding.NULL, None, said, dataset.key, event_time)

    # Predictions and profiles.

    def predictions(self, **fields: Unpack[PredictorFields]) -> Predictor:
        """What emits the predictions of one deployment; see `Predictor`."""
        return Predictor(self._core, **fields)

    def profile(
        self,
        dataset: Dataset,
        data: Any,
        *,
        role: str = "output",
        partitions: Sequence[str] = (),
        sampled_of: int | None = None,
        event_time: int | None = None,
    ) -> Dataset:
        """Profile a dataset version outside any run; `Run.profile` explains."""
        return send_profile(
            self._core,
            dataset,
            data,
            role=role,
            partitions=partitions,
            sampled_of=sampled_of,
            job=None,
            run_id=None,
            event_time=event_time,
        )

    def profiler(self, dataset: Dataset, *, role: str = "output", partitions: Sequence[str] = ()) -> Profiler:
        """A profile of what comes in pieces outside any run; `Profiler` explains."""
        return Profiler(About(self._core, dataset, role, partitions, None, None))

    # Delivery.

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until the broker has confirmed everything; False where it did not within `timeout` seconds."""
        return self._core.delivery.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Say goodbye and send what is left, within `timeout` seconds (setting exit_seconds)."""
        self._core.close(self.settings.exit_seconds if timeout is None else timeout)

    def stats(self) -> Stats:
        """What was sent, what waits and what was dropped, and why."""
        return self._core.delivery.stats(self._core.last_number)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def _close_at_exit() -> None:
    for core in list(_CORES):
        core.close(core.settings.exit_seconds)
    _provenance.forget_git()


def _after_fork() -> None:
    _telemetry.forked()
    for core in list(_CORES):
        core.delivery.forked()
        core.reset()


atexit.register(_close_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
