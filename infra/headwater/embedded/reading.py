"""The history of a home for a reader, whether its stack is up or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.embedded.home import hold, open_home
from headwater.embedded.processes import Guardian
from headwater.embedded.store.process import StoreProcess
from headwater.errors import StateError
from headwater.settings import Settings


@contextmanager
def reading(home: Path, settings: Settings) -> Generator[Settings]:
    """Settings for reading the history in that folder.

    Where its stack is up they name its store; else the store alone is started, and stopped at the end.
    Raises StateError where the folder holds no history, or another process uses it just now.
    """
    if not (home / "store").is_dir():
        raise StateError(f"{home} holds no history: `headwater up --home {home}` starts one")
    opened = open_home(home)
    read = dataclasses.replace(settings, home=str(home), store_user="default", store_password="")
    with ExitStack() as resources:
        try:
            resources.enter_context(hold(opened, "stack"))
        except StateError:
            up = opened.state("stack")
            if up is None:
                raise
            url = str(up["store_url"])
        else:
            guardian = Guardian()
            resources.callback(guardian.close)
            store = StoreProcess(opened, guardian)
            resources.callback(store.stop)
            store.start()
            url = store.url
        yield dataclasses.replace(read, store_url=url)
