"""Demos run small, and what their pipeline really did: computed from the feeds, without the history."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headwater.demo import feeds
from headwater.demo.options import Options


@dataclass(frozen=True)
class Demo:
    """A demo that ran: its choices, where it is, and the document that --json printed."""

    options: Options
    home: Path
    document: dict[str, Any]

    @property
    def distance(self) -> str:
        """The name of the distance column in this demo."""
        return self.options.column("distance")

    def flown(self) -> pl.DataFrame:
        """Every flight that flew, with its day."""
        return feeds.read_flights(self.options).filter(pl.col(self.options.column("air_time")).is_not_null())

    def bad_days(self) -> list[str]:
        """The days that arrived in kilometres."""
        days = self.flown()["day"].unique().sort().to_list()
        return [str(day) for day in days if day.month == self.options.bad_month]

    def incidents(self) -> list[dict[str, Any]]:
        """All of them."""
        document = self.document
        first = [document["incident"]] if document["incident"] else []
        return first + [other["incident"] for other in document["other_incidents"]]


def run(home: Path, *words: str) -> Demo:
    """`headwater demo --json` with these words, as a person would type it."""
    done = subprocess.run(
        [sys.executable, "-m", "headwater.cli", "demo", "--json", "--home", str(home), *words],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    mark = json.loads((home / "demo" / "demo.json").read_text())
    return Demo(Options.from_json(json.dumps(mark["options"])), home, json.loads(done.stdout))


def branches(tree: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every branch of a tree."""
    return [found for branch in tree for found in (branch, *branches(branch["made_of"]))]
