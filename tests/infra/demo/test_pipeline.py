"""The demo's pipeline works on real flights, and each choice really changes what it computes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from headwater.demo import feeds, fit, steps
from headwater.demo.lake import Lake
from headwater.demo.model import Model
from headwater.demo.options import KILOMETRES, Options
from headwater.errors import SettingsError

SMALL = Options(first_month=5, last_month=6, bad_month=6, every=20)


def run(options: Options, folder: Path) -> dict[date, pl.DataFrame]:
    """The features of each day."""
    days = feeds.deliver(options, folder)
    planes = None
    if "planes" in options.sources:
        planes = steps.clean_planes(steps.ingest("planes", folder / "planes" / f"{days[0]}.csv", options))
    result: dict[date, pl.DataFrame] = {}
    for day in days:
        flights = steps.clean_flights(steps.ingest("flights", folder / "flights" / f"{day}.csv", options), options)
        weather = None
        if "weather" in options.sources:
            weather = steps.clean_weather(steps.ingest("weather", folder / "weather" / f"{day}.csv", options))
        result[day] = steps.features(flights, weather, planes, options)
    return result


def month(frames: dict[date, pl.DataFrame], number: int) -> pl.DataFrame:
    return pl.concat([frame for day, frame in frames.items() if day.month == number])


def errors(frames: dict[date, pl.DataFrame], options: Options) -> dict[int, float]:
    """Mean absolute error of each month, of a model that learnt from the first."""
    model = fit.train(month(frames, options.first_month), options)
    air_time = options.column("air_time")
    return {
        number: fit.measure(month(frames, number)[air_time].to_numpy(), model.predict(month(frames, number)))["mae"]
        for number in options.months
    }


def test_the_bad_month_s_files_hold_kilometres_and_the_model_s_error_rises(tmp_path: Path) -> None:
    """Only the distances of the bad month differ from those of a demo without one, and the error follows."""
    bad = run(SMALL, tmp_path / "bad")
    good_options = replace(SMALL, bad_month=None)
    good = run(good_options, tmp_path / "good")
    for day, frame in good.items():
        factor = KILOMETRES if day.month == SMALL.bad_month else 1.0
        expected = frame.with_columns((pl.col("distance") * factor).round(1))
        assert_frame_equal(bad[day], expected)
    with_fault, without = errors(bad, SMALL), errors(good, good_options)
    assert with_fault[5] == pytest.approx(without[5])
    assert without[6] < 15
    assert with_fault[6] > 4 * without[6]


def test_every_feature_row_is_a_flight_that_flew(tmp_path: Path) -> None:
    """Cancelled flights are left out, no join adds or loses a row, and weather is joined at its hour."""
    frames = run(SMALL, tmp_path)
    raw = feeds.read_flights(SMALL)
    assert sum(frame.height for frame in frames.values()) == raw["air_time"].is_not_null().sum()
    everything = pl.concat(frames.values())
    assert everything["wind_east"].null_count() < 0.02 * everything.height
    assert everything["plane_age"].drop_nulls().is_between(0, 73).all()


def test_without_a_source_its_features_are_not_there(tmp_path: Path) -> None:
    """A demo without planes has no plane's features, delivers no planes, and still trains."""
    options = replace(SMALL, sources=("flights", "weather"), bad_month=None)
    frames = run(options, tmp_path)
    assert not (tmp_path / "planes").exists()
    assert not {"plane_age", "seats", "engines"} & set(frames[date(2013, 5, 1)].columns)
    assert errors(frames, options)[6] < 15


def test_a_renamed_column_keeps_its_name_down_to_the_model(tmp_path: Path) -> None:
    """A rename changes names and no number."""
    options = replace(SMALL, rename={"distance": "miles", "origin": "from_airport", "time_hour": "at"})
    renamed = run(options, tmp_path / "renamed")
    plain = run(SMALL, tmp_path / "plain")
    for day, frame in plain.items():
        assert_frame_equal(renamed[day], frame.rename({"distance": "miles", "origin": "from_airport"}))
    assert "miles" in fit.train(month(renamed, 5), options).shape.features


def test_a_saved_model_answers_as_the_trained_one(tmp_path: Path) -> None:
    """What serves is what was trained, also where features are missing or a carrier is unknown."""
    frames = run(SMALL, tmp_path)
    model = fit.train(month(frames, 5), SMALL)
    model.save(tmp_path / "model.json")
    asked = frames[date(2013, 6, 3)].with_columns(pl.lit(None, pl.Float64).alias("temp"), pl.lit("XX").alias("carrier"))
    answered = Model.load(tmp_path / "model.json").predict(asked)
    assert np.array_equal(answered, model.predict(asked))
    assert np.isfinite(answered).all()


def test_a_day_without_a_delivery_is_an_empty_frame(tmp_path: Path) -> None:
    """The last day of the year has no weather: its features are there all the same."""
    options = Options(first_month=11, last_month=12, bad_month=None, every=50)
    last = run(options, tmp_path)[date(2013, 12, 31)]
    assert not (tmp_path / "weather" / "2013-12-31.csv").exists()
    assert last.height > 10
    assert last["wind_east"].null_count() == last.height


def test_a_version_follows_from_the_content(tmp_path: Path) -> None:
    """The same content gives the same version, also when read again; other content gives another."""
    lake, day = Lake(tmp_path), date(2013, 7, 4)
    frame = pl.DataFrame({"distance": [1.0, 2.0]})
    first = lake.write("raw_flights", day, frame)
    assert lake.write("raw_flights", day, frame) == first
    assert lake.read("raw_flights", day)[1] == first
    assert lake.write("raw_flights", day, frame * 2).version != first.version
    assert lake.days("raw_flights") == [day]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"first_month": 5, "last_month": 5}, "at least two months"),
        ({"bad_month": 1}, "it scores 4"),
        ({"sources": ("weather",)}, "flights is needed"),
        ({"rename": {"dist": "miles"}}, "dist is none of"),
        ({"rename": {"distance": "origin"}}, "two columns"),
        ({"every": 0}, "1 or more"),
    ],
)
def test_choices_that_do_not_fit_are_refused(choice: dict[str, object], said: str) -> None:
    """Each says what would fit."""
    with pytest.raises(SettingsError, match=said):
        Options(**choice)  # type: ignore[arg-type] # wrong values are the point
