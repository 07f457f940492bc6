"""A model's life: trained, validated on days that it has not seen, deployed; and later trained anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from headwater.demo import catalog, fit
from headwater.demo.catalog import DEPLOYMENT, ERRORS, FEATURES, MODEL, MODELS, REPORT
from headwater.demo.daily import Serving
from headwater.demo.model import Model
from headwater.demo.options import Options
from headwater.demo.tracked import Step, Tracked

#: The last days of the training days are held back; the model is validated on them.
HELD_BACK = 0.2
#: A day teaches the next model only where the error then was below this many times the validated one.
TOLERATED = 2.0


@dataclass(frozen=True)
class Made:
    """A model version and what its validation measured."""

    model_version: str
    measured: dict[str, float]


@dataclass(frozen=True)
class Lifecycle:
    """Makes model versions from the features in the lake and keeps them in a folder."""

    tracked: Tracked
    options: Options
    folder: Path

    def first(self, days: Sequence[date]) -> Made:
        """Version 1 from those days."""
        return self._release("v1", days, {})

    def again(self, days: Sequence[date]) -> Made:
        """Version 2 from those days, without the days on which version 1 was far off."""
        validated: float = json.loads(self._report("v1").read_text())["mae"]
        limit = TOLERATED * validated
        served = {day: self._daily_error(day) for day in self.tracked.lake.days(ERRORS)}
        bad = [day for day, error in served.items() if error > limit]
        chosen = [day for day in days if day not in bad]
        return self._release("v2", chosen, {"largest_daily_mae": round(limit, 3), "days_left_out": len(bad)})

    def serving(self, name: str) -> Serving:
        """The released version of that name, as a service loads it."""
        return Serving(Model.load(self._path(name)), self.version(name), name)

    def _release(self, name: str, days: Sequence[date], parameters: dict[str, float]) -> Made:
        taught = round(len(days) * (1 - HELD_BACK))
        self._train(name, days[:taught], parameters)
        measured = self._validate(name, days[taught:])
        self._deploy(name, days[-1])
        return Made(self.version(name), measured)

    def _train(self, name: str, days: Sequence[date], parameters: dict[str, float]) -> None:
        with self.tracked.step("train", days[-1], since=days[0]) as step:
            frame = pl.concat([step.read(FEATURES, day) for day in days])
            model = fit.train(frame, self.options)
            model.save(self._path(name))
            chosen = {"first_day": str(days[0]), "last_day": str(days[-1]), "rows": frame.height}
            for parameter, value in {**chosen, **parameters, **model.parameters}.items():
                step.parameter(parameter, value)
            version = self.version(name)
            step.output(MODELS, MODEL, version, catalog.trained(self.options))
            self._measure(step, name, model, frame, "train")

    def _validate(self, name: str, days: Sequence[date]) -> dict[str, float]:
        with self.tracked.step("validate", days[-1], since=days[0]) as step:
            step.input(MODELS, MODEL, self.version(name))
            frame = pl.concat([step.read(FEATURES, day) for day in days])
            model = Model.load(self._path(name))
            measured = self._measure(step, name, model, frame, "validation")
            self._report(name).write_text(json.dumps(measured))
            step.output(MODELS, REPORT, self.version(name))
        return measured

    def _deploy(self, name: str, day: date) -> None:
        with self.tracked.step("deploy", day) as step:
            step.input(MODELS, MODEL, self.version(name))
            step.input(MODELS, REPORT, self.version(name))
            step.output(MODELS, DEPLOYMENT, name)

    def _measure(self, step: Step, name: str, model: Model, frame: pl.DataFrame, split: str) -> dict[str, float]:
        actual = frame[self.options.column("air_time")].to_numpy()
        measured = fit.measure(actual, model.predict(frame))
        for metric, value in measured.items():
            step.metric(metric, value, split=split, about=self.tracked.model(self.version(name)))
        return measured

    def _daily_error(self, day: date) -> float:
        errors, _ = self.tracked.lake.read(ERRORS, day)
        return float(np.abs(errors["error"].to_numpy()).mean())

    def version(self, name: str) -> str:
        """The released name and the digest of what was trained: `v1.5f1d0c22ab`."""
        return f"{name}.{hashlib.sha256(self._path(name).read_bytes()).hexdigest()[:10]}"

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _report(self, name: str) -> Path:
        return self.folder / f"{name}.report.json"
