"""The stack's gateway: its port, its process."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Mapping

from headwater.embedded.home import Home
from headwater.embedded.processes import Child, Guardian, free_port
from headwater.settings import PREFIX


def port_for(wanted: int) -> int:
    """The port that is wanted where nothing listens there, else a free one."""
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return wanted or free_port()
    return free_port()


def start_gateway(home: Home, guardian: Guardian, environment: Mapping[str, str], port: int) -> Child:
    """Start it. What waits for the broker stands in the home folder, as all of the stack does."""
    command = [sys.executable, "-m", "headwater.cli", "gateway", "--port", str(port)]
    own = {f"{PREFIX}SPOOL_DIR": str(home.path / "gateway-spool"), f"{PREFIX}GATEWAY_HOST": "127.0.0.1"}
    child = Child("gateway", command, home.logs / "gateway.log", guardian, {**environment, **own})
    child.start()
    return child
