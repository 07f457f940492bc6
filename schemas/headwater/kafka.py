"""The setting `kafka` as librdkafka wants it."""

from __future__ import annotations

import re

from headwater.errors import SettingsError
from headwater.settings import Settings

# A comma may stand in a value (a list of brokers, a JAAS line): the next setting begins where a name and = follow one.
_NEXT = re.compile(r",(?=\s*[a-z][a-z0-9_.]*\s*=)")


def kafka_options(settings: Settings) -> dict[str, str]:
    """Further librdkafka settings by name. Raises SettingsError where a part is not name=value."""
    options: dict[str, str] = {}
    for pair in filter(None, _NEXT.split(settings.kafka)):
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError("kafka: must be name=value, separated by commas")
        options[name.strip()] = value.strip()
    return options
