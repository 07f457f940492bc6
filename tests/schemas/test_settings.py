"""Settings: where each comes from, and that a wrong one is told at once, by its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.errors import SettingsError
from headwater.settings import Settings, documented, load, load_with_origin


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["registry_url", "store_url"])
def test_an_address_holds_no_password(name: str) -> None:
    """It is printed in places; the message names the setting that takes it, and does not show it."""
    with pytest.raises(SettingsError, match=f"^{name}: user and password belong in ") as refused:
        load(None, None, **{name: "https://ann:hunter2@host:8443/path"})
    assert "hunter2" not in str(refused.value)
    assert getattr(load(None, None, **{name: "https://host:8443/a@b"}), name) == "https://host:8443/a@b"


def test_argument_before_environment_before_file_before_default(tmp_path: Path) -> None:
    """Each setting is taken from the first place that has it, and the place is told."""
    file = tmp_path / "own.toml"
    file.write_text('brokers = "file:9092"\nprefix = "file."\npartitions = 3\n', "utf-8")
    environment = {"HEADWATER_SETTINGS": str(file), "HEADWATER_BROKERS": "environment:9092", "HEADWATER_PREFIX": "env."}
    settings, origin = load_with_origin(environment, brokers="argument:9092", prefix=None)
    assert (settings.brokers, settings.prefix, settings.partitions) == ("argument:9092", "env.", 3)
    assert settings.database == "headwater"
    assert [origin[name] for name in ("brokers", "prefix", "partitions", "database")] == [
        "argument", "environment", str(file), "default",
    ]  # fmt: skip
    assert origin.keys() == {one.name for one in documented()}


def test_the_file_of_the_working_directory() -> None:
    """headwater.toml is read where it is there, and not missed where it is not."""
    assert load({}).partitions == 12
    Path("headwater.toml").write_text("partitions = 5", "utf-8")
    assert load({}).partitions == 5
    assert load({"HEADWATER_SETTINGS": ""}).partitions == 5


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HEADWATER_BROKER": "x"}, "HEADWATER_BROKER: there is no setting broker; did you mean brokers?"),
        ({"HEADWATER_XYZZY": "x"}, "there is no setting xyzzy; `headwater settings` lists all"),
        ({"HEADWATER_PARTITIONS": "many"}, "HEADWATER_PARTITIONS: 'many' is not a whole number"),
        ({"HEADWATER_PARTITIONS": "0"}, "HEADWATER_PARTITIONS: 0 is below the least value, 1"),
        ({"HEADWATER_RECORD_HOST": "maybe"}, "'maybe' is not a yes or no"),
        ({"HEADWATER_EXIT_SECONDS": "nan"}, "'nan' is not a number"),
        ({"HEADWATER_EXIT_SECONDS": "inf"}, "'inf' is not a number"),
        ({"HEADWATER_SETTINGS": "nowhere.toml"}, "settings file nowhere.toml does not exist"),
        ({"HEADWATER_SETTINGS": "."}, "cannot be read"),
    ],
)
def test_wrong_ones_are_told(environment: dict[str, str], said: str) -> None:
    """An unknown name, a value of the wrong type or out of range, a file that is not there: one clear line."""
    with pytest.raises(SettingsError, match=re.escape(said)):
        load(environment)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"brokers = ", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"prefix = 3", "headwater.toml, prefix: 3 is not a text"),
        (b"partitions = 1.5", "partitions: 1.5 is not a whole number"),
        (b"partitions = true", "partitions: True is not a whole number"),
        (b"[kafka]\nbrokers = 'x'", "kafka"),
    ],
)
def test_wrong_files_are_told(content: bytes, said: str) -> None:
    """What is wrong with a file is told with its name and the setting's."""
    Path("headwater.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(said)):
        load({})


def test_what_is_no_setting_is_left_alone() -> None:
    """Variables that steer the tests or tell a run its parent are no settings; others' are none of ours."""
    environment = {"HEADWATER_SEED": "7", "HEADWATER_RUN_ID": "x", "HEADWATER_DISABLED": "1", "HEADWATERS": "x"}
    assert load(environment) == Settings()


def test_yes_and_no() -> None:
    """Yes and no are said in the usual words."""
    for word, meant in (("1", True), ("True", True), (" yes ", True), ("on", True), ("0", False), ("OFF", False)):
        assert load({"HEADWATER_RECORD_HOST": word}).record_host is meant


def test_every_setting_is_documented() -> None:
    """Each has a sentence, and a variable by which it is set; the table is the class."""
    table = documented()
    assert [one.name for one in table] == list(Settings.__dataclass_fields__)
    for one in table:
        assert one.doc.endswith("."), one.name
        assert one.variable == f"HEADWATER_{one.name.upper()}"
        assert load({one.variable: one.default or ""}) == Settings(), one.name


def test_secrets_are_not_shown() -> None:
    """No print of the settings holds a secret, and no error about one does."""
    secrets = [one.name for one in documented() if one.secret]
    assert {"store_password", "registry_auth"} <= set(secrets)
    for name in secrets:
        assert "hunter2" not in repr(load({f"HEADWATER_{name.upper()}": "hunter2"}))
        Path("headwater.toml").write_text(f'{name} = ["hunter2"]', "utf-8")
        with pytest.raises(SettingsError) as refused:
            load({})
        Path("headwater.toml").unlink()
        assert "hunter2" not in str(refused.value)
