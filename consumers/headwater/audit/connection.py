"""A client for the history."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from urllib.parse import urlsplit

from headwater.audit import verdicts
from headwater.audit.store import Client
from headwater.errors import MissingExtra, SettingsError, StateError, Unavailable
from headwater.settings import Settings

_UNKNOWN_DATABASE = "Code: 81"
#: What the system said, deep in what the HTTP library says.
_SYSTEM = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
# Its errors are raised, and told by whoever asked; without a handler Python prints what it logs too.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


def connect(settings: Settings, *, database: bool = True, seconds: int = 300) -> Client:
    """A client of the store. `database=False`: of no database, for migrations that make it. `seconds`: how long it
    waits for an answer.

    Times come back with their offset (UTC). Raises MissingExtra without clickhouse-connect, SettingsError
    for an address that is none, Unavailable where nothing answers, StateError where there is no history yet.
    """
    try:
        clickhouse_connect = import_module("clickhouse_connect")
        exceptions = import_module("clickhouse_connect.driver.exceptions")
    except ModuleNotFoundError:
        raise MissingExtra("audit", "clickhouse-connect") from None
    verdicts.keep()
    url = urlsplit(settings.store_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SettingsError(f"store_url: {settings.store_url!r} is no address such as http://127.0.0.1:8123")
    name = settings.database_name
    try:
        client: Client = clickhouse_connect.get_client(
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            interface=url.scheme,
            username=settings.store_user,
            password=settings.store_password,
            database=name if database else None,
            send_receive_timeout=seconds,
            autogenerate_session_id=False,
            # Of a table over several shards, what a query joins or looks up in is asked of all of them.
            settings={"distributed_product_mode": "global"} if settings.store_sharded else None,
            tz_mode="aware",
            # Parameters go in the body: lists of keys are longer than an address may be.
            form_encode_query_params=True,
        )
    except exceptions.Error as error:
        if _UNKNOWN_DATABASE in str(error):
            raise StateError(
                f"there is no history {name} at {settings.store_url}; `headwater migrate up` makes it"
            ) from None
        raise Unavailable(
            f"the store at {settings.store_url} does not answer: {_reason(error)}; `headwater up` starts one on this "
            "machine, the setting store_url names another, --home DIR asks what a stopped one keeps there"
        ) from None
    return client


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if found := _SYSTEM.search(text):
        return found[1]
    return text.splitlines()[0][:300]
