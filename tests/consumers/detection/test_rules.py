"""The rules file: what is refused, what is set, which policies are broken and what their verdicts say."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.detection.backtest import Replay
from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.rules import Rules, check, load
from headwater.detection.rules.model import CHECKS
from headwater.detection.verdicts import Verdict
from headwater.errors import SettingsError
from tests.consumers.detection.making import (
    an_id,
    dataset,
    edge_set,
    microseconds,
    profile_record,
    through_the_contract,
    use,
)  # fmt: skip
from tests.consumers.detection.telling import at, day
from tests.consumers.detection.test_checks import drawn
from tests.snippets import ROOT

GOOD = """
[[dataset]]
name = "lake/*"
least_distance = 0.1

[[dataset]]
name = "lake/t"
checks = ["drift", "volume"]
ignore_columns = ["kind"]
max_age_hours = 30

[[rule]]
name = "no pii in marketing"
kind = "tags"
tag = "pii"
into = "lake/marketing*"
"""


def rules(text: str) -> Rules:
    found, problems = check(text)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("wrong", "line", "word"),
    [
        ("[[dataset]]\nname = 'lake/*'\nleast_distanse = 0.1\n", 3, "did you mean least_distance?"),
        ("[[dataset]]\nname = 'lake'\n", 2, "namespace/name"),
        ("[[dataset]]\nname = 'a/b'\nchecks = ['drif']\n", 3, "did you mean drift?"),
        ("[[dataset]]\nname = 'a/b'\n\n[[dataset]]\nname = 'a/c'\nmax_age_hours = 'day'\n", 6, "a number above 0"),
        ("[[dataset]]\nname = 'a/*'\nreference = 'v1'\n", 3, "a version of one dataset"),
        ("[[dataset]]\nname = 'a/b'\nreference = ''\n", 3, "a text that is not empty"),
        ("[[dataset]]\nname = 'a/b'\nreferense = 'v1'\n", 3, "did you mean reference?"),
        ("[[rules]]\nname = 'x'\n", 1, "did you mean rule?"),
        ("[[rule]]\nname = 'x'\nkind = 'tag'\n", 3, "did you mean tags?"),
        ("[[rule]]\nname = 'x'\nkind = 'tags'\ntag = 'pii'\n", 3, "needs into"),
        ("[[rule]]\nname = 'x'\nkind = 'purpose'\ndatasets = 'a/*'\ntag = 'pii'\n", 5, "has no tag"),
        ("[[rule]]\nkind = 'tags'\n", 1, "needs a name"),
        ("[[dataset]]\nname = \n", 2, "not TOML"),
    ],
)
def test_a_mistake_is_refused_with_its_line(wrong: str, line: int, word: str, tmp_path: Path) -> None:
    """Line and suggestion, by `check` and at a worker's start alike."""
    _, problems = check(wrong)
    assert [problem.line for problem in problems] == [line]
    assert word in problems[0].text
    path = tmp_path / "rules.toml"
    path.write_text(wrong)
    with pytest.raises(SettingsError, match=rf"line {line}: "):
        load(str(path))


def test_without_a_file_nothing_is_set() -> None:
    """Sensible with no file at all."""
    assert load("") == Rules()
    assert Rules().of("lake", "t", Policy())[0] == Policy()


def test_the_readme_names_all_checks() -> None:
    """Those that a dataset may be judged by."""
    text = (ROOT / "consumers/README.md").read_text("utf-8")
    assert f"`checks` may name {', '.join(CHECKS)}." in text


def test_settings_of_a_dataset_add_up() -> None:
    """All patterns that name it, the later ones over the earlier."""
    policy, rule = rules(GOOD).of("lake", "t", Policy())
    assert policy.least_distance == 0.1
    assert (rule.checks, rule.ignore_columns, rule.max_age_hours) == (("drift", "volume"), ("kind",), 30.0)
    other, plain = rules(GOOD).of("sea", "t", Policy())
    assert other == Policy()
    assert plain.checks is None


def test_checks_follow_the_file() -> None:
    """An ignored column is never told; a check that is not asked for is silent; the age is the file's."""
    checker = Checker(Policy(), rules(GOOD))
    found: list[Verdict] = []
    for number in range(30):
        data = drawn(number, mean=100 if number < 25 else 200)
        data["kind"] = data["kind"] if number < 25 else np.repeat("new", 1_000)
        found += checker.profile(profile_record("t", day(number), data))
        write = use(
            "load", day(number), "write", dataset("t", str(day(number))), event_time=at(number), emit_time=at(number)
        )
        found += checker.use({**write, "columns": [{"name": str(number), "type": "int", "nullable": None}]})
    assert {verdict.subject.column for verdict in found} == {None, "amount"}
    assert {verdict.check for verdict in found} <= {"drift", "volume"}
    assert checker.overdue(at(29) + 10 * DAY_US) == []  # freshness is not among its checks
    aged = Checker(Policy(), rules("[[dataset]]\nname = '*'\nmax_age_hours = 30\n"))
    aged.use(use("load", day(0), "write", dataset("t", "1"), event_time=at(0), emit_time=at(0)))
    assert aged.overdue(at(0) + int(1.2 * DAY_US)) == []
    assert [verdict.check for verdict in aged.overdue(at(0) + int(1.3 * DAY_US))] == ["freshness"]


class Judged:
    """A book with rules, fed by hand."""

    def __init__(self, text: str) -> None:
        self.book = Book(Policy(), "headwater", rules(text))

    def use(self, job: str, number: int, access: str, name: str, version: str, **fields: Any) -> None:
        kind = fields.pop("kind", "table")
        self.book.use(use(job, day(number), access, dataset(name, version, kind), **fields), 0)

    def tagged(self, name: str, column: str, tag: str = "pii") -> None:
        columns = [{"name": column, "tags": [{"key": tag}]}]
        self.use("load", 0, "write", name, "1", columns=columns)

    def edge(self, job: str, source: str, target: str, column: str, to: str, *, masking: bool = False) -> None:
        made = edge_set(job, day(0), [dataset(source, "1")], dataset(target, "1"), [(0, column, to)])
        made["column_edges"][0]["masking"] = masking
        self.book.edges(made)

    def found(self) -> list[Verdict]:
        return [v for v in self.book.judged(10**15, absent=False) if v.check == "policy"]


def test_a_tag_is_carried_along_columns_and_the_way_is_told() -> None:
    """crm.email → stage.mail → marketing.contact: one violation, of that column, with the path."""
    judged = Judged(GOOD)
    judged.edge("send", "stage", "marketing_list", "mail", "contact")
    judged.edge("copy", "crm", "stage", "email", "mail")
    judged.tagged("crm", "email")  # last: the order does not matter
    found = judged.found()
    assert [(v.subject.name, v.subject.column, v.rule, v.outcome) for v in found] == [
        ("marketing_list", "contact", "no pii in marketing", "alarm")
    ]
    assert "lake/crm.email → lake/stage.mail → lake/marketing_list.contact" in found[0].explanation
    assert [step[1] for step in json.loads(found[0].evidence["path"])] == ["crm", "stage", "marketing_list"]
    assert judged.found() == []


def test_masking_stops_a_tag() -> None:
    """A hash on the way, or a column that only chose the rows, carries nothing."""
    judged = Judged(GOOD)
    judged.tagged("crm", "email")
    judged.edge("copy", "crm", "stage", "email", "mail", masking=True)
    judged.edge("send", "stage", "marketing_list", "mail", "contact")
    assert judged.found() == []


def test_where_no_columns_are_known_the_whole_carries_a_tag() -> None:
    """A copy without column lineage may hold anything that its source holds."""
    judged = Judged(GOOD)
    judged.tagged("crm", "email")
    judged.book.edges(edge_set("dump", day(0), [dataset("crm", "1")], dataset("marketing_dump", "1")))
    assert [verdict.subject.column for verdict in judged.found()] == [None]


def test_a_person_may_take_a_tag_away() -> None:
    """A decision stands over what events say."""
    judged = Judged(GOOD)
    judged.tagged("crm", "email")
    decision: dict[str, Any] = {
        "event_id": an_id("d"), "event_time": at(1), "kind": "tag", "actor": "ann", "namespace": "lake", "name": "crm",
        "column": "email", "tags": [],
    }  # fmt: skip
    judged.book.decision(through_the_contract("decision", decision))
    judged.edge("send", "crm", "marketing_list", "email", "contact")
    assert judged.found() == []


OTHERS = """
[[rule]]
name = "why"
kind = "purpose"
datasets = "lake/crm*"

[[rule]]
name = "whole models"
kind = "model"

[[rule]]
name = "publishers"
kind = "writers"
datasets = "lake/gold*"
jobs = ["jobs/publish"]

[[rule]]
name = "score reads features"
kind = "flow"
job = "jobs/score"
reads = ["lake/features"]

[[rule]]
name = "thirty days"
kind = "retention"
datasets = "lake/crm*"
days = 30
"""


def test_reads_and_writes_that_break_a_rule() -> None:
    """No purpose, another writer, another source, data kept too long: each by its rule's name, and nothing else."""
    judged = Judged(OTHERS)
    judged.use("load", 0, "write", "crm", "1")
    judged.use("train", 1, "read", "crm", "1", purpose="credit scoring")
    judged.use("peek", 2, "read", "crm", "1")
    judged.use("publish", 3, "write", "gold", "1")
    judged.use("fix", 4, "write", "gold", "2")
    judged.use("score", 5, "read", "features", "1")
    judged.use("score", 6, "read", "raw", "1")
    judged.use("train", 40, "read", "crm", "1", purpose="credit scoring")
    assert [(v.rule, v.subject.job_name) for v in judged.found() if v.outcome == "alarm"] == [
        ("why", "peek"),
        ("publishers", "fix"),
        ("score reads features", "score"),
        ("thirty days", "train"),
    ]


def test_a_broken_rule_is_an_incident_that_ends() -> None:
    """One incident for each rule and dataset however often it is broken, with the rule in its title; over when it is
    kept three times.
    """
    replay = Replay(Policy(), rules(OTHERS), 0)
    records: list[tuple[int, Any, dict[str, Any]]] = []
    for number in range(8):
        moment = microseconds(day(0)) + number * 3_600_000_000
        event = {
            "event_id": an_id("e", number), "event_time": moment,
            "run": {"run_id": an_id("r", number), "state": "COMPLETE"},
            "job": {"namespace": "jobs", "name": "peek"}, "inputs": [dataset("crm", "1")],
            "purpose": None if number < 3 else "a review",
        }  # fmt: skip
        records.append((moment, "run_event", through_the_contract("run_event", event)))
    raised = replay.feed(records)
    assert raised.pages == 1
    (message,) = raised.incidents.values()
    assert (message["state"], message["rule"]) == ("resolved", "why")
    assert message["title"] == "why: lake/crm"
    assert "says no purpose" in message["explanation"]


def test_a_replay_raises_what_the_detector_would() -> None:
    """A month of profiles, the last three in another unit: one incident since the first of them, warm-up left out."""
    replay = Replay(Policy(), Rules(), microseconds(day(20)))
    records: list[tuple[int, Any, dict[str, Any]]] = [
        (microseconds(day(n)), "profile", profile_record("t", day(n), drawn(n, mean=100 if n < 27 else 160)))
        for n in range(30)
    ]
    raised = replay.feed(records)
    assert [message["onset"] for message in raised.incidents.values()] == [microseconds(day(0) + timedelta(days=27))]
    assert raised.read == {"profile": 30}


def test_a_replay_tells_what_began_before_and_lasts() -> None:
    """A rule that was broken all along is broken in the days that are asked for; one that was kept since is not."""
    for until, expected in ((8, 1), (3, 0)):
        replay = Replay(Policy(), rules(OTHERS), at(5))
        records: list[tuple[int, Any, dict[str, Any]]] = []
        for number in range(8):
            event = {
                "event_id": an_id("e", number), "event_time": at(number),
                "run": {"run_id": an_id("r", number), "state": "COMPLETE"},
                "job": {"namespace": "jobs", "name": "peek"}, "inputs": [dataset("crm", "1")],
                "purpose": None if number < until else "a review",
            }  # fmt: skip
            records.append((at(number), "run_event", through_the_contract("run_event", event)))
        raised = replay.feed(records)
        assert (len(raised.incidents), raised.pages) == (expected, 0)
