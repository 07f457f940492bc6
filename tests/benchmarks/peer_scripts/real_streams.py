"""The real streams as parts, and the faults put into them: the same for us and the peers; numpy alone."""

from pathlib import Path

import numpy as np


def split(table, rows):
    """Whole parts of so many rows."""
    length = len(next(iter(table.values())))
    return [
        {name: values[at : at + rows] for name, values in table.items()} for at in range(0, length - rows + 1, rows)
    ]


def scaled(column, factor):
    return lambda part: {**part, column: part[column] * factor}


def without(column):
    """A tenth of the values are lost."""

    def change(part):
        values = np.asarray(part[column], float).copy()
        values[::10] = np.nan
        return {**part, column: values}

    return change


def shifted(column, by):
    return lambda part: {**part, column: part[column] + by}


def load(folder, name):
    with np.load(Path(folder) / f"{name}.npz", allow_pickle=True) as found:
        return {key: found[key] for key in found.files}


def streams(folder):
    """name -> (parts, faults, first part that is judged, every how many a fault is put in); those that are there."""
    there = {path.stem for path in Path(folder).glob("*.npz")}
    found = {}
    if "randhie" in there:
        hie = {name: values.astype(float) for name, values in load(folder, "randhie").items()}
        faults = {
            "lncoins x 1.5": ("lncoins", scaled("lncoins", 1.5)),
            "mdvis + 2": ("mdvis", shifted("mdvis", 2)),
            "10 % of disea lost": ("disea", without("disea")),
        }
        found["randhie"] = (split(hie, 500), faults, 16, 3)
    for name in sorted(there & {"sf_temps", "seattle_temps"}):
        faults = {
            "F to C": ("temp", lambda part: {**part, "temp": (part["temp"] - 32) / 1.8}),
            "10 % of temp lost": ("temp", without("temp")),
        }
        found[name] = (split(load(folder, name), 24 * 7), faults, 16, 3)
    if "flights" in there:
        found["flights"] = (flights(folder), FLIGHT_FAULTS, 60, 5)
    return found


def unknown_carrier(part):
    values = np.asarray(part["carrier"], "U8").copy()
    values[::10] = "??"
    return {**part, "carrier": values}


def without_an_origin(part):
    kept = part["origin"] != "LGA"
    return {name: values[kept] for name, values in part.items()}


FLIGHT_FAULTS = {
    "miles to km": ("distance", scaled("distance", 1.609344)),
    "10 % unknown carrier": ("carrier", unknown_carrier),
    "origin dropped": ("origin", without_an_origin),
}


def flights(folder):
    """A part a day; `flights.npz` holds each column and where days begin."""
    table = load(folder, "flights")
    begins = table.pop("begins")
    ends = [*begins[1:].tolist(), len(next(iter(table.values())))]
    return [{name: values[a:b] for name, values in table.items()} for a, b in zip(begins.tolist(), ends, strict=True)]
