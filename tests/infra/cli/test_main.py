"""The command line: finds commands, reports errors in one line, completes, prints settings."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from headwater.cli.commands import NAMES, command
from headwater.cli.main import main
from headwater.settings import documented


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_a_line_of_help(name: str) -> None:
    """A line without a capital or a full stop, so that the list reads as one."""
    one = command(name)
    assert one.help
    assert "\n" not in one.help
    assert one.help[0].islower()
    assert not one.help.endswith(".")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`headwater --help` names each command with its line."""
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)


def test_an_unknown_command_ends_with_2_and_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own message, with the choices."""
    with pytest.raises(SystemExit) as stop:
        main(["trac"])
    assert stop.value.code == 2
    assert "'trac'" in capsys.readouterr().err


def test_no_command_prints_the_help_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Bare `headwater` shows what there is."""
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


def test_settings_print_value_and_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each setting once, a secret never, with where it came from."""
    file = tmp_path / "other.toml"
    file.write_text('prefix = "team."\nkafka = "sasl.password=hunter2"\n')
    monkeypatch.setenv("HEADWATER_BROKERS", "kafka:9092")
    assert main(["--settings", str(file), "settings", "--json"]) == 0
    printed = capsys.readouterr().out
    rows = {row["name"]: row for row in json.loads(printed)}
    assert list(rows) == [setting.name for setting in documented()]
    assert (rows["brokers"]["value"], rows["brokers"]["origin"]) == ("kafka:9092", "environment")
    assert (rows["prefix"]["value"], rows["prefix"]["origin"]) == ("team.", str(file))
    assert rows["partitions"]["origin"] == "default"
    assert "hunter2" not in printed


def test_an_error_is_one_line_with_its_exit_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A settings file that is not there: no traceback, exit code 2."""
    assert main(["--settings", str(tmp_path / "none.toml"), "version"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("headwater: settings file ")
    assert error.count("\n") == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [("headwater vers", "version"), ("headwater topics cr", "create"), ("headwater settings --j", "--json")],
)
def test_bash_completes(capsys: pytest.CaptureFixture[str], line: str, expected: str) -> None:
    """The script, sourced by bash, completes commands, choices and options."""
    assert main(["completion", "bash"]) == 0
    words = line.split()
    script = (
        f"{capsys.readouterr().out}\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _headwater;"
        ' echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [expected]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """Each command stands in the script."""
    assert main(["completion", shell]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)
