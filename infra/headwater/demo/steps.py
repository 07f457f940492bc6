"""The steps between a delivery and a model's features. Frames in, frames out; nothing else is touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from headwater.demo.options import YEAR, Options

Types = Mapping[str, type[pl.DataType]]

FLIGHT_TYPES: Types = {
    "time_hour": pl.String,
    "carrier": pl.String,
    "flight": pl.Int32,
    "tailnum": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "hour": pl.Int32,
    "dep_delay": pl.Float64,
    "arr_delay": pl.Float64,
    "air_time": pl.Float64,
    "distance": pl.Float64,
}
WEATHER_TYPES: Types = {
    "origin": pl.String,
    "time_hour": pl.String,
    "temp": pl.Float64,
    "wind_dir": pl.Float64,
    "wind_speed": pl.Float64,
    "precip": pl.Float64,
    "pressure": pl.Float64,
    "visib": pl.Float64,
}
PLANE_TYPES: Types = {
    "tailnum": pl.String,
    "year": pl.Int32,
    "seats": pl.Int32,
    "engines": pl.Int32,
    "engine": pl.String,
}
#: What identifies a flight; the public key of its prediction is made of these and the day.
KEYS = ("carrier", "flight", "origin")


def ingest(source: str, delivery: Path, options: Options) -> pl.DataFrame:
    """Read one delivered file with the types that the source is agreed to have.

    Without the file, as no delivery came, the frame is empty. Raises polars' errors where a column is
    missing or a value is not of its type.
    """
    types: Types = {"flights": FLIGHT_TYPES, "weather": WEATHER_TYPES, "planes": PLANE_TYPES}[source]
    if source == "flights":
        types = {options.column(name): kind for name, kind in types.items()}
    if not delivery.exists():
        return pl.DataFrame(schema=types)
    return pl.read_csv(delivery, columns=list(types), schema_overrides=types)


def clean_flights(raw: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Flights that flew: with an air time, each once, with a distance above 0."""
    air_time, distance = pl.col(options.column("air_time")), pl.col(options.column("distance"))
    return raw.filter(air_time.is_not_null() & (distance > 0)).unique(
        subset=[options.column(name) for name in KEYS], keep="first", maintain_order=True
    )


def clean_weather(raw: pl.DataFrame) -> pl.DataFrame:
    """Hourly weather without holes: a missing value is the airport's last one before it."""
    values = ("temp", "wind_dir", "wind_speed", "pressure", "visib")
    return raw.sort("origin", "time_hour").with_columns(
        *(pl.col(name).forward_fill().over("origin") for name in values), pl.col("precip").fill_null(0.0)
    )


def clean_planes(raw: pl.DataFrame) -> pl.DataFrame:
    """Planes with the year they were built in as `built`, where it can be true."""
    built = pl.col("year")
    return raw.select(
        "tailnum", pl.when(built.is_between(1940, YEAR)).then(built).alias("built"), "seats", "engines", "engine"
    )


def features(
    flights: pl.DataFrame, weather: pl.DataFrame | None, planes: pl.DataFrame | None, options: Options
) -> pl.DataFrame:
    """One row a flight: what is known before it leaves, and at the end its air time in minutes.

    Wind is split into where it blows to (`wind_east`, `wind_north`, mph), at the hour of departure.
    """
    name = options.column
    frame = flights
    values = [pl.col(name(key)) for key in KEYS] + [pl.col(name(other)) for other in ("dest", "hour", "distance")]
    if weather is not None:
        angle = pl.col("wind_dir").radians()
        towards = weather.select(
            pl.col("origin").alias(name("origin")),
            pl.col("time_hour").alias(name("time_hour")),
            (-pl.col("wind_speed") * angle.sin()).round(3).alias("wind_east"),
            (-pl.col("wind_speed") * angle.cos()).round(3).alias("wind_north"),
            "temp",
            "pressure",
            "visib",
        )
        frame = frame.join(towards, on=[name("origin"), name("time_hour")], how="left", maintain_order="left")
        values += [pl.col(column) for column in ("wind_east", "wind_north", "temp", "pressure", "visib")]
    if planes is not None:
        age = (YEAR - pl.col("built")).alias("plane_age")
        built = planes.select(pl.col("tailnum").alias(name("tailnum")), age, "seats", "engines")
        frame = frame.join(built, on=name("tailnum"), how="left", maintain_order="left")
        values += [pl.col(column) for column in ("plane_age", "seats", "engines")]
    return frame.select(*values, pl.col(name("air_time")))
