"""What a model is asked about against what it was trained on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.cli.main import main
from headwater.detection.rules import load
from headwater.detection.verdicts import Verdict
from tests.consumers.detection.making import an_id, dataset, edge_set, profile_record, use
from tests.consumers.detection.telling import START, Told, day


def columns(number: int, *, distance: float = 1.0, rows: int = 2_000) -> dict[str, Any]:
    random = np.random.default_rng(number)
    return {"distance": random.gamma(4, 250, rows) * distance, "delay": random.normal(10, 30, rows)}


class Served(Told):
    """A model that was trained on features, and is served: train → model → deployment → asked."""

    def train(self, *, as_read: bool = True) -> None:
        read, model = dataset("features", "f1"), dataset("model", "v1", "model")
        for access, node in (("read", read), ("write", model)):
            self.book.use(use("train", START, access, node))
        self.book.edges(edge_set("train", START, [read], model))
        role: dict[str, Any] = {"role": "input", "run": an_id("run", "train", START)} if as_read else {"role": "output"}
        record = profile_record("features", START, columns(0), version="f1", **role)
        self.book.profile({**record, "partitions": []}, self.now)

    def serve(self, number: int, data: dict[str, Any]) -> list[Verdict]:
        model, asked = dataset("model", "v1", "model"), dataset("asked", str(day(number)))
        self.book.use(use("serve", day(number), "read", model))
        self.book.use(use("serve", day(number), "write", asked))
        self.book.edges(edge_set("serve", day(number), [model], asked))
        record = profile_record("asked", day(number), data, run=an_id("run", "serve", day(number)), role="serving")
        self.book.profile(record, self.now)
        found = self.book.judged(self.now, absent=False)
        for verdict in found:
            self.verdict(verdict)
        return found


@pytest.mark.parametrize("as_read", [True, False], ids=["profiled as read", "profiled as written"])
def test_kilometres_at_serving_are_skew(as_read: bool) -> None:
    """The model learned miles and is asked kilometres: alarmed at once, in that column, with both distributions; an
    incident that ends when miles come again.
    """
    served = Served()
    served.train(as_read=as_read)
    assert served.serve(1, columns(1)) == []
    found = served.serve(2, columns(2, distance=1.609))
    assert [(v.check, v.subject.column, v.outcome) for v in found] == [("skew", "distance", "alarm")]
    assert "against what the model was trained on" in found[0].explanation
    assert "quantiles" in found[0].evidence
    assert found[0].baseline is not None
    assert found[0].baseline.kind == "pinned"
    messages = served.wait(15)
    assert [message["state"] for message in messages] == ["opened"]
    assert messages[0]["title"] == "lake/asked is served otherwise than trained"
    for number in (3, 4, 5):
        served.serve(number, columns(number))
    assert [message["state"] for message in served.wait(15)] == ["resolved"]


def test_a_small_skew_must_last() -> None:
    """A shift of a tenth is told, and alarmed in the second of three."""
    served = Served()
    served.train()
    outcomes = [v.outcome for n in (1, 2) for v in served.serve(n, columns(n, distance=1.12, rows=5_000))]
    assert outcomes == ["warn", "alarm"]


@pytest.mark.parametrize(
    ("settings", "outcomes"),
    [
        ("", ["warn", "alarm"]),
        ("persistence = 1", ["alarm", "alarm"]),
        ("least_distance = 0.3\nleast_shift = 0.9", []),
        ("checks = ['drift', 'skew']", ["warn", "alarm"]),
        ("checks = ['drift', 'volume']", []),
        ("ignore_columns = ['distance']", []),
    ],
)
def test_the_rules_file_sets_it(settings: str, outcomes: list[str], tmp_path: Path) -> None:
    """Like any check of a dataset: its thresholds, its columns, or not at all; `headwater rules check` takes it."""
    file = tmp_path / "rules.toml"
    file.write_text(f"[[dataset]]\nname = 'lake/asked'\n{settings}\n")
    assert main(["rules", "check", str(file)]) == 0
    served = Served(rules=load(str(file)))
    served.train()
    found = [v for n in (1, 2) for v in served.serve(n, columns(n, distance=1.12, rows=5_000))]
    assert [v.outcome for v in found] == outcomes


def test_edges_that_come_later_are_waited_for() -> None:
    """The serving profile is there before anything says which model it was."""
    served = Served()
    record = profile_record("asked", day(1), columns(1, distance=2.0), role="serving")
    served.book.profile(record, served.now)
    assert served.book.judged(served.now, absent=False) == []
    served.train()
    found = served.serve(1, columns(1, distance=2.0))
    assert [verdict.outcome for verdict in found] == ["alarm"]
    served.book.profile(record, served.now)  # again
    assert served.book.judged(served.now, absent=False) == []


def test_without_a_model_nothing_is_said() -> None:
    """Of a profile whose model nobody knows there is nothing to compare with."""
    served = Served()
    served.book.profile(profile_record("asked", START + timedelta(days=1), columns(1), role="serving"), 0)
    assert served.book.judged(10**12, absent=False) == []
