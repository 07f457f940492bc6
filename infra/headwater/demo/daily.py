"""The steps of one night: ingest, clean, features, and where a model serves, score and evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from headwater.demo import catalog, steps
from headwater.demo.catalog import DEPLOYMENT, ERRORS, FEATURES, MODEL, MODELS, STREAM
from headwater.demo.lake import version_of
from headwater.demo.model import Model
from headwater.demo.options import Options
from headwater.demo.tracked import Tracked


@dataclass(frozen=True)
class Serving:
    """What answers: a model version and where it is deployed."""

    model: Model
    model_version: str
    deployment_version: str


@dataclass(frozen=True)
class Night:
    """The steps of the night after `day`."""

    tracked: Tracked
    options: Options
    #: One folder a source, one file a day.
    deliveries: Path
    day: date

    def prepare(self) -> None:
        """From deliveries to features."""
        delivered = [source for source in self.options.sources if self._delivery(source).exists()]
        self._ingest(delivered)
        self._clean(delivered)
        self._features()

    def _delivery(self, source: str) -> Path:
        return self.deliveries / source / f"{self.day}.csv"

    def _ingest(self, sources: Sequence[str]) -> None:
        with self.tracked.step("ingest", self.day) as step:
            for source in sources:
                path = self._delivery(source)
                frame = steps.ingest(source, path, self.options)
                step.input(catalog.FEEDS, source, version_of(self.day, path.read_bytes()), frame)
                step.write(f"raw_{source}", frame, catalog.ingested(source, self.options), made_from=[source])

    def _clean(self, sources: Sequence[str]) -> None:
        with self.tracked.step("clean", self.day) as step:
            for source in sources:
                raw = step.read(f"raw_{source}")
                match source:
                    case "flights":
                        frame = steps.clean_flights(raw, self.options)
                    case "weather":
                        frame = steps.clean_weather(raw)
                    case _:
                        frame = steps.clean_planes(raw)
                derivations = catalog.cleaned(source, self.options)
                step.write(f"clean_{source}", frame, derivations, made_from=[f"raw_{source}"])

    def _features(self) -> None:
        with self.tracked.step("features", self.day) as step:
            flights = step.read("clean_flights")
            weather = planes = None
            if "weather" in self.options.sources:
                delivered = self.tracked.lake.has("clean_weather", self.day)
                # Without a delivery there is nothing to join: the model puts medians where values are missing.
                weather = step.read("clean_weather") if delivered else pl.DataFrame(schema=steps.WEATHER_TYPES)
            if "planes" in self.options.sources:
                planes = step.read("clean_planes", self.tracked.lake.days("clean_planes")[-1])
            frame = steps.features(flights, weather, planes, self.options)
            step.write(FEATURES, frame, catalog.featured(self.options))

    def serve(self, serving: Serving) -> float:
        """Score the day's flights and hold the answers against what came: mean absolute error in minutes."""
        version, predicted = self._score(serving)
        with self.tracked.step("evaluate", self.day) as step:
            step.input(MODELS, STREAM, version)
            flights = step.read("clean_flights")
            name = self.options.column
            errors = flights.select(
                *(pl.col(name(key)) for key in steps.KEYS),
                predicted,
                pl.col(name("air_time")).alias("actual"),
                (predicted - pl.col(name("air_time"))).alias("error"),
            )
            mae = float(np.abs(errors["error"].to_numpy()).mean())
            step.write(ERRORS, errors, catalog.compared(self.options))
            step.metric("mae", mae, split="production", about=self.tracked.model(serving.model_version))
        return mae

    def _score(self, serving: Serving) -> tuple[str, pl.Series]:
        with self.tracked.step("score", self.day) as step:
            frame = step.read(FEATURES, columns=serving.model.shape.features)
            step.input(MODELS, DEPLOYMENT, serving.deployment_version)
            predicted = pl.Series("predicted", serving.model.predict(frame)).round(2)
            version = version_of(self.day, predicted.to_numpy().tobytes())
            step.output(MODELS, STREAM, version, catalog.predicted(self.options), rows=frame.height)
            keys = frame.select(self.options.column(key) for key in steps.KEYS).rows()
            step.predict(
                {MODEL: serving.model_version, DEPLOYMENT: serving.deployment_version, STREAM: version},
                [f"{self.day}/{'/'.join(map(str, key))}" for key in keys],
                frame.select(serving.model.shape.features),
                predicted,
            )
        return version, predicted
