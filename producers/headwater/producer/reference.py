"""Which run this code is in: in its context, in other threads, and in child processes."""

from __future__ import annotations

import contextvars
import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from headwater.producer import _events

P = ParamSpec("P")
R = TypeVar("R")

current: contextvars.ContextVar[RunReference | None] = contextvars.ContextVar("headwater_run", default=None)


@dataclass(frozen=True)
class RunReference:
    """A run as its children name it. `root`: the first of its chain, None where this is the first."""

    run_id: bytes
    job_namespace: str = ""
    job_name: str = ""
    root: RunReference | None = None

    @property
    def encoded(self) -> bytes:
        """Its bytes where another run names it."""
        return _events.run_reference(self.run_id, self.job_namespace, self.job_name)

    def variables(self) -> dict[str, str]:
        """Environment variables by which a child process takes this run as its parent."""
        root = self.root or self
        return {
            "HEADWATER_RUN_ID": str(uuid.UUID(bytes=self.run_id)),
            "HEADWATER_RUN_JOB_NAMESPACE": self.job_namespace,
            "HEADWATER_RUN_JOB_NAME": self.job_name,
            "HEADWATER_RUN_ROOT_ID": str(uuid.UUID(bytes=root.run_id)),
            "HEADWATER_RUN_ROOT_JOB_NAMESPACE": root.job_namespace,
            "HEADWATER_RUN_ROOT_JOB_NAME": root.job_name,
        }

    @classmethod
    def from_variables(cls, environment: Mapping[str, str]) -> RunReference | None:
        """The run that started this process, where it handed itself down."""

        def reference(prefix: str, root: RunReference | None) -> RunReference | None:
            try:
                run_id = uuid.UUID(environment[prefix + "ID"]).bytes
            except (KeyError, ValueError):
                return None
            namespace, name = environment.get(prefix + "JOB_NAMESPACE", ""), environment.get(prefix + "JOB_NAME", "")
            return cls(run_id, namespace, name, root)

        root = reference("HEADWATER_RUN_ROOT_", None)
        run = reference("HEADWATER_RUN_", root)
        return (
            None
            if run is None
            else run
            if run.root is None or run.root.run_id != run.run_id
            else cls(run.run_id, run.job_namespace, run.job_name)
        )


def current_run() -> RunReference | None:
    """The run that this code is in, as its children would name it."""
    return current.get()


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """The function with the present run as its parent, for threads and executors, which do not take it over.

    Where the function can be pickled, so can what comes back: executors of processes carry the run too.
    """
    carried = _Carried(function, current.get(), contextvars.copy_context())
    return cast("Callable[P, R]", functools.wraps(function)(carried))


class _Carried:
    """A function with the run that it is in; in this process with all other context variables as well."""

    def __init__(
        self, function: Callable[..., Any], run: RunReference | None, context: contextvars.Context | None = None
    ) -> None:
        self._function = function
        self._run = run
        self._context = context

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # A context can be entered once at a time; several threads may run this together.
        context = contextvars.copy_context() if self._context is None else self._context.copy()
        if self._context is None:
            context.run(current.set, self._run)
        return context.run(self._function, *args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._function, self._run)


def _unpickled(function: Callable[..., Any], run: RunReference | None) -> Any:
    return functools.wraps(function)(_Carried(function, run))
