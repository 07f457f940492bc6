"""House rules that a machine can hold: what lies where, who imports whom, what no text may say."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.snippets import ROOT, snippets

TOP_LEVEL = {
    ".ci",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "consumers",
    "infra",
    "producers",
    "pyproject.toml",
    "schemas",
    "tests",
}
SOURCE_ROOTS = ("schemas", "producers", "consumers", "infra")
MAKE_TARGETS = {"demo", "test", "prove", "bench", "lint", "up", "clean"}
MAX_LINES, MAX_LINES_OF_TESTS = 300, 450

_CONTRACT = {"errors", "secrets", "settings", "kafka", "schemas"}
_CONSUMERS = {
    "streams",
    "stitching",
    "detection",
    "alerts",
    "notify",
    "archive",
    "audit",
    "ledger",
    "deadletters",
    "rebuild",
    "openlineage",
    "export",
    "recheck",
}
#: Which packages of ours each folder's code may import. Infra may import all: it is what puts them together.
MAY_IMPORT = {
    "schemas": _CONTRACT,
    "producers": _CONTRACT | {"producer"},
    "consumers": _CONTRACT | _CONSUMERS,
}
#: Closer limits, by package: the errors and settings stand below all, the worker core below the workers, and the
#: alert subscription lives in other people's services.
MAY_IMPORT_PACKAGE = {
    "errors": set[str](),
    "secrets": set[str](),
    "settings": {"errors"},
    "kafka": {"errors", "settings"},
    "streams": _CONTRACT | {"streams"},
    "stitching": _CONTRACT | {"streams", "stitching"},
    "alerts": _CONTRACT | {"alerts"},
    "notify": _CONTRACT | {"alerts", "notify"},
    # The archive brings its tables up when it starts.
    "archive": _CONTRACT | {"streams", "archive", "audit", "ledger", "migrations"},
    "audit": _CONTRACT | {"audit"},
    "openlineage": _CONTRACT | {"streams", "openlineage"},
    "deadletters": _CONTRACT | {"streams", "audit", "deadletters"},
    "rebuild": _CONTRACT | {"streams", "stitching", "archive", "audit", "migrations", "rebuild"},
    "ledger": _CONTRACT | {"audit", "ledger"},
    "export": _CONTRACT | {"audit", "ledger", "openlineage", "export"},
    "recheck": _CONTRACT | {"streams", "archive", "audit", "ledger", "export", "recheck"},
}

#: Hosts that give packages out, and options that name one: where packages come from is the reader's own setting.
PACKAGE_HOSTS = re.compile(
    r"\b(?:pypi|pythonhosted|repo1?\.maven(?:\.apache)?|npmjs|registry-1\.docker|ghcr|quay|gcr|conda\.anaconda)"
    r"\.(?:org|com|io)\b|--(?:extra-)?index-url"
)
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/}-])/(?:home|root|Users|work|workspaces?|builds)/\w")
CLIMBING_PATH = re.compile(r"(?<![\w./])(?:\.\./)+[\w.-]+")
BARE_EXCEPTION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?|(?:type|pyright):\s*ignore(?:\[[\w, -]+\])?)\s*$"
)


@cache
def committed() -> tuple[Path, ...]:
    """Every file that is committed or about to be, relative to the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file())


@cache
def texts() -> dict[Path, str]:
    """The content of every committed text file."""
    found: dict[Path, str] = {}
    for path in committed():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8")
    return found


def modules() -> Iterator[Path]:
    """The Python files of the product."""
    yield from (path for path in committed() if path.suffix == ".py" and path.parts[0] in SOURCE_ROOTS)


def package_of(path: Path) -> str:
    """`errors` for schemas/headwater/errors.py, `schemas` for schemas/headwater/schemas/plain.py."""
    return path.parts[2].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, package of ours) for each import of one of our packages, also those within functions."""
    package = ("headwater", *path.parts[2:-1])
    for node in ast.walk(ast.parse(texts()[path])):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "headwater" else [module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "headwater" and len(parts) > 1:
                yield getattr(node, "lineno", 0), parts[1]


def test_the_top_folder_holds_what_it_should() -> None:
    """Four folders, tests, and the few files beside them; nothing else."""
    assert {path.parts[0] for path in committed()} <= TOP_LEVEL


def test_the_namespace_has_no_init() -> None:
    """`headwater/` is a PEP 420 namespace, so that nothing collides in a host service; its packages are regular."""
    for root in SOURCE_ROOTS:
        assert not (ROOT / root / "headwater" / "__init__.py").exists()
    folders = {path.parent for path in modules() if len(path.parts) > 3}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").exists()] == []


def test_imports_go_one_way() -> None:
    """Schemas import nothing else of ours, producers and consumers only schemas and themselves, never infra."""
    wrong: list[str] = []
    for path in modules():
        if path.parts[0] == "infra":
            continue
        allowed = MAY_IMPORT_PACKAGE.get(package_of(path), MAY_IMPORT[path.parts[0]])
        wrong += [f"{path}:{line} imports headwater.{name}" for line, name in imports(path) if name not in allowed]
    assert wrong == []


def test_no_text_names_a_package_host() -> None:
    """Where packages come from is a setting of the reader's machine."""
    assert _lines_with(PACKAGE_HOSTS) == []


def test_no_text_names_a_path_outside() -> None:
    """No file points to a place that a clone does not have."""
    wrong = _lines_with(ABSOLUTE_PATH)
    for path, text in texts().items():
        for found in CLIMBING_PATH.finditer(text):
            target = (ROOT / path.parent / found[0]).resolve()
            if not target.is_relative_to(ROOT):
                wrong.append(f"{path}: {found[0]}")
    assert wrong == []


def test_every_exception_to_the_rules_says_why() -> None:
    """A lint or type exception carries its reason on the line."""
    wrong = _lines_with(BARE_EXCEPTION, suffix=".py")
    assert wrong == []


def test_files_hold_one_thing() -> None:
    """No module is longer than 300 lines; tests, which are lists of cases, than 450."""
    lengths = {path: text.count("\n") for path, text in texts().items() if path.suffix == ".py"}
    limits = {path: MAX_LINES_OF_TESTS if path.parts[0] == "tests" else MAX_LINES for path in lengths}
    assert [f"{path}: {lines}" for path, lines in lengths.items() if lines > limits[path]] == []


def test_every_test_says_what_must_be_so() -> None:
    """Each test has a docstring that states the behaviour."""
    wrong: list[str] = []
    for path, text in texts().items():
        if path.parts[0] == "tests" and path.name.startswith("test_") and path.suffix == ".py":
            tests = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
            wrong += [
                f"{path}:{test.lineno} {test.name}"
                for test in tests
                if test.name.startswith("test_") and not ast.get_docstring(test)
            ]
    assert wrong == []


def test_the_make_targets_are_there() -> None:
    """Every target that the README and CI rely on."""
    found = set(re.findall(r"^([a-z]+):", texts()[Path("Makefile")], re.MULTILINE))
    assert found >= MAKE_TARGETS


def test_constraints_pin_and_name_no_place() -> None:
    """Each line of the constraints is a name and its exact version."""
    lines = [line for line in texts()[Path("infra/constraints.txt")].splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!]+(?: *; .+)?", line)] == []


def test_the_changelog_knows_this_version() -> None:
    """The version that would be built now has its entry."""
    version = tomllib.loads(texts()[Path("pyproject.toml")])["project"]["version"]
    assert re.search(rf"^## .*\b{re.escape(version)}\b", texts()[Path("CHANGELOG.md")], re.MULTILINE)


def test_every_snippet_runs_or_says_why_not() -> None:
    """Each python or sh block of a README is run by a test, or carries the reason why it is not."""
    taken = {
        (node.args[0].value, node.args[1].value)
        for path, text in texts().items()
        if path.parts[0] == "tests" and path.suffix == ".py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "snippet"
        and len(node.args) == 2
        and all(isinstance(argument, ast.Constant) for argument in node.args)
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[1], ast.Constant)
    }
    wrong: list[str] = []
    for path in committed():
        if path.suffix == ".md":
            for block in snippets(str(path)):
                if block.name is None and block.excuse is None:
                    wrong.append(f"{block.where} has no comment: <!-- test: name --> or <!-- no test: why -->")
                elif block.name is not None and (block.path, block.name) not in taken:
                    wrong.append(f'{block.where}: no test takes it: snippet("{block.path}", "{block.name}")')
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("x = 1  # noqa: S311", True),
        ("x = 1  # noqa", True),
        ("x: int = y  # type: ignore[assignment]", True),
        ("x = 1  # noqa: S311 — jitter", False),
        ("x = y  # type: ignore[attr-defined]  # faust ships no types", False),
    ],
)
def test_the_rule_about_exceptions_finds_them(line: str, *, found: bool) -> None:
    """The pattern that looks for exceptions without a reason tells them apart."""
    assert bool(BARE_EXCEPTION.search(line)) == found


def _lines_with(pattern: re.Pattern[str], suffix: str = "") -> list[str]:
    return [
        f"{path}:{number} {line.strip()}"
        for path, text in texts().items()
        if path.name.endswith(suffix)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
