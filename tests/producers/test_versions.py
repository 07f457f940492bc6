"""Versions as stores name them: out of real tables and answers, of files, folders, git; none where there is none."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.producer import InMemoryProducer, versions
from headwater.settings import Settings
from tests.benchmarks.peers import NoPeer, peer_python, run_peer
from tests.snippets import ROOT

ENVIRONMENTS = {
    "tables": ["pyiceberg[pyarrow,sql-sqlite]==0.12.0", "deltalake==1.6.6", "moto[s3]==5.*"],
    "lance": ["pylance==14.0.2", "pyarrow==26.0.1"],
}


def in_stores(environment: str, *stores: str) -> Any:
    """What the script versions_in_stores.py beside the benchmarks' peers tells, with the stores' own libraries."""
    try:
        python = peer_python(environment, *ENVIRONMENTS[environment], "confluent-kafka", "fastavro")
        paths = os.pathsep.join(str(ROOT / folder) for folder in ("producers", "schemas"))
        return run_peer(python, "versions_in_stores.py", *stores, environment={"PYTHONPATH": paths})
    except NoPeer as reason:
        if "ended with" in str(reason) and "pip" not in str(reason):
            raise
        pytest.skip(str(reason))


def store(version: object) -> dict[str, object]:
    return {"version": str(version), "version_origin": "store"}


@pytest.mark.integration
def test_tables_and_objects_tell_their_versions() -> None:
    """Iceberg's snapshot, Delta's version, S3's version id or ETag, as PyIceberg, deltalake and boto3 give them."""
    told = in_stores("tables", "iceberg", "delta", "s3")
    empty, first, second, read, snapshots = told["iceberg"]
    assert (empty, first, second, read) == ({}, store(snapshots[0]), store(snapshots[1]), store(snapshots[0]))
    assert told["delta"] == [store(1), store(0)]
    plain, version, put, got, head, listed = told["s3"]
    assert plain == store("etag:" + hashlib.md5(b"abc").hexdigest())
    assert put == store(version)
    assert got == head == listed == {**store(version), "bytes": 4}
    assert told["event"] == ["1", "store"]


@pytest.mark.prove
def test_lance_tells_its_version() -> None:
    """Its library is large, so this is asked rarely."""
    assert in_stores("lance", "lance")["lance"] == [store(1), store(2)]


@pytest.mark.parametrize(
    ("answer", "version", "size"),
    [
        ({"VersionId": "v1", "ETag": '"e"', "ContentLength": 3}, "v1", 3),
        ({"VersionId": "null", "ETag": '"e"'}, "etag:e", None),
        ({"ResponseMetadata": {"HTTPHeaders": {"x-amz-version-id": "v2", "etag": '"e"'}}}, "v2", None),
        ({"generation": "17", "etag": "CJ=", "size": "4"}, "17", 4),
        ({"ETag": 'W/"abc"', "Content-Length": "12"}, "etag:abc", 12),
        ({"e_tag": '"0x8D"', "version": None, "size": 0}, "etag:0x8D", 0),
        (SimpleNamespace(version_id="2024-06-01T00:00:00Z", etag='"0x8D"', size=9), "2024-06-01T00:00:00Z", 9),
        (SimpleNamespace(generation=5, etag="x", size=None), "5", None),
    ],
)
def test_answers_of_object_stores(answer: Any, version: str, size: int | None) -> None:
    """boto3, its headers, Google's and Azure's objects, obstore and fsspec; the version before the ETag."""
    assert versions.stored(answer) == {**store(version), **({} if size is None else {"bytes": size})}
    assert versions.of(answer) == versions.stored(answer)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_and_folders_have_digests(tmp_path: Path) -> None:
    """A file's SHA-256; a folder's is that of the lines that sha256sum writes; the bytes are counted."""
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "data" / "b.csv").write_bytes(b"x" * 70_000)
    (tmp_path / "data" / "inner" / "ä.csv").write_bytes(b"")
    found = versions.file(tmp_path / "data" / "b.csv")
    expected = digest(b"x" * 70_000)
    assert found == {"version": f"sha256:{expected}", "version_origin": "digest", "bytes": 70_000}
    assert found == versions.of(str(tmp_path / "data" / "b.csv")) == versions.content(b"x" * 70_000)
    lines = f"{expected}  b.csv\n{digest(b'')}  inner/ä.csv\n".encode()
    whole = versions.of(tmp_path / "data")
    assert whole == {"version": f"sha256-folder:{digest(lines)}", "version_origin": "digest", "bytes": 70_000}
    (tmp_path / "data" / "b.csv").rename(tmp_path / "data" / "c.csv")
    assert versions.folder(tmp_path / "data") != whole


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    """A link counts by the path that it holds, and is not followed."""
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "here").symlink_to(".")
    lines = f"{digest(b'1')}  a\n{digest(b'.')}  here\n".encode()
    assert versions.folder(tmp_path) == {
        "version": f"sha256-folder:{digest(lines)}", "version_origin": "digest", "bytes": 1,
    }  # fmt: skip


def test_a_file_that_changes_meanwhile_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather none than one of neither content."""
    path = tmp_path / "growing"
    path.write_bytes(b"1")
    whole = hashlib.file_digest

    def slow(opened: Any, name: Any) -> Any:
        found = whole(opened, name)
        with path.open("ab") as more:
            more.write(b"1")
        return found

    monkeypatch.setattr(hashlib, "file_digest", slow)
    assert versions.file(path) == {}


def test_git_names_files_folders_and_itself(tmp_path: Path) -> None:
    """A file by its blob, also with changes; a folder by its tree and the whole by its commit, without."""

    def run(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "-q")
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "a.csv"
    path.write_text("1\n")
    run("add", ".")
    run("commit", "-qm", "one")
    blob, tree, commit = run("rev-parse", "HEAD:data/a.csv"), run("rev-parse", "HEAD:data"), run("rev-parse", "HEAD")
    assert versions.git(path) == {**store(f"blob:{blob}"), "bytes": 2}
    assert versions.git(tmp_path / "data") == store(f"tree:{tree}")
    assert versions.git(tmp_path) == store(f"commit:{commit}")
    path.write_text("2\n")
    changed = versions.git(path)
    assert changed == {**store("blob:" + run("hash-object", "data/a.csv")), "bytes": 2}
    assert changed.get("version") != f"blob:{blob}"
    assert versions.git(tmp_path / "data") == versions.git(tmp_path) == {}
    (tmp_path / "new").write_text("")
    assert versions.git(tmp_path / "new") == {}


@pytest.mark.parametrize(
    "find",
    [
        lambda: versions.of(7),
        lambda: versions.of("there is no such file"),
        lambda: versions.of({"nothing": 1}),
        lambda: versions.iceberg(SimpleNamespace(current_snapshot=lambda: None)),
        lambda: versions.delta(object()),
        lambda: versions.lance(SimpleNamespace(version="x")),
        lambda: versions.folder("there is no such folder"),
        lambda: versions.git("/"),
        lambda: versions.git("there is no such file"),
    ],
)
def test_where_there_is_none_the_dataset_stays_as_it_was(
    find: Callable[[], versions.Said], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised, the reason is logged."""
    caplog.set_level(logging.WARNING, "headwater.producer")
    assert find() == {}
    assert len(caplog.records) == 1
    dataset = InMemoryProducer(Settings()).dataset("ns", "d", version="1")
    assert dataset.at(**find()).encoded == dataset.encoded


def test_a_snapshot_may_be_named() -> None:
    """What was read may be older than what the table is at."""
    assert versions.iceberg(object(), snapshot_id=5) == store(5)
    assert json.dumps(versions.iceberg(object(), snapshot_id=5))
