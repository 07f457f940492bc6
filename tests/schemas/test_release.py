"""Released files stay as they are; new ones are listed only where they may follow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import ContractError
from headwater.schemas import records, release


def test_released_files_are_unchanged() -> None:
    """The list and the files agree. If not: put a changed file back, or list a new one with
    `python -m headwater.schemas.release`."""
    assert release.changed() == ()
    assert release.problems() == ()
    assert records.listed() == release.found()


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the contract's files, and the code that looks there."""
    folder = tmp_path / "avsc"
    shutil.copytree(records.FOLDER, folder)
    monkeypatch.setattr(records, "FOLDER", folder)
    monkeypatch.setattr(records, "LIST", folder / "released.json")
    records.released.cache_clear()
    yield folder
    monkeypatch.undo()
    records.released.cache_clear()


def _add(folder: Path, record: str, version: int, **new: object) -> Path:
    """The record's first version with one field more, as another version."""
    definition = json.loads((folder / record / "v1.avsc").read_text("utf-8"))
    definition["fields"].append({"name": "new", "doc": "New.", **new})
    path = folder / record / f"v{version}.avsc"
    path.write_text(json.dumps(definition), "utf-8")
    records.released.cache_clear()
    return path


def test_a_new_version_is_listed(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A compatible version is checked, added to the list and said; the others stay as they were."""
    before = records.listed()
    _add(contract, "alert", 2, type=["null", "string"], default=None)
    assert release.main([]) == 0
    assert capsys.readouterr().out.startswith("released alert version 2, fingerprint ")
    after = records.listed()
    assert after["alert"][:1] == before["alert"]
    assert [one.version for one in after["alert"]] == [1, 2]
    assert {record: versions for record, versions in after.items() if record != "alert"} == {
        record: versions for record, versions in before.items() if record != "alert"
    }
    assert len(records.released("alert")) == 2


def test_an_incompatible_version_is_refused(contract: Path) -> None:
    """What some released version cannot read is not listed, and the error says which and why."""
    _add(contract, "alert", 2, type="string")
    with pytest.raises(ContractError, match=r"alert: cannot read version 1: headwater\.Alert\.new"):
        release.main([])
    assert [one.version for one in records.listed()["alert"]] == [1]


def test_every_released_version_counts(contract: Path) -> None:
    """A third version is held against the first and the second."""
    _add(contract, "alert", 2, type=["null", "string"], default=None)
    release.main([])
    _add(contract, "alert", 3, type=["null", "long"], default=None)
    with pytest.raises(ContractError, match="cannot read version 2"):
        release.main([])


def test_a_changed_file_is_refused(contract: Path) -> None:
    """A released file that differs by one byte is named, also where the schema means the same."""
    path = contract / "alert" / "v1.avsc"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert release.changed() == ("alert/v1.avsc was changed after its release; put it back and add a new version",)
    with pytest.raises(ContractError, match="was changed after its release"):
        release.main([])


def test_before_the_first_release_a_version_is_listed_again(contract: Path) -> None:
    """As long as no release of Headwater carries it, `--again` takes a record's newest file as it now is."""
    path = contract / "alert" / "v1.avsc"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    records.released.cache_clear()
    assert release.main(["--again", "alert"]) == 0
    assert release.changed() == ()
