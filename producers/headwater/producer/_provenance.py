"""What a process runs: its code, its Python and packages, its container. Looked up once a process, when first needed.

Files are read; only whether the work tree is dirty needs git itself, which is asked beside everything else.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from headwater.producer import _forks, _git
from headwater.secrets import looks_secret, without_secret_texts

_LARGEST_ENTRYPOINT: Final = 16 * 1024 * 1024
_PROC: Final = Path("/proc/self")
_CONTAINER: Final = re.compile(
    r"(?:containers/|docker[/-]|libpod-|cri-containerd-|crio-|/pod[0-9a-f_-]{36}/|/ecs/[\w-]+/)([0-9a-f]{64})"
)
_POD_UID: Final = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
#: Files that a container has from outside: their sources name it. Other mounts may be of containers beside us.
_OF_A_CONTAINER: Final = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})
#: Where people put what the downward API gives, by what it is. Not the node: that is the host.
_DOWNWARD: Final = {
    "pod": ("POD_NAME", "K8S_POD_NAME", "MY_POD_NAME"),
    "namespace": ("POD_NAMESPACE", "K8S_NAMESPACE_NAME", "K8S_POD_NAMESPACE", "MY_POD_NAMESPACE"),
    "pod_uid": ("POD_UID", "K8S_POD_UID", "MY_POD_UID"),
    "container": ("CONTAINER_NAME", "K8S_CONTAINER_NAME", "MY_CONTAINER_NAME"),
}
#: A host name ending so was generated for a pod; with hostNetwork it would be the machine's.
_GENERATED: Final = re.compile(r"[a-z0-9.-]+-[bcdfghjklmnpqrstvwxz2456789]{5}")
#: curl's and others' user:password.
_USER_OPTIONS: Final = frozenset({"-u", "--user", "--proxy-user"})
_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Code:
    """The code that a process runs; field names are the contract's."""

    repository: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    entrypoint: str | None = None
    digest: str | None = None
    language: str | None = "python"


@cache
def code() -> Code:
    """The code behind this process; what cannot be found out is None."""
    main = _main_file()
    return code_of(main, main.parent if main else Path.cwd())


def code_of(main: Path | None, folder: Path) -> Code:
    """The code that is started by `main`, or without a file in `folder`."""
    # Outside a work tree the name alone: the path before it may name a user.
    found = Code(entrypoint=main.name if main else None)
    if main is not None and main.is_file():
        found = replace(found, digest=_digest(main))
    work_tree = _git.find_work_tree(folder)
    if work_tree is None:
        return found
    if main is not None and main.is_relative_to(work_tree):
        found = replace(found, entrypoint=main.relative_to(work_tree).as_posix())
    commit, branch = _git.head(work_tree)
    return replace(found, repository=_git.remote(work_tree), commit=commit, branch=branch)


def git() -> _git.DirtyCheck:
    """The question to git whether this process's code differs from its commit; asked once a process."""
    return _asked[0] if _asked else _ask()


def _ask() -> _git.DirtyCheck:
    main = _main_file()
    with _forks.making():
        asked = _git.DirtyCheck(_git.find_work_tree(main.parent if main else Path.cwd()))
    _asked.append(asked)
    return asked


_asked: Final[list[_git.DirtyCheck]] = []


def forget_git() -> None:
    """Neither a child of a fork, which cannot hear its parent's git, nor a process at its end waits for an answer."""
    if _asked and _asked[0].unanswered:
        _asked.pop().abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_git)


def client() -> str:
    """This library and its version."""
    with _forks.making():
        from importlib import metadata  # noqa: PLC0415 — only when a producer opens: a host waits for our imports

    try:
        return f"headwater-python/{metadata.version('headwater')}"
    except metadata.PackageNotFoundError:
        return "headwater-python"


def host() -> str:
    """The machine's name; recorded only where the settings ask for it."""
    return platform.node()


def user() -> str:
    """The user's name; recorded only where the settings ask for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # without a name in the environment it asks pwd, which Windows lacks
        return ""


def arguments() -> list[str]:
    """The command line; recorded only where the settings ask for it. What looks like a secret goes."""
    kept: list[str] = []
    hide = False
    for argument in sys.argv:
        name, equals, _ = argument.partition("=")
        if hide or looks_secret("", argument):
            kept.append("…")
            hide = False
        elif equals and looks_secret(name.lstrip("-")):
            kept.append(f"{name}=…")
        else:
            kept.append(without_secret_texts(argument))
            hide = argument.startswith("-") and (looks_secret(name.lstrip("-")) or name in _USER_OPTIONS)
    return kept


@cache
def packages() -> tuple[str, ...]:
    """Installed distributions as name==version, sorted, from the names of their metadata folders."""
    found: set[str] = set()
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208 — names only, and far cheaper than Path objects
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                stem = name.rpartition(".")[0]
                package, _, version = stem.partition("-")
                found.add(f"{package.lower().replace('_', '-')}=={version.partition('-')[0]}")
    return tuple(sorted(found))


def packages_digest(installed: Iterable[str]) -> str:
    """Digest of a list of packages."""
    return "sha256:" + hashlib.sha256("\n".join(installed).encode()).hexdigest()


def environment() -> dict[str, Any]:
    """What `found_environment` found, to be added to."""
    return dict(found_environment())


@cache
def found_environment() -> dict[str, Any]:
    """Python, platform, packages by digest, container and Kubernetes identity."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": f"{sys.platform}-{platform.machine()}",
        "packages_digest": packages_digest(packages()),
    }
    if here := container():
        found["container"] = here
    if pod := kubernetes(os.environ):
        found["kubernetes"] = pod
    return found


def _main_file() -> Path | None:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(path).resolve() if path else None


def _digest(path: Path) -> str | None:
    try:
        if path.stat().st_size > _LARGEST_ENTRYPOINT:
            return None
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def container() -> str | None:
    """The id of the container that this process is in."""
    if match := _CONTAINER.search(_read(_PROC / "cgroup")):
        return match[1]
    for line in _read(_PROC / "mountinfo").splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[4] in _OF_A_CONTAINER and (match := _CONTAINER.search(fields[3])):
            return match[1]
    return None


def kubernetes(environment: Mapping[str, str]) -> dict[str, str]:
    """The pod that this process is in: name, namespace, uid, container, as far as they are known."""
    if "KUBERNETES_SERVICE_HOST" not in environment:
        return {}
    found = {
        what: next((environment[name] for name in names if environment.get(name)), "")
        for what, names in _DOWNWARD.items()
    }
    name = environment.get("HOSTNAME", "")
    found["pod"] = found["pod"] or (name if _GENERATED.fullmatch(name) else "")
    found["namespace"] = found["namespace"] or _read(_SERVICE_ACCOUNT).strip()
    if not found["pod_uid"] and (match := _POD_UID.search(_read(_PROC / "cgroup") + _read(_PROC / "mountinfo"))):
        found["pod_uid"] = match[1].replace("_", "-")
    return {what: value for what, value in found.items() if value}


def _read(path: Path) -> str:
    """A file's text; empty where there is none, as outside Linux."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
