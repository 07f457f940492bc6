"""A new normal that a person accepts: what it means for metrics, pinned references and what a model is asked."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any

import pytest

from headwater.alerts import decide
from headwater.cli.main import main
from headwater.detection.accepting import accept_of
from headwater.detection.checker import Checker
from headwater.detection.gates import Gate
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Verdict
from headwater.errors import SettingsError
from headwater.schemas.topics import dataset_key
from headwater.settings import Settings
from tests.consumers.alerts.test_deciding import settings, standing
from tests.consumers.detection.making import (
    an_id,
    dataset,
    edge_set,
    microseconds,
    profile_record,
    through_the_contract,
    use,
)
from tests.consumers.detection.telling import SECOND, Told, at, day
from tests.consumers.detection.test_checks import outcomes
from tests.consumers.detection.test_reference import pinned, record, rules
from tests.consumers.detection.test_skew import Served, columns

__all__ = ["settings"]
BOTH = [("amount", "ok"), ("kind", "ok")]


def accept(
    name: str, number: int, *, column: str | None = None, since: int | None = None, sent: int | None = None, **only: str
) -> dict[str, Any]:
    """A decision of a day; `only`: check or metric."""
    fields = {
        "event_id": an_id("accept", name, number, column, sorted(only.items())),
        "event_time": at(number),
        "kind": "accept",
        "actor": "ann",
        "namespace": "lake",
        "name": name,
        "column": column,
        "from_time": since,
        "details": {key: json.dumps(value) for key, value in only.items()},
    }
    return through_the_contract("decision", fields) | {"emit_time": at(number) if sent is None else sent}


def measured(checker: Checker, number: int, *, replaying: bool = False, **values: float) -> list[Verdict]:
    metrics = [{"name": name, "value": value, "split": "test"} for name, value in values.items()]
    written = use(
        "train", day(number), "write", dataset("m", str(number), "model"), metrics=metrics, emit_time=at(number)
    )
    return checker.use(written, replaying=replaying)


def years(checker: Checker, numbers: range, *, replaying: bool = False, **levels: float) -> list[list[str]]:
    """The outcomes of so many runs, each about its level, by a hundredth more or less."""
    told: list[list[str]] = []
    for number in numbers:
        noise = random.Random(number).uniform(0.99, 1.01)
        values = {name: level * noise for name, level in levels.items()}
        told.append(outcomes(measured(checker, number, replaying=replaying, **values), "metric"))
    return told


def test_a_metrics_new_level_is_its_baseline() -> None:
    """Worse since the day it was alarmed first; accepted, the level is as usual in the next run already, and what is
    worse than that is an alarm, long before fourteen runs of its own are there.
    """
    checker = Checker(Policy())
    years(checker, range(20), mae=1.0)
    assert years(checker, range(20, 24), mae=2.0) == [["alarm"]] * 4
    checker.decision(accept("m", 24))
    assert years(checker, range(24, 29), mae=2.0) == [["ok"]] * 5
    (verdict,) = measured(checker, 29, mae=2.9)
    assert (verdict.outcome, round(verdict.usual or 0, 1)) == ("alarm", 2.0)
    assert Gate("points", 9, 1, passed=True, comment="of a level that was accepted as the new normal") in verdict.gates
    assert years(checker, range(30, 60), mae=2.0) == [["ok"]] * 30
    (later,) = measured(checker, 60, mae=2.0)
    assert later.gates[0].threshold == Policy().least_history


def test_an_accepted_level_reads_back_the_same() -> None:
    """A worker that starts reads decisions before runs: what it says afterwards is what was said."""
    lived, started = Checker(Policy()), Checker(Policy())
    started.decision(accept("m", 24))
    for checker, replaying in ((lived, False), (started, True)):
        years(checker, range(24), replaying=replaying, mae=1.0)
        years(checker, range(20, 24), replaying=replaying, mae=2.0)
        if checker is lived:
            lived.decision(accept("m", 24))
        years(checker, range(24, 27), replaying=replaying, mae=2.0)
    said = [[verdict.content for verdict in measured(one, 27, mae=2.9)] for one in (lived, started)]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (accept("m", 24), ["ok", "ok"]),
        (accept("m", 24, since=at(20)), ["ok", "ok"]),
        (accept("m", 24, check="metric"), ["ok", "ok"]),
        (accept("m", 24, check="metric", metric="mae"), ["ok", "alarm"]),
        (accept("m", 24, check="drift"), ["alarm", "alarm"]),
        (accept("m", 24, column="fare"), ["alarm", "alarm"]),
        (accept("other", 24), ["alarm", "alarm"]),
    ],
)
def test_only_what_is_named_is_accepted(decision: dict[str, Any], expected: list[str]) -> None:
    """One metric, all metrics, a check; a column has no metric."""
    checker = Checker(Policy())
    years(checker, range(20), mae=1.0, rmse=1.0)
    years(checker, range(20, 24), mae=2.0, rmse=2.0)
    checker.decision(decision)
    assert years(checker, range(24, 25), mae=2.0, rmse=2.0) == [expected]


def test_a_level_that_was_never_found_worse_stays() -> None:
    """Without an alarm that lasts there is nothing to accept."""
    checker = Checker(Policy())
    years(checker, range(20), mae=1.0)
    checker.decision(accept("m", 20))
    assert outcomes(measured(checker, 21, mae=2.0), "metric") == ["alarm"]


def referred(checker: Checker, told: Told, numbers: range, mean: float) -> list[list[tuple[str | None, str]]]:
    found: list[list[tuple[str | None, str]]] = []
    for number in numbers:
        verdicts = [v for v in checker.profile(record(number, mean)) if v.check == "reference"]
        for verdict in verdicts:
            told.verdict(verdict)
        found.append(pinned(verdicts))
    return found


def test_a_reference_from_before_is_held_against_no_more() -> None:
    """An incident against what was pinned is over three profiles after somebody accepted another normal, and says what
    to pin; from then on it is silent, and a version that was made since is held against as ever.
    """
    checker, told = Checker(Policy(), rules("2024-01-01")), Told()
    referred(checker, told, range(20), 100.0)
    assert referred(checker, told, range(20, 30), 140.0)[-1] == [("amount", "alarm")]
    assert [message["state"] for message in told.wait(15)] == ["opened"]
    checker.decision({**accept("t", 0), "event_time": microseconds(date(2024, 1, 31))})
    verdict = next(v for v in checker.profile(record(30, 140.0)) if v.check == "reference")
    assert verdict.outcome == "ok"
    assert "not held against the pinned reference 2024-01-01: ann accepted" in verdict.explanation
    assert "Pin a version from since then" in verdict.explanation
    told.verdict(verdict)
    assert referred(checker, told, range(31, 40), 140.0)[:3] == [BOTH, BOTH, []]
    assert [message["state"] for message in told.wait(15)] == ["resolved"]
    assert referred(checker, told, range(40, 60), 180.0) == [[]] * 20
    anew = Checker(Policy(), rules("2024-02-05"))
    anew.decision({**accept("t", 0), "event_time": microseconds(date(2024, 1, 31))})
    referred(anew, told, range(35, 45), 140.0)
    assert referred(anew, told, range(45, 55), 180.0)[-1] == [("amount", "alarm")]


def test_of_a_reference_one_column_may_be_accepted() -> None:
    """Its others are held against it."""
    checker, told = Checker(Policy(), rules("2024-01-01")), Told()
    referred(checker, told, range(20), 100.0)
    checker.decision({**accept("t", 0, column="kind", check="reference"), "event_time": 2**60})
    assert ("amount", "alarm") in referred(checker, told, range(20, 30), 140.0)[-1]


class Asked(Served):
    """A model that is asked kilometres."""

    def asks(self, number: int, *, sent: int, model: str = "v1") -> list[str]:
        read, asked = dataset("model", model, "model"), dataset("asked", str(day(number)))
        self.book.use(use("serve", day(number), "read", read))
        self.book.use(use("serve", day(number), "write", asked))
        self.book.edges(edge_set("serve", day(number), [read], asked))
        data = columns(number, distance=1.609)
        profile = profile_record("asked", day(number), data, run=an_id("run", "serve", day(number)), role="serving")
        self.book.profile({**profile, "emit_time": sent}, self.now)
        return [verdict.outcome for verdict in self.book.judged(self.now, absent=False)]


@pytest.mark.parametrize("first", [True, False], ids=["decided before it is read", "in the order of time"])
def test_what_is_asked_is_accepted_until_the_next_training(first: bool) -> None:
    """Also where a worker that starts reads the decision first: it holds from the profile that was sent after it, as
    long as the model was trained before it.
    """
    served = Asked()
    served.train()
    decision = accept("asked", 3, sent=3 * SECOND)
    if first:
        served.book.decision(decision)
    assert served.asks(2, sent=2 * SECOND) == ["alarm"]
    if not first:
        served.book.decision(decision)
    assert [served.asks(number, sent=number * SECOND) for number in (4, 5, 6, 7)] == [["ok"], ["ok"], ["ok"], []]
    newer = dataset("model", "v2", "model")
    read = dataset("features", "f2")
    for access, node in (("read", read), ("write", newer)):
        served.book.use(use("again", day(8), access, node))
    served.book.edges(edge_set("again", day(8), [read], newer))
    trained = profile_record(
        "features", day(8), columns(0), version="f2", role="input", run=an_id("run", "again", day(8))
    )
    served.book.profile(trained, served.now)
    assert served.asks(9, sent=9 * SECOND, model="v2") == ["alarm"]


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (accept("asked", 3, column="distance", sent=0), []),
        (accept("asked", 3, column="delay", sent=0), ["alarm"]),
        (accept("asked", 3, check="drift", sent=0), ["alarm"]),
        (accept("asked", 3, check="skew", sent=0), []),
    ],
)
def test_what_is_asked_in_one_column(decision: dict[str, Any], outcome: list[str]) -> None:
    """Only the column, and only the check, that was named."""
    served = Asked()
    served.train()
    served.book.decision(decision)
    assert served.asks(4, sent=SECOND) == outcome


@pytest.mark.integration
def test_from_command_and_python_to_the_checks(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands on the topic is what the checks follow; the command says what becomes of a reference."""
    there = ["--brokers", settings.brokers, "--prefix", settings.prefix]
    assert main(["decide", "accept", "lake/m", "--metric", "mae", "--from", "2024-03-21", "--as", "ann", *there]) == 0
    assert "reference" not in capsys.readouterr().out
    decide("accept", actor="bob", namespace="lake", name="asked", check="skew", column="distance", settings=settings)
    assert main(["decide", "accept", "lake/t", "--as", "ann", *there]) == 0
    assert "pin a newer version" in capsys.readouterr().out
    found = standing(settings)
    checker = Checker(Policy())
    years(checker, range(20), mae=1.0, rmse=1.0)
    years(checker, range(20, 24), mae=2.0, rmse=2.0)
    checker.decision(found[dataset_key("lake", "m")])
    assert years(checker, range(24, 25), mae=2.0, rmse=2.0) == [["ok", "alarm"]]
    taken = accept_of(found[dataset_key("lake", "asked")])
    assert taken is not None
    assert (taken.covers("skew"), taken.covers("reference"), taken.column, taken.actor) == (
        True,
        False,
        "distance",
        "bob",
    )


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"check": "freshness"}, "there is no check freshness to accept"),
        ({"check": "drift", "metric": "mae"}, "a metric belongs to the check metric"),
        ({"metric": "mae", "column": "fare"}, "metric is of a whole dataset"),
        ({"kind": "suppress", "check": "drift"}, "can be accepted only"),
    ],
)
def test_what_cannot_be_accepted_is_refused(fields: dict[str, Any], word: str) -> None:
    """Before anything is sent."""
    kind, fields = fields.get("kind", "accept"), {name: fields[name] for name in fields if name != "kind"}
    with pytest.raises(SettingsError, match=word):
        decide(kind, actor="ann", namespace="lake", name="m", settings=Settings(), **fields)


def test_details_that_somebody_else_wrote_break_nothing() -> None:
    """They narrow nothing."""
    odd = {**accept("m", 24), "details": {"check": "not JSON", "metric": "[1]"}}
    taken = accept_of(odd)
    assert taken is not None
    assert taken.covers("volume")
    assert taken.covers("metric")
