"""The setting `kafka` as librdkafka wants it, and the logger that keeps librdkafka from writing to stderr."""

from __future__ import annotations

import logging
import re

from headwater.errors import SettingsError
from headwater.settings import Settings

# A comma may stand in a value (a list of brokers, a JAAS line): the next setting begins where a name and = follow one.
_NEXT = re.compile(r",(?=\s*[a-z][a-z0-9_.]*\s*=)")


def silent_logger(package: str) -> logging.Logger:
    """The logger to hand to a client of confluent-kafka, `headwater.<package>.librdkafka`; it says nothing.

    librdkafka repeats itself at every attempt to connect; what matters its caller raises, or tells once.
    """
    logger = logging.getLogger(f"headwater.{package}.librdkafka")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
    return logger


def kafka_options(settings: Settings) -> dict[str, str]:
    """Further librdkafka settings by name. Raises SettingsError where a part is not name=value."""
    options: dict[str, str] = {}
    for pair in filter(None, _NEXT.split(settings.kafka)):
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError("kafka: must be name=value, separated by commas")
        options[name.strip()] = value.strip()
    return options
