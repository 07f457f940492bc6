"""The embedded stack's store server, as a process of its own in a temporary home."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar


class EmbeddedStore:
    """Placeholder until the product's store server is in the tree: says so when it is asked for."""

    kind: ClassVar[str] = "embedded"
    user = "headwater"

    def __init__(self, folder: Path) -> None:
        raise RuntimeError(f"headwater.embedded.store: {importlib.util.find_spec('headwater.embedded')}")
