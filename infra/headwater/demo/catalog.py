"""What the demo's tables hold and which column comes from which: declared here, beside no code that computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from headwater.demo import steps
from headwater.demo.model import CATEGORIES, NUMBERS
from headwater.demo.options import Options

#: Namespaces: what is delivered, what the pipeline keeps, models with what they answer, and the jobs.
FEEDS, LAKE, MODELS, JOBS = "feeds", "lake", "models", "flights"
MODEL, DEPLOYMENT, STREAM = "air_time", "air_time_service", "air_time_predictions"
FEATURES, ERRORS, REPORT = "flight_features", "prediction_errors", "model_report"
#: What is no table.
KINDS = {
    "flights": "file",
    "weather": "file",
    "planes": "file",
    FEATURES: "feature_view",
    MODEL: "model",
    DEPLOYMENT: "deployment",
    STREAM: "prediction_stream",
    REPORT: "report",
}

WEATHER_FEATURES = ("wind_east", "wind_north", "temp", "pressure", "visib")
PLANE_FEATURES = ("plane_age", "seats", "engines")
#: Tables of which every day is profiled, beside the deliveries: a raw table is its delivery, row by row, and a
#: day's weather has too few rows to judge.
PROFILED = frozenset({"clean_flights", FEATURES, ERRORS})
_WIND = ("wind_dir", "wind_speed")


class Derivation(NamedTuple):
    """One column edge; no target means every column of the output, no column the source as a whole."""

    target: str | None
    namespace: str
    dataset: str
    column: str | None
    subtype: str = "IDENTITY"
    transformation: str = "DIRECT"


def raw_columns(source: str, options: Options) -> dict[str, str]:
    """Columns of a delivery, and of its raw table: name and type, in order."""
    types: steps.Types = {
        "flights": steps.FLIGHT_TYPES,
        "weather": steps.WEATHER_TYPES,
        "planes": steps.PLANE_TYPES,
    }[source]
    named = options.column if source == "flights" else str
    return {named(name): kind.__name__.lower() for name, kind in types.items()}


def ingested(source: str, options: Options) -> Iterator[Derivation]:
    """A raw table holds its delivery as it came."""
    for column in raw_columns(source, options):
        yield Derivation(column, FEEDS, source, column)


def cleaned(source: str, options: Options) -> Iterator[Derivation]:
    """Of flights rows are dropped, of weather holes are filled, of planes the year gets a name that says what it is."""
    table = f"raw_{source}"
    if source == "planes":
        yield Derivation("built", LAKE, table, "year", "TRANSFORMATION")
        for column in ("tailnum", "seats", "engines", "engine"):
            yield Derivation(column, LAKE, table, column)
        return
    filled = ("temp", "wind_dir", "wind_speed", "pressure", "visib", "precip") if source == "weather" else ()
    for column in raw_columns(source, options):
        yield Derivation(column, LAKE, table, column, "TRANSFORMATION" if column in filled else "IDENTITY")
    if source == "flights":
        for name in ("air_time", "distance"):
            yield Derivation(None, LAKE, table, options.column(name), "FILTER", "INDIRECT")


def featured(options: Options) -> Iterator[Derivation]:
    """Flights joined with the weather at their hour and with their plane."""
    name = options.column
    for flight in (*steps.KEYS, "dest", "hour", "distance", "air_time"):
        yield Derivation(name(flight), LAKE, "clean_flights", name(flight))
    if "weather" in options.sources:
        for feature in WEATHER_FEATURES:
            for column in _WIND if feature.startswith("wind") else (feature,):
                subtype = "TRANSFORMATION" if feature.startswith("wind") else "IDENTITY"
                yield Derivation(feature, LAKE, "clean_weather", column, subtype)
            for key in ("origin", "time_hour"):
                yield Derivation(feature, LAKE, "clean_weather", key, "JOIN", "INDIRECT")
                yield Derivation(feature, LAKE, "clean_flights", name(key), "JOIN", "INDIRECT")
    if "planes" in options.sources:
        for feature in PLANE_FEATURES:
            column, subtype = ("built", "TRANSFORMATION") if feature == "plane_age" else (feature, "IDENTITY")
            yield Derivation(feature, LAKE, "clean_planes", column, subtype)
            yield Derivation(feature, LAKE, "clean_planes", "tailnum", "JOIN", "INDIRECT")
            yield Derivation(feature, LAKE, "clean_flights", name("tailnum"), "JOIN", "INDIRECT")


def model_features(options: Options) -> list[str]:
    """The feature columns that the model reads."""
    lacking = {source for source in ("weather", "planes") if source not in options.sources}
    missing = {
        *(WEATHER_FEATURES if "weather" in lacking else ()),
        *(PLANE_FEATURES if "planes" in lacking else ()),
    }
    return [options.column(name) for name in (*NUMBERS, *CATEGORIES) if name not in missing]


def trained(options: Options) -> Iterator[Derivation]:
    """A model is made of every feature and of the air times."""
    for column in (*model_features(options), options.column("air_time")):
        yield Derivation(None, LAKE, FEATURES, column, "TRANSFORMATION")


def predicted(options: Options) -> Iterator[Derivation]:
    """A prediction derives from every feature and from the model as a whole."""
    for column in model_features(options):
        yield Derivation("predicted", LAKE, FEATURES, column, "TRANSFORMATION")
    yield Derivation("predicted", MODELS, DEPLOYMENT, None, "TRANSFORMATION")


def compared(options: Options) -> Iterator[Derivation]:
    """An error is the air time that was predicted less the one that came."""
    air_time = options.column("air_time")
    yield Derivation("predicted", MODELS, STREAM, "predicted")
    yield Derivation("actual", LAKE, "clean_flights", air_time)
    yield Derivation("error", MODELS, STREAM, "predicted", "TRANSFORMATION")
    yield Derivation("error", LAKE, "clean_flights", air_time, "TRANSFORMATION")
