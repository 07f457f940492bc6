"""What a worker's process keeps of the memory that a chunk needed."""

from __future__ import annotations

import gc
import json
import platform
import subprocess
import sys

import pytest

from headwater.streams import memory

#: Makes and leaves what a chunk does, again and again; page faults of the second half, before and behind the setting.
_CHUNKS = """
import json, resource, threading
import numpy as np
from headwater.streams import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        some = [np.ones(3 << 20, np.uint8) for _ in range(4)]
        del some
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

alone = np.ones(64 << 20, np.uint8)
del alone  # glibc's own threshold is as high as it goes now
usual = faults()
taken = memory.keep()
faults()
print(json.dumps([taken, usual, faults()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such settings")
def test_memory_of_a_chunk_is_kept_for_the_next() -> None:
    """12 MB are made and left twenty times: with glibc's defaults each time new pages, then nearly none."""
    done = subprocess.run([sys.executable, "-c", _CHUNKS], capture_output=True, text=True, check=True)
    taken, usual, kept = json.loads(done.stdout)
    assert taken
    assert kept < usual / 10


def test_another_allocator_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no glibc nothing is set, and nothing raised."""

    def absent() -> None:
        raise AttributeError("mallopt")

    monkeypatch.setattr(memory, "_mallopt", absent)
    before = gc.get_threshold()
    try:
        assert not memory.keep()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
