"""What the figures were measured on."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path


def describe() -> str:
    """One line: date, processor, cores, memory, Python."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    today = dt.datetime.now(dt.UTC).date()
    load = os.getloadavg()[0]
    return (
        f"{today}, {cpu}, {os.cpu_count()} cores, {memory} GB, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}, load before: {load:.1f}"
    )
