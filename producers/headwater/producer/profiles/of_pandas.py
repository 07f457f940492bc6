"""Columns of pandas. It imports nothing of pandas: a Series brings what is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.producer.profiles import objects, values
from headwater.producer.profiles.values import Values


def of_pandas(series: Any) -> Values:
    """A Series or an Index. What pandas calls missing is null: NaN too, but in columns that Arrow holds."""
    dtype = series.dtype
    declared = str(dtype)
    if isinstance(dtype, np.dtype):
        found = values.of_array(series.to_numpy(), declared, nan_is_null=True)
        return objects.of_objects(series.tolist(), declared) if found is None else found
    name = type(dtype).__name__
    if name == "CategoricalDtype":
        categorical = series.array
        return values.of_codes(np.asarray(categorical.codes), of_pandas(categorical.categories), declared)
    if name == "DatetimeTZDtype":
        # Its counts are of UTC, whatever the zone.
        return values.of_times(series.array.asi8, dtype.unit, declared, np.asarray(series.isna()))
    masked = getattr(dtype, "numpy_dtype", None)
    if isinstance(masked, np.dtype) and masked.kind in "fiub" and name != "ArrowDtype":
        nulls: NDArray[np.bool_] = np.asarray(series.isna())
        filled: NDArray[Any] = series.to_numpy(masked, na_value=0)
        return values.of_numbers(filled, declared, nulls)
    arrow = getattr(series.array, "__arrow_array__", None)
    if name == "ArrowDtype" or (arrow is not None and getattr(dtype, "storage", "") == "pyarrow"):
        from headwater.producer.profiles import of_arrow  # noqa: PLC0415 — pyarrow holds the column

        found = of_arrow.of_arrow(series.array.__arrow_array__())
        found.declared_type = declared
        return found
    return objects.of_objects(series.tolist(), declared)
