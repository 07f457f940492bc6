"""Events as real clients sent them in the proofs of `tests/infra/gateway`, one client a file, cut to what matters.

Ids, times and folders are as they were; stack traces and repeated facets are shortened.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tests.consumers.openlineage.samples import Event

_FOLDER = Path(__file__).parent / "recorded"


@cache
def recorded(client: str) -> tuple[Event, ...]:
    """The events of one client, in their order."""
    return tuple(json.loads(line) for line in (_FOLDER / f"{client}.ndjson").read_text("utf-8").splitlines())


def all_recorded() -> tuple[Event, ...]:
    """The events of all clients."""
    return tuple(event for file in sorted(_FOLDER.glob("*.ndjson")) for event in recorded(file.stem))
