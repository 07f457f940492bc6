"""What a process runs: its code, its Python and packages, its container. Looked up once, when first needed.

Files are read, no command is started; only whether the work tree is dirty needs git itself, and that is asked by
the sending thread, so no caller waits for it.
"""

from __future__ import annotations

import configparser
import getpass
import hashlib
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from headwater.producer._secrets import looks_secret, without_credentials

_GIT_SECONDS: Final = 10
_LARGEST_ENTRYPOINT: Final = 16 * 1024 * 1024
_CONTAINER: Final = re.compile(r"/(?:containers|docker|libpod-|cri-containerd-)[/-]?([0-9a-f]{64})")
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


def code(main: Path | None = None) -> Code:
    """The code behind this process (or behind `main`); what cannot be found out is None."""
    main = main or _main_file()
    # Outside a work tree the name alone: the path before it may name a user.
    found = Code(entrypoint=main.name if main else None)
    if main is not None and main.is_file():
        found = replace(found, digest=_digest(main))
    work_tree = find_work_tree(main.parent if main else Path.cwd())
    if work_tree is None:
        return found
    if main is not None and main.is_relative_to(work_tree):
        found = replace(found, entrypoint=main.relative_to(work_tree).as_posix())
    commit, branch = _head(work_tree)
    return replace(found, repository=_remote(work_tree), commit=commit, branch=branch)


class DirtyCheck:
    """Asks git, beside everything else, whether tracked files differ from the commit."""

    def __init__(self, of: Code) -> None:
        self._wanted = of.commit is not None
        self._process: subprocess.Popen[bytes] | None = None
        self._give_up_at = 0.0
        #: None where git cannot say.
        self.dirty: bool | None = None

    def done(self) -> bool:
        """Whether there is an answer, or will be none. The first call starts git; none waits."""
        if not self._wanted:
            return True
        if self._process is None:
            return self._start()
        code = self._process.poll()
        if code is None and time.monotonic() < self._give_up_at:
            return False
        if code is None:
            self._process.kill()
            self._process.wait()
        self.dirty = {0: False, 1: True}.get(code if code is not None else -1)
        return True

    def _start(self) -> bool:
        main = _main_file()
        try:
            self._process = subprocess.Popen(
                ["git", "-C", str(main.parent if main else Path.cwd()), "diff", "--quiet", "HEAD"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            )
        except OSError:
            return True
        self._give_up_at = time.monotonic() + _GIT_SECONDS
        return False


def client() -> str:
    """This library and its version."""
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
    except (OSError, KeyError):
        return ""


def arguments() -> list[str]:
    """The command line; recorded only where the settings ask for it. The value after a secret-looking option goes."""
    kept: list[str] = []
    hide = False
    for argument in sys.argv:
        name, equals, _ = argument.partition("=")
        if hide or looks_secret("", argument):
            kept.append("…")
            hide = False
        elif argument.startswith("-") and looks_secret(name.lstrip("-")):
            kept.append(f"{name}=…" if equals else argument)
            hide = not equals
        else:
            kept.append(argument)
    return kept


def find_work_tree(start: Path) -> Path | None:
    """The git work tree around a folder."""
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return None


def packages() -> list[str]:
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
    return sorted(found)


def packages_digest(installed: list[str]) -> str:
    """Digest of a list of packages."""
    return "sha256:" + hashlib.sha256("\n".join(installed).encode()).hexdigest()


def environment() -> dict[str, Any]:
    """Python, platform, packages by digest, container and Kubernetes identity."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": f"{sys.platform}-{platform.machine()}",
        "packages_digest": packages_digest(packages()),
    }
    if container := _container():
        found["container"] = container
    if kubernetes := _kubernetes(os.environ):
        found["kubernetes"] = kubernetes
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


def _git_folders(work_tree: Path) -> tuple[Path, Path]:
    """The folder with HEAD, and the one with refs and config: they differ in a linked work tree."""
    folder = work_tree / ".git"
    if folder.is_file():
        folder = (work_tree / folder.read_text("utf-8").partition("gitdir:")[2].strip()).resolve()
    common = folder / "commondir"
    return folder, (folder / common.read_text("utf-8").strip()).resolve() if common.is_file() else folder


def _head(work_tree: Path) -> tuple[str | None, str | None]:
    try:
        folder, common = _git_folders(work_tree)
        head = (folder / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref: "):
            return head or None, None
        ref = head.removeprefix("ref: ")
        branch = ref.removeprefix("refs/heads/")
        if (common / ref).is_file():
            return (common / ref).read_text("utf-8").strip(), branch
        for line in (common / "packed-refs").read_text("utf-8").splitlines():
            commit, _, name = line.partition(" ")
            if name == ref:
                return commit, branch
    except (OSError, UnicodeDecodeError):
        return None, None
    return None, branch


def _remote(work_tree: Path) -> str | None:
    try:
        config = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        config.read_string((_git_folders(work_tree)[1] / "config").read_text("utf-8"))
        for section in ('remote "origin"', *config.sections()):
            if section.startswith("remote ") and (url := config.get(section, "url", fallback=None)):
                return without_credentials(url)
    except (OSError, UnicodeDecodeError, configparser.Error):
        pass
    return None


def _container() -> str | None:
    for path in ("/proc/self/mountinfo", "/proc/self/cgroup"):
        try:
            if match := _CONTAINER.search(Path(path).read_text("utf-8")):
                return match[1]
        except (OSError, UnicodeDecodeError):
            continue
    return None


def _kubernetes(environment: Mapping[str, str]) -> dict[str, str]:
    if "KUBERNETES_SERVICE_HOST" not in environment:
        return {}
    found = {"pod": environment.get("POD_NAME") or environment.get("HOSTNAME", "")}
    namespace = environment.get("POD_NAMESPACE")
    if not namespace:
        try:
            namespace = _SERVICE_ACCOUNT.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            namespace = ""
    found["namespace"] = namespace
    return {name: value for name, value in found.items() if value}
