"""Which schema an alert was written with: a released one, else from the schema topic or the registry."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any, cast

from headwater.alerts.kafka import read_to_end
from headwater.errors import ContractError, InvalidMessage, SettingsError, Unavailable
from headwater.schemas import framing, plain, reasons, records
from headwater.schemas.records import Schema
from headwater.schemas.topics import SCHEMAS
from headwater.settings import Settings

_SECONDS = 5.0


class Decoder:
    """Decodes alerts; asks for a schema that it does not know once for each message that needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_fingerprint: dict[int, Schema] = {s.fingerprint: s for s in records.released("alert")}
        self._by_registry_id: dict[int, Schema] = {}

    def decode(self, message: bytes | None) -> dict[str, Any]:
        """One message as a dict in the current shape.

        Raises InvalidMessage where it cannot be read, Unavailable where its schema cannot be asked for now.
        """
        header = framing.read_header(message)
        assert message is not None  # noqa: S101  # read_header refuses a message without a value
        schema = self._schema(header)
        return plain.decode(schema, message[header.length :], records.current("alert"))

    def _schema(self, header: framing.Header) -> Schema:
        if header.fingerprint is not None:
            if header.fingerprint not in self._by_fingerprint:
                self._read_topic()
            found = self._by_fingerprint.get(header.fingerprint)
        else:
            found = self._of_registry(cast("int", header.registry_id))
        if found is None:
            raise InvalidMessage(reasons.UNKNOWN_SCHEMA, f"{header}")
        if found.name != records.current("alert").name:
            raise InvalidMessage(reasons.WRONG_RECORD, f"a {found.name} stands on the topic of alerts")
        return found

    def _read_topic(self) -> None:
        for value in read_to_end(self._settings, SCHEMAS.full_name(self._settings), _SECONDS):
            try:
                schema = records.parse(value.decode())
            except (ContractError, UnicodeDecodeError):
                continue  # not ours to judge: whoever needs that schema will miss it
            self._by_fingerprint[schema.fingerprint] = schema

    def _of_registry(self, registry_id: int) -> Schema | None:
        if registry_id not in self._by_registry_id and self._settings.registry_url:
            text = _ask(self._settings, registry_id)
            if text is not None:
                self._by_registry_id[registry_id] = records.parse(text)
        return self._by_registry_id.get(registry_id)


def _ask(settings: Settings, registry_id: int) -> str | None:
    url = f"{settings.registry_url.rstrip('/')}/schemas/ids/{registry_id}"
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"registry_url: {settings.registry_url!r} is no address such as http://127.0.0.1:8081")
    request = urllib.request.Request(url)  # noqa: S310  # only http and https, checked above
    if settings.registry_auth:
        request.add_header("Authorization", "Basic " + base64.b64encode(settings.registry_auth.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # as above
            return cast("str", json.loads(answer.read())["schema"])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise Unavailable(f"registry {settings.registry_url} answers {error.code}") from None
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(f"registry {settings.registry_url} does not answer: {error}") from None
