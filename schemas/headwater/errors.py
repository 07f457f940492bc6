"""The errors that Headwater raises on purpose.

    HeadwaterError
    ├── SettingsError        a setting is missing, misspelt or out of range
    ├── MissingExtra         an optional part is not installed
    ├── Unavailable          a broker, registry or store does not answer
    ├── ContractError        a schema is unknown, damaged or changed in a forbidden way
    │   └── InvalidMessage   a message cannot be read; `reason` is a dead letter's reason
    ├── StateError           a folder, a topic or a store is not as this version needs it
    └── NotFound             what was asked about is not in the history

Each says what is wrong, where, and what to do; commands print it as one line.
"""

from __future__ import annotations


class HeadwaterError(Exception):
    """Base of all errors that Headwater raises on purpose."""

    #: Exit code of a command that ends with this error (documented in infra/README.md).
    exit_code = 1


class SettingsError(HeadwaterError):
    """A setting is missing, misspelt or out of range."""

    exit_code = 2


class MissingExtra(HeadwaterError):
    """An optional part is not installed; the message holds the command that installs it."""

    exit_code = 3

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"{module} is not installed, it comes with the extra [{extra}]: "
            f"in the clone of Headwater run  pip install -c infra/constraints.txt '.[{extra}]'"
        )
        self.extra = extra
        self.module = module


class Unavailable(HeadwaterError):
    """A broker, registry or store does not answer."""

    exit_code = 4


class ContractError(HeadwaterError):
    """A schema is unknown, damaged or changed in a way that the contract forbids."""

    exit_code = 5


class InvalidMessage(ContractError):
    """A message cannot be read.

    `reason` is one word of `headwater.schemas.reasons.REASONS`; `detail` says what exactly, and where.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StateError(HeadwaterError):
    """A folder, a topic or a store is not in the state that this version needs."""

    exit_code = 6


class NotFound(HeadwaterError):
    """What was asked about is not in the history; the message names what comes near."""

    exit_code = 7
