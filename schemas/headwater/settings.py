"""Every setting of Headwater: this file is their documentation.

A setting is read, in this order, from an argument, from the environment (`HEADWATER_` and its name in capitals), from
the settings file (TOML, flat: `name = value`; its path is in `HEADWATER_SETTINGS`, else `headwater.toml` in the working
directory), else it has the default below. `headwater settings` prints each with its value and where it came from.
An unknown name in the file or in the environment is an error.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from headwater.errors import SettingsError

PREFIX = "HEADWATER_"
#: Environment variables that begin with the prefix and are no settings.
NOT_SETTINGS = frozenset(
    {"HEADWATER_SETTINGS", "HEADWATER_DISABLED", "HEADWATER_SEED", "HEADWATER_TEST_CACHE", "HEADWATER_TEST_BACKENDS"}
)


def _setting(default: Any, doc: str, *, secret: bool = False, at_least: float | None = None) -> Any:
    """A field of `Settings`; `doc` carries the unit, `secret` keeps the value out of every print."""
    return field(default=default, metadata={"doc": doc, "secret": secret, "at_least": at_least}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Build it with `load`, or by hand for tests."""

    brokers: str = _setting("127.0.0.1:9092", "Kafka brokers, host:port separated by commas.")
    prefix: str = _setting("", "Put before every topic, group and database name, so that environments share a cluster.")
    kafka: str = _setting("", "Further librdkafka settings, name=value separated by commas (TLS, SASL).", secret=True)
    registry_url: str = _setting("", "Schema Registry (Confluent's API). Empty: single objects and the schema topic.")
    registry_auth: str = _setting("", "user:password for the Schema Registry.", secret=True)
    store_url: str = _setting("http://127.0.0.1:8123", "ClickHouse over HTTP, where the history is kept. Empty: none.")
    store_user: str = _setting("default", "ClickHouse user.")
    store_password: str = _setting("", "ClickHouse password.", secret=True)
    database: str = _setting(
        "headwater", "ClickHouse database; the prefix is put before it, and each dot of the two is an underscore there."
    )
    store_cluster: str = _setting("", "ClickHouse cluster (in its servers' remote_servers). Empty: one server.")
    store_sharded: bool = _setting(False, "Whether that cluster has several shards, over which rows are spread.")
    partitions: int = _setting(12, "Partitions of each topic when it is created; never changed afterwards.", at_least=1)
    service: str = _setting("", "Name of the service that a producer runs in, told when it opens.")
    actor: str = _setting("", "Who acts, in every event of a producer: a service, a user, a team. Empty: not said.")
    purpose: str = _setting("", "For what purpose, in every event of a producer. Empty: not said.")
    digest_key: str = _setting(
        "",
        "Key of the digests of prediction keys, subjects and personal values; the services of a team share it. "
        "Empty: such values are left out and predictions get random keys.",
        secret=True,
    )
    queue_bytes: int = _setting(
        32 * 1024 * 1024,
        "Most that events of a producer, or on their way through the gateway, may take in memory, bytes.",
        at_least=2 * 1024 * 1024,
    )
    spool_dir: str = _setting(
        "",
        "Folder where events wait on disk while the broker is away, for one user's producers together. Empty: "
        "headwater/spool under XDG_STATE_HOME, else ~/.local/state (Windows: LOCALAPPDATA).",
    )
    spool_bytes: int = _setting(
        1024 * 1024 * 1024,
        "Most that this folder may take on disk, bytes. 0: no spool, events wait in memory.",
        at_least=0,
    )
    spool_sync_seconds: float = _setting(
        1.0,
        "How often what was spooled is forced to the disk (fsync), against loss of power, seconds. "
        "The death of a process loses nothing of it.",
        at_least=0,
    )
    exit_seconds: float = _setting(
        5.0, "Longest that a producer holds up the end of its process to send what is left, seconds.", at_least=0
    )
    alive_seconds: float = _setting(60.0, "How often a producer says that it is alive, seconds.", at_least=1)
    producer_metrics: str = _setting(
        "",
        "Which libraries are told a producer's numbers: opentelemetry, prometheus, both with a comma, or off. "
        "Empty: those that the service has imported.",
    )
    record_host: bool = _setting(False, "Whether a producer records the name of its host.")
    record_user: bool = _setting(False, "Whether a producer records the name of its user.")
    record_arguments: bool = _setting(
        False, "Whether runs record their process's command line (without what looks like a secret)."
    )
    stitching_young_seconds: float = _setting(
        300.0,
        "How long after its last event a run stays in a stitching worker's memory alone; then it goes to the state "
        "topic. What a worker reads again at start, seconds.",
        at_least=0,
    )
    stitching_memory_bytes: int = _setting(
        1024 * 1024 * 1024,
        "Most that runs may take in a stitching worker's memory, bytes; beyond it they count as young no longer.",
        at_least=65536,
    )
    stitching_folder: str = _setting(
        "",
        "Folder on a disk for the open runs that a stitching worker does not keep in memory, in files without a name. "
        "Empty: the system's folder for temporary files.",
    )
    stitching_lookback_seconds: float = _setting(
        86_400.0,
        "What a stitching worker reads again at start, before its committed offset, where the state topic has nothing "
        "of the partition, seconds.",
        at_least=0,
    )
    stitching_horizon_seconds: float = _setting(
        21_600.0, "How long a stitching worker remembers an ended run after its last event, seconds.", at_least=0
    )
    stitching_open_seconds: float = _setting(
        604_800.0,
        "How long a stitching worker remembers a run that never ends after its last event, seconds.",
        at_least=0,
    )
    rules: str = _setting("", "Rules file of detection (TOML); `headwater rules check` reads it. Empty: none.")
    metrics_port: int = _setting(
        0, "Port of a worker's /metrics, /live and /ready; 0: none. The embedded stack picks its own.", at_least=0
    )
    metrics_host: str = _setting("127.0.0.1", "Address of metrics_port; 0.0.0.0 where others must reach it.")
    gateway_host: str = _setting(
        "127.0.0.1", "Address that the gateway is opened on. Any but loopback needs gateway_keys."
    )
    gateway_port: int = _setting(
        5000, "Port of the gateway; OpenLineage's clients expect 5000. 0: a free one, which is printed.", at_least=0
    )
    gateway_keys: str = _setting(
        "", "File with the gateway's API keys, hashed. Empty: no key is needed, on loopback alone."
    )
    gateway_body_bytes: int = _setting(
        16 * 1024 * 1024, "Largest body of a request to the gateway, unpacked, bytes.", at_least=1024
    )
    gateway_seconds: float = _setting(
        30.0, "How long a request to the gateway may take to arrive, seconds.", at_least=0.1
    )
    openlineage_topics: str = _setting(
        "", "Topics, without the prefix, that OpenLineage's Kafka transports write to. Empty: no openlineage worker."
    )
    home: str = _setting("", "Folder of the embedded stack. Empty: headwater under XDG_DATA_HOME, else ~/.local/share.")

    @property
    def database_name(self) -> str:
        """The database that holds the history, prefix and all.

        Each dot is an underscore there: ClickHouse finds no parameterised view in a database with a dot in its name.
        """
        return (self.prefix + self.database).replace(".", "_")

    @property
    def openlineage_topic_names(self) -> tuple[str, ...]:
        """The topics that OpenLineage's clients write to, without the prefix."""
        return tuple(dict.fromkeys(name.strip() for name in self.openlineage_topics.split(",") if name.strip()))

    def __post_init__(self) -> None:
        for address, instead in (("registry_url", "registry_auth"), ("store_url", "store_user and store_password")):
            if "@" in urlsplit(str(getattr(self, address))).netloc:
                # The value is not shown: addresses are printed, and this one holds a secret.
                raise SettingsError(f"{address}: user and password belong in {instead}, not in the address")


_FIELDS: Mapping[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Settings)}


@dataclass(frozen=True)
class Documented:
    """One setting as `headwater settings` and the docs show it."""

    name: str
    variable: str
    default: str
    doc: str
    secret: bool


def documented() -> list[Documented]:
    """Every setting, in the order in which the class lists them."""
    return [
        Documented(f.name, PREFIX + f.name.upper(), str(f.default), f.metadata["doc"], f.metadata["secret"])
        for f in _FIELDS.values()
    ]


def load(environment: Mapping[str, str] | None = None, file: Path | None = None, **arguments: object) -> Settings:
    """Settings from arguments, environment and file.

    Raises SettingsError for an unknown name, a value of the wrong type or out of range, a file that is
    not there though named, or one that is not TOML.
    """
    return load_with_origin(environment, file, **arguments)[0]


def load_with_origin(
    environment: Mapping[str, str] | None = None, file: Path | None = None, **arguments: object
) -> tuple[Settings, dict[str, str]]:
    """As `load`, and for each setting where it came from: argument, environment, a file's path or default."""
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origin = dict.fromkeys(_FIELDS, "default")
    path, content = _read_file(environment, file)
    for name, raw in content.items():
        values[name] = _value(name, raw, f"{path}, {name}")
        origin[name] = str(path)
    for variable, raw in environment.items():
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and not variable.startswith("HEADWATER_RUN_"):
            name = variable.removeprefix(PREFIX).lower()
            values[name] = _value(name, raw, variable)
            origin[name] = "environment"
    for name, raw in arguments.items():
        if raw is not None:
            values[name] = _value(name, raw, name)
            origin[name] = "argument"
    return Settings(**values), origin


def _read_file(environment: Mapping[str, str], file: Path | None) -> tuple[Path, Mapping[str, object]]:
    named = file or (Path(environment["HEADWATER_SETTINGS"]) if environment.get("HEADWATER_SETTINGS") else None)
    path = named or Path("headwater.toml")
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if named is None:
            return path, {}
        raise SettingsError(f"settings file {path} does not exist; create it or unset HEADWATER_SETTINGS") from None
    except OSError as error:
        raise SettingsError(f"settings file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}") from None
    import tomllib  # noqa: PLC0415 — most services have no file, and a host waits for our imports

    try:
        return path, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}") from None


def _value(name: str, raw: object, where: str) -> object:
    known = _FIELDS.get(name)
    if known is None:
        import difflib  # noqa: PLC0415 — as above

        close = difflib.get_close_matches(name, _FIELDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; `headwater settings` lists all"
        raise SettingsError(f"{where}: there is no setting {name}{hint}")
    kind = cast("type[object]", type(known.default))
    try:
        value = _PARSERS[kind](raw)
    except ValueError:
        shown = "its value" if known.metadata["secret"] else repr(raw)
        raise SettingsError(f"{where}: {shown} is not a {_WORDS[kind]}") from None
    if (least := known.metadata["at_least"]) is not None and cast("float", value) < least:
        raise SettingsError(f"{where}: {value} is below the least value, {least}")
    return value


def _boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return words[str(raw).strip().lower()]
    except KeyError:
        raise ValueError from None


def _integer(raw: object) -> int:
    if isinstance(raw, bool | float):
        raise ValueError  # noqa: TRY004 — the caller turns it into one message for all kinds
    return int(str(raw).replace("_", ""))


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError  # noqa: TRY004 — the caller turns it into one message for all kinds
    return raw


def _number(raw: object) -> float:
    value = float(str(raw))
    if not math.isfinite(value):
        raise ValueError
    return value


_PARSERS: Mapping[type[Any], Callable[[object], object]] = {
    str: _text,
    int: _integer,
    bool: _boolean,
    float: _number,
}
_WORDS: Mapping[type[object], str] = {str: "text", int: "whole number", bool: "yes or no", float: "number"}
