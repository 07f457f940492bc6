"""The stack's gateway: its port, its process."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Mapping

from headwater.embedded.home import Home
from headwater.embedded.processes import Child, Guardian, free_port, taken
from headwater.errors import Unavailable
from headwater.settings import PREFIX

START_SECONDS = 60.0


def port_for(wanted: int) -> int:
    """The port that is wanted where nothing listens there, else a free one."""
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return wanted or free_port()
    return free_port()


def start_gateway(home: Home, guardian: Guardian, environment: Mapping[str, str], port: int) -> Child:
    """Start it and wait until it listens: its address is told next, and whoever reads that sends at once.

    What waits for the broker stands in the home folder, as all of the stack does. Raises Unavailable with the
    gateway's own line where it ended, or where it does not listen within START_SECONDS.
    """
    command = [sys.executable, "-m", "headwater.cli", "gateway", "--port", str(port)]
    own = {f"{PREFIX}SPOOL_DIR": str(home.path / "gateway-spool"), f"{PREFIX}GATEWAY_HOST": "127.0.0.1"}
    child = Child("gateway", command, home.logs / "gateway.log", guardian, {**environment, **own})
    child.start()
    try:
        child.wait_ready(lambda: taken(port), START_SECONDS)
    except Unavailable:
        child.kill()
        raise
    return child
