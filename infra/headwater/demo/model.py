"""The model: air time as a weighted sum of terms. Served with numpy alone, so that a service starts fast."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from headwater.demo.options import Options

Floats = npt.NDArray[np.float64]
#: Numbers that enter as they are; what a demo without weather or planes lacks is left out.
NUMBERS = ("distance", "hour", "wind_east", "wind_north", "temp", "pressure", "visib", "plane_age", "seats", "engines")
#: Numbers that also enter times distance: a wind matters by how long it blows.
BY_DISTANCE = ("hour", "wind_east", "wind_north", "temp", "seats")
CATEGORIES = ("origin", "carrier")


@dataclass(frozen=True)
class Shape:
    """How features become the columns of a matrix, as learnt from the training rows."""

    #: A number's median, put where it is missing; the order is that of the matrix.
    fill: Mapping[str, float]
    #: Known values of each category; a value unknown to the training rows gets no weight.
    values: Mapping[str, Sequence[str]]
    #: The name that each has in the features, where that is another.
    columns: Mapping[str, str]

    @property
    def features(self) -> list[str]:
        """Names of the feature columns that are read."""
        return [self.columns[name] for name in (*self.fill, *self.values)]

    @classmethod
    def learn(cls, frame: pl.DataFrame, options: Options) -> Shape:
        """The shape that these training rows give."""
        names = [name for name in NUMBERS if options.column(name) in frame.columns]
        columns = {name: options.column(name) for name in (*names, *CATEGORIES)}
        medians = {name: frame[columns[name]].cast(pl.Float64).median() for name in names}
        return cls(
            fill={name: float(median) if isinstance(median, float) else 0.0 for name, median in medians.items()},
            values={name: sorted(frame[columns[name]].unique().to_list()) for name in CATEGORIES},
            columns=columns,
        )

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Rows by terms."""
        numbers: dict[str, Floats] = {
            name: frame[self.columns[name]].cast(pl.Float64).fill_null(fill).to_numpy()
            for name, fill in self.fill.items()
        }
        distance = numbers["distance"]
        terms = [*numbers.values(), np.sqrt(np.abs(distance))]
        terms += [numbers[name] * distance for name in BY_DISTANCE if name in numbers]
        for name, known in self.values.items():
            column = frame[self.columns[name]]
            terms += [(column == value).fill_null(value=False).to_numpy().astype(np.float64) for value in known]
        return np.column_stack(terms)


@dataclass(frozen=True)
class Model:
    """A trained model, ready to serve."""

    shape: Shape
    weights: Sequence[float]
    intercept: float
    #: What the fit was asked for and chose, for the run's parameters.
    parameters: Mapping[str, float]

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Air time of each row in minutes."""
        minutes: Floats = np.dot(self.shape.matrix(frame), np.asarray(self.weights, np.float64)) + self.intercept
        return minutes

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Model:
        """The model that `save` wrote."""
        content = json.loads(path.read_text())
        return cls(**(content | {"shape": Shape(**content["shape"])}))
