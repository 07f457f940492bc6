"""The Schema Registry, by Confluent's API. Needs the extra [registry]; imported at first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

from headwater.errors import ContractError, MissingExtra, SettingsError, Unavailable
from headwater.schemas.records import Schema, parse
from headwater.schemas.topics import Topic
from headwater.settings import Settings

#: What every subject is held to: each version reads what each other wrote.
COMPATIBILITY = "FULL_TRANSITIVE"
#: Answers that say of a schema that it is refused (409: incompatible, 422: no schema) or not there (404).
_REFUSED = (409, 422)
_ABSENT = 404
_FORBIDDEN = (401, 403)

Answer = TypeVar("Answer")


class Registry:
    """One registry; close it, or use it as a context manager. Threads may share it.

    `timeout`: seconds that a call may take, over all of its attempts.
    """

    def __init__(self, url: str, auth: str = "", timeout: float = 5.0) -> None:
        """Connects at the first call. `auth`: user:password. Raises MissingExtra, SettingsError."""
        try:
            self._module: Any = import_module("confluent_kafka.schema_registry")
        except ImportError as error:
            raise MissingExtra("registry", "confluent_kafka.schema_registry") from error
        self.url = url
        configuration: dict[str, object] = {
            "url": url,
            "timeout": timeout / 2,
            "max.retries": 1,
            "retries.wait.ms": 50,
            "retries.max.wait.ms": 200,
        }
        if auth:
            configuration["basic.auth.user.info"] = auth
        try:
            self._client: Any = self._module.SchemaRegistryClient(configuration)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"registry_url {url!r}, or registry_auth: {error}") from error

    @staticmethod
    def of(settings: Settings) -> Registry | None:
        """The registry that the settings name; None where they name none."""
        return Registry(settings.registry_url, settings.registry_auth) if settings.registry_url else None

    def close(self) -> None:
        """Close its connections; it is of no use afterwards."""
        self._client.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, topic: Topic, schema: Schema, settings: Settings) -> int:
        """The id of a topic's schema, registered where it is not yet, under TopicNameStrategy.

        The subject is held to FULL_TRANSITIVE first. Raises Unavailable, and ContractError where the registry
        refuses the schema.
        """
        subject = subject_of(topic, settings)
        self._call(f"set the compatibility of {subject}", self._client.set_compatibility, subject, COMPATIBILITY)
        given = self._module.Schema(schema.text, "AVRO")
        return cast("int", self._call(f"register {subject}", self._client.register_schema, subject, given))

    def schema(self, registry_id: int) -> Schema | None:
        """The schema of that id; None where the registry has none.

        Raises Unavailable, and ContractError where what it has is no record schema of Avro.
        """
        try:
            found: Any = self._call(f"read schema {registry_id}", self._client.get_schema, registry_id)
        except _Absent:
            return None
        if found.schema_type != "AVRO" or not found.schema_str:
            raise ContractError(f"schema {registry_id} of {self.url} is {found.schema_type}, not Avro")
        if found.references:
            raise ContractError(f"schema {registry_id} of {self.url} refers to other schemas: it must stand alone")
        return parse(cast("str", found.schema_str))

    def compatible(self, topic: Topic, schema: Schema, settings: Settings) -> bool:
        """Whether the registry would take a schema for a topic beside all that it has. Raises Unavailable."""
        subject = subject_of(topic, settings)
        given = self._module.Schema(schema.text, "AVRO")
        tested = self._call(f"test {subject}", self._client.test_compatibility_all_versions, subject, given)
        return bool(tested)

    def _call(self, what: str, function: Callable[..., Answer], *arguments: object) -> Answer:
        try:
            return function(*arguments)
        except self._module.SchemaRegistryError as error:
            status = int(error.http_status_code)
            if status == _ABSENT:
                raise _Absent(f"the registry at {self.url} has no such thing: cannot {what}") from error
            if status in _REFUSED:
                raise ContractError(f"the registry at {self.url} refuses to {what}: {error.error_message}") from error
            hint = "; check registry_auth" if status in _FORBIDDEN else ""
            raise Unavailable(f"the registry at {self.url} cannot {what}: HTTP {status}{hint}") from error
        except Exception as error:  # the client lets through what its HTTP library raises
            raise Unavailable(f"the registry at {self.url} does not answer, cannot {what}: {error}") from error


class _Absent(ContractError):
    """The registry answers that it does not have what was asked for."""


def subject_of(topic: Topic, settings: Settings) -> str:
    """The subject of a topic's values, by Confluent's TopicNameStrategy."""
    return f"{topic.full_name(settings)}-value"
