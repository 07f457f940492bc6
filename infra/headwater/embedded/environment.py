"""The environment of the stack's processes: their settings are the stack's, wherever those came from."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, cast

from headwater.settings import PREFIX, Settings

#: Settings that reach other brokers and stores, or say where this one is: the stack decides them.
_DECIDED = frozenset({"brokers", "kafka", "registry_url", "registry_auth", "store_url", "store_user", "store_password"})


def environment_of(settings: Settings, **others: object) -> dict[str, str]:
    """This process's environment with exactly these settings, and others instead of those of their names."""
    settings = dataclasses.replace(settings, **cast("dict[str, Any]", others))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    for one in dataclasses.fields(settings):
        value = getattr(settings, one.name)
        if value != one.default or one.name in _DECIDED:
            environment[PREFIX + one.name.upper()] = str(value)
    return {**environment, "HEADWATER_SETTINGS": os.devnull}
