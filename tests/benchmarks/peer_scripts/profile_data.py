"""The table that every profiler takes: 8 columns of float64 and 4 of texts, the same in each environment."""

import os
import time

import numpy as np


def one_core():
    """Bind this process, and what it starts, to one core; call it before anything makes threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def table(rows):
    """Numbers of several shapes, two with some NaN; texts of 10, 1,000 and 50,000 values, and of all different ones."""
    rng = np.random.default_rng(2024)
    columns = {f"normal_{i}": rng.normal(10.0**i, 1.0 + i, rows) for i in range(3)}
    columns["skewed"] = rng.lognormal(0.0, 2.0, rows)
    columns["amounts"] = rng.integers(0, 100_000, rows) / 100
    columns["steps"] = rng.integers(0, 50, rows).astype(np.float64)
    for i in range(2):
        columns[f"gaps_{i}"] = np.where(rng.random(rows) < 0.01, np.nan, rng.normal(size=rows))

    def texts(form, count):
        pool = np.array([form(number) for number in range(count)], object)
        return pool[rng.integers(0, count, rows)]

    columns["category"] = texts(lambda number: f"category {number}", 10)
    columns["segment"] = texts(lambda number: f"customer segment {number}", 1000)
    columns["place"] = texts(lambda number: f"Größe {number * 7919}", 50_000)
    high, low = rng.integers(0, 2**63, (2, rows))
    columns["key"] = np.array([f"{h:016x}-{w:016x}" for h, w in zip(high.tolist(), low.tolist())], object)  # noqa: B905 — of older Pythons too
    return columns


def frame(columns):
    """As pandas holds texts without further words in the peers' versions: as Python objects."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in columns.items()})


def timed(work, turns):
    """Wall and CPU seconds of each turn, after one that warms up; and what the last turn returned."""
    work()
    took = []
    result = None
    for _ in range(turns):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        took.append((time.perf_counter() - wall, time.process_time() - cpu))
    return took, result
