"""`python -m headwater.embedded.store --home DIR --port N`: the store's process."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import logging
import os
import signal
import sys
import time
from pathlib import Path

from headwater.embedded.home import Home, hold, open_home
from headwater.errors import HeadwaterError, MissingExtra, StateError

#: How long running requests may go on after SIGTERM, in seconds.
DRAIN_SECONDS = 20.0


def main() -> int:
    """Serve until SIGTERM or SIGINT; exit code of the error that ended it, else 0."""
    parser = argparse.ArgumentParser(prog="python -m headwater.embedded.store", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the stack's folder")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0: a free one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    os.umask(0o077)
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        home = open_home(arguments.home.absolute())
        with hold(home, "store"):
            asyncio.run(serve(home, arguments.port))
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)  # noqa: T201 — a command's one line
        return error.exit_code
    return 0


async def serve(home: Home, port: int) -> None:
    """Serve the home's store on 127.0.0.1 until SIGTERM or SIGINT.

    Raises StateError: the port is taken, the folder is damaged. MissingExtra: the engine is not installed.
    """
    try:
        from aiohttp import web  # noqa: PLC0415 — its absence is one line, not a traceback
    except ImportError as error:
        raise MissingExtra("embedded", "aiohttp") from error
    from headwater.embedded.store.engine import Engine  # noqa: PLC0415 — needs aiohttp
    from headwater.embedded.store.execute import Executor  # noqa: PLC0415 — needs aiohttp
    from headwater.embedded.store.server import Server  # noqa: PLC0415 — needs aiohttp

    engine = Engine(home.data, home.spool)
    executor = Executor(engine)
    server = Server(executor, engine.version, home.writer_password())
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        shutdown_timeout=DRAIN_SECONDS,
        max_line_size=1024 * 1024,  # as ClickHouse's http_max_uri_size: parameters stand in the address
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise StateError(f"port {port} on 127.0.0.1 is taken: stop what listens there or choose another") from error
        bound = runner.addresses[0][1]
        # After a failure of a thread the process goes on; after a failure here it ends.
        home.write_state("store", {"pid": os.getpid(), "port": bound, "version": engine.version})
        logging.getLogger(__name__).info(
            "store on http://127.0.0.1:%d, engine %s, folder %s", bound, engine.version, home.data
        )
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
    finally:
        await runner.cleanup()
        server.stop()
        executor.close()
        gc.collect()  # the engine shuts down with its last connection
        engine.close()
        home.forget_state("store")


if __name__ == "__main__":
    sys.exit(main())
