"""Policies of kind model: each version has an owner, a code version and an evaluated metric."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.detection.verdicts import Verdict
from tests.consumers.detection.making import dataset, through_the_contract, use
from tests.consumers.detection.telling import SECOND, Told, at, day
from tests.consumers.detection.test_rules import rules

RULE = "[[rule]]\nname = 'whole models'\nkind = 'model'\n"
MAE = [{"name": "mae", "value": 1.0}]
HOUR_US = 3_600_000_000


class Models:
    """Models that are trained and evaluated, with a clock that is the event time's."""

    def __init__(self, text: str = RULE) -> None:
        self.told = Told(rules=rules(text))
        self.book = self.told.book

    def use(self, number: int, access: str, name: str, version: str | None, **fields: Any) -> None:
        """A use of a day, which arrives at once."""
        node = dataset(name, version, "model")
        job = "train" if access == "write" else "evaluate"
        self.book.use(use(job, day(number), access, node, **fields), at(number))

    def train(self, number: int, version: str | None, **fields: Any) -> None:
        whole = {"code": {"digest": "1"}, "owners": [{"name": "ann"}]}
        self.use(number, "write", "fares", version, **whole | fields)

    def judged(self, now: int) -> list[Verdict]:
        return [v for v in self.book.judged(now, absent=False) if v.check == "policy"]

    def said(self, now: int = 10**18) -> list[tuple[str, str | None, str]]:
        """Outcome, version and what is lacking."""
        return [(v.outcome, v.subject.version, ", ".join(json.loads(v.evidence["lacks"]))) for v in self.judged(now)]


def test_a_model_lacks_what_a_rule_asks_for() -> None:
    """Owner, code and metric may come in any event until 10 s after the run; what is missing is named."""
    models = Models()
    models.train(0, "v1")
    models.use(0, "describe", "fares", "v1", metrics=MAE)
    models.use(1, "write", "bare", "v1", code={"digest": "1"})
    assert models.judged(at(1) + SECOND) == []
    (verdict,) = models.judged(at(1) + 11 * SECOND)
    assert (verdict.subject.name, verdict.rule) == ("bare", "whole models")
    assert "the model lake/bare@v1 has no owner and no metric" in verdict.explanation


def test_each_version_is_evaluated() -> None:
    """The metric of the one before says nothing of the next."""
    models = Models()
    for number, version in enumerate(("v1", "v2", "v3")):
        models.train(number, version)
        if version != "v2":
            models.use(number, "read", "fares", version, metrics=MAE)
    assert models.said() == [("alarm", "v2", "metric"), ("ok", "v3", "")]


@pytest.mark.parametrize("first", [True, False], ids=["told before the model", "told after"])
def test_an_evaluation_without_a_version_is_of_the_newest(first: bool) -> None:
    """As of its event time, in whatever order the uses come."""
    models = Models()

    def evaluate() -> None:
        models.use(3, "read", "fares", None, metrics=MAE)

    if first:
        evaluate()
    for number in (0, 2, 4):
        models.train(number, f"v{number}")
    if not first:
        evaluate()
    assert models.said() == [("alarm", "v0", "metric"), ("ok", "v2", ""), ("alarm", "v4", "metric")]


def test_an_epoch_is_no_evaluation() -> None:
    """A metric with a step is of the training."""
    models = Models()
    models.train(0, "v1", metrics=[{"name": "loss", "value": 1.0, "step": 3}])
    assert models.said() == [("alarm", "v1", "metric")]


def test_an_evaluation_may_take_its_time() -> None:
    """`hours` after the run, by event time: so a restart does not wait anew."""
    models = Models(RULE + "hours = 6\n")
    models.train(0, "v1")
    models.train(1, "v2")
    models.use(1, "read", "fares", "v2", metrics=MAE)
    assert models.said(at(0) + 5 * HOUR_US) == []
    assert models.said(at(0) + 6 * HOUR_US) == [("alarm", "v1", "metric")]
    assert models.said(at(1) + 6 * HOUR_US) == [("ok", "v2", "")]


def test_what_comes_late_takes_the_violation_back() -> None:
    """A version that is evaluated at last: its incident is withdrawn."""
    models = Models()
    models.train(0, "v1")
    (violation,) = models.judged(at(0) + 11 * SECOND)
    models.told.verdict(violation)
    assert [message["state"] for message in models.told.wait(15)] == ["opened"]
    models.use(0, "read", "fares", "v1", metrics=MAE)
    (taken_back,) = models.judged(at(0) + 13 * SECOND)
    assert (taken_back.outcome, taken_back.judged) == ("ok", violation.judged)
    assert taken_back.known > violation.known
    models.told.verdict(taken_back)
    (resolved,) = models.told.wait(15)
    assert (resolved["state"], "withdrawn" in resolved["explanation"]) == ("resolved", True)
    models.use(1, "read", "fares", "v1", metrics=MAE)
    assert models.judged(at(2)) == []


def test_an_owner_may_be_decided() -> None:
    """A person's word counts like an event's."""
    models = Models()
    decision = {"event_id": bytes(16), "event_time": at(0), "kind": "owner", "actor": "ann", "namespace": "lake",
                "name": "fares", "owners": [{"name": "team:fares", "type": None}]}  # fmt: skip
    models.book.decision(through_the_contract("decision", decision))
    models.train(0, "v1", owners=[], metrics=MAE)
    assert models.said() == []
