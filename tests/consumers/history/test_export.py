"""`headwater export`: what an auditor without ClickHouse gets: whole, the same each time, its digests checked."""

from __future__ import annotations

import base64
import io
import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import fastavro
import pandas as pd
import polars as pl
import pytest

from headwater.audit import Clocks, Node
from headwater.cli.main import main
from headwater.errors import NotFound, SettingsError, StateError
from headwater.export import Exported, Wanted, check, export
from headwater.export.columns import BASE64, HEX, Column, written
from headwater.export.footer import parquet_rows
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, START, as_uuid, at, batch, dataset, edge_set, run_event
from tests.consumers.history.test_ground_truth import reached, told
from tests.consumers.history.test_questions import NASTY, pipeline

MODEL = Node(NS, "model", "m1")


@pytest.fixture
def environment(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    return history


def rows(made: Exported, table: str) -> list[dict[str, Any]]:
    return pl.read_parquet(made.folder / f"{table}.parquet").to_dicts()


def counted(source: str) -> int:
    """Rows, as DuckDB counts them."""
    [(count,)] = duckdb.connect().execute(f"SELECT count(*) FROM {source}").fetchall()
    return int(count)


def names(made: Exported) -> set[str]:
    return {f"{row['name']}@{row['version']}" for row in rows(made, "nodes") if row["version"] is not None}


def known() -> Clocks:
    """As of a time after everything that the tests tell: their clock stands in the future."""
    return Clocks(known_at=datetime.fromisoformat("2030-01-01T00:00:00Z"))


@pytest.mark.integration
def test_a_node_with_all_that_hangs_on_it(history: History, tmp_path: Path) -> None:
    """What it derives from and what derives from it, as a plain walk in memory has it; nothing else."""
    told(history)
    made = export(
        history.client, Wanted(node=Node(NS, "clean", "1"), clocks=known()), tmp_path / "x", formats=["parquet"]
    )
    assert names(made) == {*reached("clean@1", up=True), *reached("clean@1", up=False)}
    assert "lonely@1" not in names(made)
    jobs = {row["job_name"] for row in rows(made, "runs")}
    assert {"clean", "train", "score", "ingest"} <= jobs
    assert "other" not in jobs
    walk = json.loads((made.folder / "walk-up.json").read_text())
    assert {f"{node['node']['name']}@{node['node']['version']}" for node in walk["nodes"]} == set(
        reached("clean@1", up=True)
    )
    assert "<svg" in (made.folder / "lineage.html").read_text()
    assert (made.manifest.truncated, made.manifest.reasons) == (False, ())
    assert len(rows(made, "predictions")) == 4


@pytest.mark.integration
def test_every_reader_takes_every_table(history: History, tmp_path: Path) -> None:
    """pandas, Polars and DuckDB read each file in both formats, with as many rows as it says; ids are text."""
    pipeline(history)
    made = export(history.client, Wanted(node=MODEL, clocks=known()), tmp_path / "x")
    filled = {table.name for table in made.manifest.tables if table.rows}
    assert {"nodes", "edges", "runs", "uses", "predictions", "incidents", "alerts", "messages", "schemas"} <= filled
    for table in made.manifest.tables:
        parquet, lines = (made.folder / f"{table.name}.{form}" for form in ("parquet", "ndjson"))
        counts = {
            pl.read_parquet(parquet).height,
            len(cast("Any", pd).read_parquet(parquet)),
            counted(f"'{parquet}'"),
            len(lines.read_text().splitlines()),
            parquet_rows(parquet),
            table.rows,
        }
        assert len(counts) == 1, table.name
        if table.rows:
            assert counted(f"read_json('{lines}')") == table.rows
            assert list(pl.read_parquet(parquet).columns) == list(table.columns)
    [run] = [row for row in rows(made, "runs") if row["job_name"] == "train"]
    assert (run["run_id"], run["started_at"]) == (str(as_uuid("train 1")), START.replace(minute=20))
    [incident] = rows(made, "incidents")
    assert incident["root"]["run_id"] == str(as_uuid("clean 1"))
    assert [row["key"] for row in rows(made, "predictions") if row["key"] == NASTY] == [NASTY]
    line = json.loads((made.folder / "runs.ndjson").read_text().splitlines()[0])
    assert line["started_at"].endswith("Z")
    assert str(uuid.UUID(line["run_id"])) == line["run_id"]


@pytest.mark.integration
def test_the_messages_can_be_read_by_the_schemas_beside_them(history: History, tmp_path: Path) -> None:
    """Each body, by fastavro and the exported schema, gives the event that the tables tell of."""
    pipeline(history)
    made = export(history.client, Wanted(node=MODEL, clocks=known()), tmp_path / "x")
    schemas = {row["fingerprint"]: fastavro.parse_schema(json.loads(row["text"])) for row in rows(made, "schemas")}
    read = 0
    for message in rows(made, "messages"):
        body = io.BytesIO(base64.b64decode(message["raw_body"]))
        event: Any = cast("Any", fastavro).schemaless_reader(body, schemas[message["schema_fingerprint"]], None)
        assert str(uuid.UUID(bytes=event["event_id"])) == message["event_id"]
        assert base64.b64decode(message["kafka_key"]) == b"key"
        read += 1
    # 5 runs of two events, their edge sets, 6 predictions, an alert; producers send no run events here.
    assert read >= 10 + 5 + 6 + 1


@pytest.mark.integration
def test_a_run_and_a_stretch_of_time(history: History, tmp_path: Path) -> None:
    """Of a run: its events, uses, edges and what it read and wrote. Of a time: what happened within it."""
    pipeline(history)
    one = export(history.client, Wanted(run=as_uuid("build 1"), clocks=known()), tmp_path / "run", formats=["parquet"])
    assert [row["job_name"] for row in rows(one, "runs")] == ["build"]
    assert names(one) == {"clean@c1", "features@f1"}
    assert [(row["source_name"], row["target_name"]) for row in rows(one, "edges")] == [("clean", "features")]
    assert {row["kafka_topic"] for row in rows(one, "messages")} >= {topics.RUNS.name, topics.EDGES.name}
    assert not (one.folder / "runs.ndjson").exists()

    since, until = START.replace(minute=19), START.replace(minute=31)
    some = Wanted(since=since, until=until, clocks=known())
    ranged = export(history.client, some, tmp_path / "time")
    assert {row["job_name"] for row in rows(ranged, "uses")} == {"train", "ship"}
    assert all(since <= row["event_time"] < until for row in rows(ranged, "messages"))
    assert rows(ranged, "predictions") == []


@pytest.mark.integration
def test_the_same_clocks_give_the_same_bytes(history: History, tmp_path: Path) -> None:
    """Who exports again as known then gets the same tables, byte for byte, whatever came since."""
    pipeline(history)
    early = datetime.fromisoformat("2026-09-21T15:00:00Z")  # what was told so far arrived before
    before = export(history.client, Wanted(node=MODEL, clocks=Clocks(known_at=early)), tmp_path / "before")
    history.clock[0] = int(early.timestamp() + 3600) * 1_000_000
    again = [dataset("features", "f1"), dataset("late", "1")]
    history.keep(
        batch(topics.RUNS.name, [run_event("late 1", "COMPLETE", at(80), inputs=again[:1], outputs=again[1:])], 100),
        batch(
            topics.EDGES.name, [edge_set("late 1", at(80), again, [(0, 1)], known=f"late 1 COMPLETE {at(80)} 1")], 100
        ),
    )
    after = export(history.client, Wanted(node=MODEL, clocks=Clocks(known_at=early)), tmp_path / "after")
    assert after.manifest.files == before.manifest.files
    assert rows(before, "runs")


@pytest.mark.integration
def test_what_was_cut_and_what_is_missing_is_said(history: History, tmp_path: Path) -> None:
    """A walk that was cut, numbers of a producer that never arrived: in the manifest, and by exit code 1."""
    pipeline(history)
    cut = export(history.client, Wanted(node=MODEL, clocks=known(), depth=1), tmp_path / "cut", formats=["parquet"])
    assert cut.manifest.truncated
    assert any("depth of 1" in reason for reason in cut.manifest.reasons)
    gaps = cut.manifest.gaps
    assert (gaps["missing_messages"], gaps["producers"]) == (1, 1)
    assert [(row["first_missing"], row["last_missing"]) for row in gaps["missing"]] == [(6, 6)]
    assert gaps["producers_without_end"] == ["scoring"]
    with pytest.raises(SettingsError, match="not empty"):
        export(history.client, Wanted(node=MODEL, clocks=known()), tmp_path / "cut")
    with pytest.raises(NotFound, match="no run"):
        export(history.client, Wanted(run=as_uuid("nothing"), clocks=known()), tmp_path / "none")
    with pytest.raises(SettingsError, match="of one node"):
        export(history.client, Wanted(), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.integration
def test_the_command(environment: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater export`: writes, tells counts and the manifest's digest; `--check` finds what was altered."""
    pipeline(environment)
    folder = tmp_path / "x"
    late = ["--known-at", "2030-01-01T00:00:00Z"]
    assert main(["export", str(folder), "--node", "model@m1", *late]) == 0
    printed = capsys.readouterr().out
    assert "1 messages are known to be missing." in printed
    digest = printed.rsplit(maxsplit=1)[-1]
    assert main(["export", str(folder), "--check", "--digest", digest]) == 0
    assert "Nothing was altered" in capsys.readouterr().out
    altered = folder / "runs.ndjson"
    altered.write_bytes(altered.read_bytes().replace(b"abc123", b"abc124"))
    (folder / "edges.parquet").unlink()
    (folder / "more.txt").write_text("forged")
    assert main(["export", str(folder), "--check"]) == 1
    printed = capsys.readouterr().out
    assert "altered: runs.ndjson: its bytes are not those that were exported" in printed
    assert "missing: edges.parquet" in printed
    assert "added: more.txt" in printed
    assert main(["export", str(folder), "--check", "--digest", "00", "--json"]) == 1
    assert "manifest.json" in json.loads(capsys.readouterr().out)["findings"][0]
    assert main(["export", str(tmp_path / "y"), "--node", "model@m1", "--depth", "1", *late]) == 1
    assert main(["export", str(tmp_path / "z"), "--run", "7"]) == 2
    assert main(["export", str(tmp_path / "z"), "--since", "2026-03-01T08:00:00Z"]) == 2
    assert main(["export", str(tmp_path / "z"), "--node", "modell"]) == 7
    assert main(["export", str(tmp_path / "z"), "--check"]) == 6


def test_no_manifest_no_export(tmp_path: Path) -> None:
    """A folder whose manifest is not there, is none, or points out of the folder is no export."""
    with pytest.raises(StateError, match="no whole export"):
        check(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(StateError, match="no whole export"):
        check(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 something PAR1")
    with pytest.raises(StateError, match="no whole Parquet"):
        parquet_rows(tmp_path / "a.parquet")


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_parquet_rows_agree_with_the_library(tmp_path: Path, count: int) -> None:
    """The count in the footer, for nested columns and several row groups too."""
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"a": range(count), "b": [[{"x": "y"}]] * count, "c": [None] * count}, strict=False)
    frame.write_parquet(path, row_group_size=1000)
    assert parquet_rows(path) == count


def test_how_values_are_written() -> None:
    """Ids as text, at any depth; keys of 64 bits too; bytes as asked for; all else as it is."""
    assert written(Column("run_id", "Nullable(UUID)"), {}).sql == "toString(`run_id`)"
    assert written(Column("key", "UInt64"), {}).type == "String"
    assert written(Column("rows", "UInt64"), {}) == ("`rows`", "UInt64")
    assert written(Column("key", "Nullable(String)"), {"key": BASE64}).sql == "base64Encode(`key`)"
    assert written(Column("digest", "String"), {"digest": HEX}).sql == "lower(hex(`digest`))"
    kind = "Array(Tuple(a LowCardinality(String), `b c` Array(UUID)))"
    assert written(Column("x", kind), {}) == (
        (
            "arrayMap(x0 -> CAST(tuple(tupleElement(x0, 'a'), arrayMap(x1 -> toString(x1), tupleElement(x0, 'b c'))), "
            "'Tuple(`a` String, `b c` Array(String))'), `x`)"
        ),
        "Array(Tuple(`a` String, `b c` Array(String)))",
    )
