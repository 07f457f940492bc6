"""A book of incidents fed by hand: a small pipeline, its verdicts, a clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from headwater.detection.gates import Gate, Outcome
from headwater.detection.incidents.book import Book
from headwater.detection.policy import Policy
from headwater.detection.rules import Rules
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection.making import (
    NAMESPACE,
    an_id,
    dataset,
    edge_set,
    microseconds,
    through_the_contract,
    use,
)

START = date(2024, 3, 1)
SECOND = 1_000_000
#: raw → clean → features → answers; weather → features.
STEPS = (
    ("ingest", ("delivery",), "raw"),
    ("measure", ("station",), "weather"),
    ("clean", ("raw",), "clean"),
    ("join", ("clean", "weather"), "features"),
    ("score", ("features",), "answers"),
)
KINDS = {"answers": "prediction_stream", "delivery": "file", "station": "file"}
LINEAGE = {
    "clean": [(0, "distance", "distance"), (0, "delay", "delay")],
    "join": [(0, "distance", "distance"), (0, "delay", "delay"), (1, "wind", "wind")],
}


def day(number: int) -> date:
    return START + timedelta(days=number)


def at(number: int) -> int:
    return microseconds(day(number))


class Told:
    """A book with a clock, fed by hand."""

    def __init__(self, policy: Policy | None = None, rules: Rules | None = None) -> None:
        self.book = Book(policy or Policy(), "headwater", rules)
        self.now = 0
        self.messages: list[dict[str, Any]] = []

    def edges(self, number: int, *, code: str = "1", only: Sequence[str] | None = None) -> None:
        """The day's runs: their uses and edges. `code`: of the step clean."""
        for job, inputs, output in STEPS:
            if only is not None and job not in only:
                continue
            read = [dataset(name, str(day(number)), KINDS.get(name, "table")) for name in inputs]
            written = dataset(output, str(day(number)), KINDS.get(output, "table"))
            digest = {"digest": code if job == "clean" else "same"}
            for node in read:
                self.book.use(use(job, day(number), "read", node, code=digest))
            owners = [{"name": f"team:{output}", "type": None}]
            self.book.use(use(job, day(number), "write", written, code=digest, owners=owners))
            self.book.world.graph.add(edge_set(job, day(number), read, written, LINEAGE.get(job, ())))
        self.book.world.predictions.add((NAMESPACE, "answers"), an_id("run", "score", day(number)), at(number), 10)

    def judged(self, number: int, name: str, outcomes: dict[str, tuple[float, Outcome]]) -> None:
        """The verdicts on a profile: of each column how unusual it was, and the outcome."""
        subject = Subject(at(number), NAMESPACE, name, str(day(number)))
        shown = {column: {"drift": [unusual, unusual, outcome]} for column, (unusual, outcome) in outcomes.items()}
        whole = Verdict("drift", "ok", subject, "whole", evidence={"columns": json.dumps(shown), "role": '"output"'})
        self.verdict(whole)
        for column, (unusual, outcome) in outcomes.items():
            if outcome == "alarm":
                own = Subject(at(number), NAMESPACE, name, str(day(number)), column)
                evidence = {"unusual": str(unusual), "role": '"output"'}
                gates = [Gate("ks_distance", 0.3, 0.05, passed=True)]
                self.verdict(
                    Verdict(
                        "drift",
                        "alarm",
                        own,
                        f"{name}.{column} drifted",
                        0.3,
                        at(number),
                        gates=gates,
                        evidence=evidence,
                    )
                )

    def verdict(self, verdict: Verdict) -> None:
        self.book.verdict(through_the_contract("verdict", verdict.fields()), self.now)

    def wait(self, seconds: float) -> list[dict[str, Any]]:
        """The messages of so many seconds, encoded and decoded."""
        found: list[dict[str, Any]] = []
        for _ in range(int(seconds)):
            self.now += SECOND
            found += [through_the_contract("alert", fields) for fields in self.book.tick(self.now)]
        self.messages += found
        return found


CALM = {"distance": (0.2, "ok"), "delay": (0.2, "ok")}
BAD = {"distance": (9.0, "alarm"), "delay": (0.2, "ok")}


def drifted(told: Told, number: int, tables: Sequence[str] = ("raw", "clean", "features")) -> None:
    for table in tables:
        told.judged(number, table, BAD)  # type: ignore[arg-type]  # mypy widens the literals of a dict


def calm(told: Told, number: int) -> None:
    for table in ("raw", "clean", "features"):
        told.judged(number, table, CALM)  # type: ignore[arg-type]  # as above
