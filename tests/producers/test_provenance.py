"""What a process says of itself: its code, packages, container and pod; looked up once, and no host, user or secret."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.producer import _git, _provenance
from headwater.schemas import framing, plain, records, topics
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.producers.test_kafka import TOPICS, read_all

REMOTE = "https://ann:hunter2-planted@git.example/team/x.git?token=hunter2-planted"
ID = "0123456789abcdef" * 4
UID = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git work tree with one commit of one script."""
    folder = tmp_path / "tree"
    (folder / "jobs").mkdir(parents=True)
    (folder / "jobs" / "job.py").write_text("print('x')\n")
    git(folder, "init", "--quiet", "--initial-branch=topic/x")
    git(folder, "remote", "add", "origin", REMOTE)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def dirty(folder: Path | None) -> bool | None:
    check = _git.DirtyCheck(folder)
    assert check.wait(20)
    assert check.done()
    return check.dirty


@pytest.mark.integration
def test_code_of_a_work_tree(tree: Path) -> None:
    """Commit, branch, entrypoint with its digest, remote without credentials; also from packed refs and detached."""
    script = tree / "jobs" / "job.py"
    commit = git(tree, "rev-parse", "HEAD")
    expected = _provenance.Code(
        repository="https://git.example/team/x.git",
        commit=commit,
        branch="topic/x",
        entrypoint="jobs/job.py",
        digest="sha256:" + hashlib.sha256(script.read_bytes()).hexdigest(),
    )
    assert _provenance.code_of(script, script.parent) == expected
    git(tree, "pack-refs", "--all")
    assert _provenance.code_of(script, script.parent) == expected
    git(tree, "checkout", "--quiet", "--detach")
    assert _git.head(tree) == (commit, None)


@pytest.mark.integration
def test_code_of_a_linked_work_tree(tree: Path, tmp_path: Path) -> None:
    """Its HEAD is its own, refs and remotes are the main tree's."""
    linked = tmp_path / "linked"
    git(tree, "worktree", "add", "--quiet", "-b", "other", str(linked))
    found = _provenance.code_of(linked / "jobs" / "job.py", linked)
    assert (found.branch, found.commit, found.repository) == (
        "other", git(tree, "rev-parse", "HEAD"), "https://git.example/team/x.git",
    )  # fmt: skip
    assert dirty(linked) is False


def test_code_outside_of_git(tmp_path: Path) -> None:
    """The script's name and digest, no path; without a script nothing."""
    script = tmp_path / "job.py"
    script.write_text("x")
    found = _provenance.code_of(script, tmp_path)
    assert (found.entrypoint, found.commit, found.repository) == ("job.py", None, None)
    assert found.digest is not None
    assert _provenance.code_of(None, tmp_path) == _provenance.Code()


@pytest.mark.parametrize("content", ["", "ref: refs/heads/gone\n", "\udcff"])
def test_a_broken_repository_says_nothing(tmp_path: Path, content: str) -> None:
    """And nothing is raised."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert _git.head(tmp_path).commit is None
    assert _git.remote(tmp_path) is None


@pytest.mark.integration
def test_git_says_whether_the_tree_is_dirty(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed and staged files make it so, new files do not; where git cannot say it, it is not known."""
    assert dirty(tree) is False
    (tree / "new.txt").write_text("x")
    assert dirty(tree) is False
    (tree / "jobs" / "job.py").write_text("print('y')\n")
    assert dirty(tree) is True
    git(tree, "add", "jobs/job.py")
    assert dirty(tree) is True
    assert dirty(None) is None
    shutil.rmtree(tree / ".git" / "objects")
    assert dirty(tree) is None
    monkeypatch.setenv("PATH", "")
    assert dirty(tree) is None


SHORT = """
from headwater.producer import Producer
producer = Producer()
with producer.run(producer.job("tests", "short")):
    pass
"""


@pytest.mark.integration
def test_a_short_process_says_whether_its_code_is_dirty(kafka: Kafka, prefix: str, tree: Path) -> None:
    """At the latest when it closes; and its packages are told with the digest under which runs name them."""
    script = tree / "jobs" / "job.py"
    script.write_text(SHORT)
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    subprocess.run(
        [sys.executable, str(script)],
        env={
            **os.environ,
            "HEADWATER_BROKERS": kafka.bootstrap,
            "HEADWATER_PREFIX": prefix,
            "HEADWATER_EXIT_SECONDS": "20",
        },
        check=True,
        timeout=60,
    )
    found = read_all(kafka, prefix, {"lineage.runs": 2, "lineage.producers": 2})

    def told(name: str) -> list[dict[str, Any]]:
        schema = records.current(topics.TOPICS[name].record or "")
        return [plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :]) for message in found[name]]

    opened, closed = told("lineage.producers")
    assert closed["environment"] == {"code_dirty": "true"}
    runs = told("lineage.runs")
    assert {run["job"]["code"]["dirty"] for run in runs} <= {None, True}
    assert runs[0]["job"]["code"]["commit"] == git(tree, "rev-parse", "HEAD")
    packages = json.loads(opened["environment"]["packages"])
    assert _provenance.packages_digest(packages) == json.loads(runs[0]["environment"]["packages_digest"])
    assert any(package.startswith("fastavro==") for package in packages)


FORKED = """
import os, sys
from headwater.producer import Producer
producer = Producer()
job = producer.job("tests", "forked")
with producer.run(job):
    pass
child = os.fork()
if child == 0:
    with producer.run(job):
        pass
    producer.close(20)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.integration
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_the_list_of_packages_is_told_once(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """A process that was forked has its parent's packages: it tells their digest only."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in TOPICS})
    settings = {"HEADWATER_BROKERS": kafka.bootstrap, "HEADWATER_PREFIX": prefix, "HEADWATER_EXIT_SECONDS": "20"}
    subprocess.run([sys.executable, "-c", FORKED], env={**os.environ, **settings}, cwd=tmp_path, check=True, timeout=60)
    schema = records.current("producer_event")
    found = read_all(kafka, prefix, {"lineage.producers": 4})["lineage.producers"]
    events = [plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :]) for message in found]
    opened = [event["environment"] for event in events if event["kind"] == "opened"]
    assert len(opened) == 2
    assert len({environment["packages_digest"] for environment in opened}) == 1
    assert sorted("packages" in environment for environment in opened) == [False, True]


# Containers and pods.


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes /proc/self say so: cgroup, mountinfo."""

    def write(cgroup: str, mountinfo: str) -> None:
        (tmp_path / "cgroup").write_text(cgroup)
        (tmp_path / "mountinfo").write_text(mountinfo)

    monkeypatch.setattr(_provenance, "_PROC", tmp_path)
    monkeypatch.setattr(_provenance, "_SERVICE_ACCOUNT", tmp_path / "namespace")
    return write


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "found"),
    [
        (f"0::/system.slice/docker-{ID}.scope", "", ID),
        (f"12:cpu:/docker/{ID}", "", ID),
        (f"1:cpu:/kubepods/besteffort/pod{UID}/{ID}", "", ID),
        (f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope", "", ID),
        (f"0::/machine.slice/crio-{ID}.scope", "", ID),
        ("0::/", f"9 8 0:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/a rw", ID),
        # A host on which containers run beside us.
        ("0::/user.slice", f"9 8 0:1 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw", None),
        ("", "", None),
    ],
)
def test_the_container(proc: Callable[[str, str], None], cgroup: str, mountinfo: str, found: str | None) -> None:
    """As Docker, containerd, CRI-O and systemd name it; none where we are in none."""
    proc(cgroup, mountinfo)
    assert _provenance.container() == found


def test_the_pod(proc: Callable[[str, str], None], tmp_path: Path) -> None:
    """From the downward API under its usual names, the service account and the cgroup; never the machine's name."""
    proc(f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope", "")
    (tmp_path / "namespace").write_text("shop\n")
    cluster = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    of_deployment = _provenance.kubernetes({**cluster, "HOSTNAME": "fares-6d4b75cb6d-hx7k2", "NODE_NAME": "node-1"})
    assert of_deployment == {"pod": "fares-6d4b75cb6d-hx7k2", "namespace": "shop", "pod_uid": UID}
    assert "pod" not in _provenance.kubernetes({**cluster, "HOSTNAME": "node-1.example.org"})
    named = {"MY_POD_NAME": "fares-0", "POD_NAMESPACE": "other", "POD_UID": "u", "K8S_CONTAINER_NAME": "c"}
    assert _provenance.kubernetes({**cluster, **named}) == {
        "pod": "fares-0", "namespace": "other", "pod_uid": "u", "container": "c",
    }  # fmt: skip
    assert _provenance.kubernetes(named) == {}


def test_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on macOS and Windows: no container, and all the rest is there."""
    monkeypatch.setattr(_provenance, "_PROC", tmp_path / "none")
    assert _provenance.container() is None
    assert _provenance.found_environment.__wrapped__().keys() >= {
        "python",
        "implementation",
        "platform",
        "packages_digest",
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["job", "--password", "x", "--depth", "3"], ["job", "--password", "…", "--depth", "3"]),
        (["job", "--api-key=x", "PGPASSWORD=x"], ["job", "--api-key=…", "PGPASSWORD=…"]),
        (["curl", "-u", "ann:x", "https://h/p"], ["curl", "-u", "…", "https://h/p"]),
        (["job", "postgres://ann:x@h/d"], ["job", "…"]),
        (["job", "-H", "Authorization: Bearer abcdefgh12"], ["job", "-H", "…"]),
        (["job", "--dsn", "host=h password=xyz user=ann"], ["job", "--dsn", "…"]),
        (["job", "--connect", "host=h password=xyz user=ann"], ["job", "--connect", "host=h password=… user=ann"]),
    ],
)
def test_arguments_lose_their_secrets(monkeypatch: pytest.MonkeyPatch, given: list[str], kept: list[str]) -> None:
    """Values of options that look so, variables, addresses, and parts of longer texts."""
    monkeypatch.setattr("sys.argv", given)
    assert _provenance.arguments() == kept
