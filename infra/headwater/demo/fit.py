"""Training and measuring with scikit-learn: the one module that imports it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import numpy as np
import polars as pl

from headwater.demo.model import Floats, Model, Shape
from headwater.demo.options import Options
from headwater.errors import MissingExtra

#: The penalty on the weights of standardised terms.
ALPHA = 1.0


def load() -> None:
    """Import scikit-learn, which takes a second; training and measuring do it themselves. Raises MissingExtra."""
    try:
        for module in ("linear_model", "metrics", "preprocessing"):
            import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingExtra("demo", "scikit-learn") from error


def train(frame: pl.DataFrame, options: Options) -> Model:
    """A ridge regression of air time."""
    load()
    from sklearn.linear_model import Ridge  # noqa: PLC0415 -- an extra, and slow to import
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 — the demo alone brings scikit-learn

    shape = Shape.learn(frame, options)
    scaler: Any = StandardScaler()
    matrix = scaler.fit_transform(shape.matrix(frame))
    ridge: Any = Ridge(alpha=ALPHA, solver="cholesky")
    ridge.fit(matrix, frame[options.column("air_time")].to_numpy())
    weights = cast("Floats", ridge.coef_ / scaler.scale_)
    intercept = float(ridge.intercept_ - np.dot(weights, scaler.mean_))
    return Model(shape, weights.tolist(), intercept, {"alpha": ALPHA})


def measure(actual: Floats, predicted: Floats) -> dict[str, float]:
    """Mean absolute error and root mean squared error in minutes, and R²."""
    load()
    from sklearn import metrics  # noqa: PLC0415 -- as above

    sk: Any = metrics
    return {
        "mae": float(sk.mean_absolute_error(actual, predicted)),
        "rmse": float(sk.root_mean_squared_error(actual, predicted)),
        "r2": float(sk.r2_score(actual, predicted)),
    }
