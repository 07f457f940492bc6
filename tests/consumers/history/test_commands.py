"""`headwater audit` and `headwater trace` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.audit import QUESTIONS
from headwater.cli.main import main
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS
from tests.consumers.history.test_questions import pipeline

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    return history


def test_audit_command(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater audit`: the list, a table, JSON, CSV, the statement; times with Z."""
    pipeline(environment)
    assert main(["audit", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in QUESTIONS)
    asked = ["audit", "who_read", f"{NS}/features"]
    assert main(asked) == 0
    assert "2026-03-01T08:20:00Z" in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["rows"][0][answer["columns"].index("job_name")] == "train"
    assert main([*asked, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("read_at,job_namespace,")
    assert main([*asked, "--sql"]) == 0
    assert "{namespace:String}" in capsys.readouterr().out
    assert main(["audit", "who_read"]) == 2
    assert main(["audit", "nothing"]) == 7


def test_what_must_not_be_overlooked(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """Under a table: how complete a model's manifest is and what it lacks, and that something was cut."""
    pipeline(environment)
    asked = ["audit", "model_made_of", f"{NS}/model"]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "completeness: 82.3%" in printed
    assert "missing: environment: 2 of 4" in printed
    assert main([*asked, "depth=1"]) == 0
    printed = capsys.readouterr().out
    assert "completeness: not known" in printed
    assert "(truncated: the depth of 1 was reached" in printed


def test_tracing_a_prediction(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater trace --prediction`: from its key up to the raw sources, in every form; --critical-path of a node."""
    pipeline(environment)
    assert main(["trace", "--prediction", "flight-3"]) == 0
    printed = capsys.readouterr().out
    assert "model@m1  model" in printed
    assert "raw@r1" in printed
    assert main(["trace", "--prediction", "flight-3", "--json", "--stream", "predictions"]) == 0
    assert json.loads(capsys.readouterr().out)["prediction"]["key"] == "flight-3"
    assert main(["trace", "--prediction", "flight-3", "--known-at", "2026-01-01T00:00:00Z"]) == 7
    assert main(["trace", "--prediction", "flight-3", "--down"]) == 2
    assert main(["trace"]) == 2
    assert main(["trace", "model@m1", "--critical-path"]) == 0
    printed = capsys.readouterr().out
    assert "model@m1 was ready 1,380.0 s after the first of these runs began" in printed
    assert [line.split()[1] for line in printed.splitlines()[3:]] == ["clean", "build", "train"]
    assert main(["trace", "model@m1", "--critical-path", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [(stage["ran"], stage["waited"]) for stage in stages] == [(60, None), (120, 540), (180, 480)]


def test_trace_command(environment: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater trace`: a tree, JSON, Mermaid, dot and pictures; exit code 1 where it was cut, 7 for no such node."""
    pipeline(environment)
    assert main(["trace", "model@m1"]) == 0
    printed = capsys.readouterr().out
    assert "└── features@f1  feature_view" in printed
    assert "commit abc123" in printed
    assert main(["trace", "raw", "--down", "--mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    assert main(["trace", "clean", "--both", "--dot"]) == 0
    assert "digraph lineage" in capsys.readouterr().out
    assert main(["trace", "clean", "--both", "--json"]) == 0
    assert [one["direction"] for one in json.loads(capsys.readouterr().out)] == ["up", "down"]
    for form in ("svg", "html"):
        file = tmp_path / f"walk.{form}"
        assert main(["trace", "clean", "--both", f"--{form}", str(file)]) == 0
        assert "6 versions" not in (text := file.read_text())
        assert text.count("<rect") == 6
    assert main(["trace", "clean", "--svg", str(tmp_path)]) == 2
    capsys.readouterr()
    assert main(["trace", "model", "--depth", "1"]) == 1
    assert "(truncated: " in capsys.readouterr().out
    assert main(["trace", "modell"]) == 7
    assert main(["trace", "model@m1", "--known-at", "2026-01-01T00:00:00Z"]) == 7
    assert main(["trace", "model@m1", "--at", "2200-01-01T00:00:00Z"]) == 0
    assert main(["trace", "model@m1", "--at", "2026-03-01T08:00:00"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_what_a_question_is_about_is_a_word(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """A node by part of its name, with its version and column; a key, a person, a part of a name; parameters as
    NAME=VALUE, before and after options. What fits no parameter is refused with those that there are.
    """
    pipeline(environment)

    def rows(*words: str) -> list[dict[str, Any]]:
        assert main(["audit", *words, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

    whole = rows("who_read", f"namespace={NS}", "name=features")
    assert whole
    assert rows("who_read", "feature") == whole
    assert rows("who_read", f"{NS}/features", "until=2026-01-01T00:00:00Z") == []
    assert {row["version"] for row in rows("model_made_of", "model@m1") if row["depth"] == 0} == {"m1"}
    assert rows("prediction", "flight-3") == rows("prediction", "key=flight-3")
    assert {row["name"] for row in rows("owners", "trai")} == {"train"}
    assert main(["audit", "--json", "model_made_of", "--at", "2026-06-01T00:00:00Z", "model@m1", "depth=1"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["depth"] == 1
    for words, code, said in (
        (["who_read", "features", "sinc=2026"], 2, "who_read has no parameter sinc; it has at, known_at, name,"),
        (["who_read", "features", "name=raw"], 2, "name=raw: name is given twice"),
        (["who_read", "no such"], 7, "no such is not in the history"),
        (["model_diff", "model@m1"], 2, "model@m1: model_diff takes no version; it has after,"),
        (["owners", "nme=x"], 2, "owners has no parameter nme"),
        (["model_made"], 7, "did you mean model_made_of?"),
    ):
        assert main(["audit", *words]) == code, words
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["audit", "who_read", "features", "--since", "2026"])
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "usage: headwater audit" in printed
    assert "NAME=VALUE" in printed
