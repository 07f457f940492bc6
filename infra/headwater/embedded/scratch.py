"""A history of its own for as long as it is needed: an empty, migrated store in a temporary folder."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.audit import connect
from headwater.embedded.home import open_home
from headwater.embedded.processes import Guardian
from headwater.embedded.store.process import StoreProcess
from headwater.migrations import migrate
from headwater.settings import Settings


@contextmanager
def scratch(settings: Settings, folder: Path | None = None) -> Generator[Settings]:
    """Settings of such a history, for its writer. `folder`: where the temporary one is made; None: the system's.

    Whatever ends the caller ends its store; the folder goes with it, unless the caller is killed.
    """
    with ExitStack() as resources:
        made = resources.enter_context(tempfile.TemporaryDirectory(prefix="headwater-", dir=folder))
        home = open_home(Path(made))
        guardian = Guardian()
        resources.callback(guardian.close)
        store = StoreProcess(home, guardian)
        resources.callback(store.stop)
        store.start()
        own = dataclasses.replace(
            settings, store_url=store.url, store_user=store.user, store_password=store.password, home=made, prefix=""
        )
        client = connect(own, database=False)
        try:
            migrate(client, own)
        finally:
            client.close()
        yield own
