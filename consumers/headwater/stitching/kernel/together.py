"""Compiling the kernel's functions: as the codec's, but noticing a change of any file of this folder.

Numba notices only a change of a function's own file, and the kernel is one piece in several.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

Function = TypeVar("Function", bound=Callable[..., Any])


def stamp() -> tuple[float, int]:
    """When a file of this folder last changed, and how long they all are."""
    files = [path.stat() for path in Path(__file__).parent.glob("*.py")]
    return max(file.st_mtime for file in files), sum(file.st_size for file in files)


def together(function: Function) -> Function:
    """The function, compiled; its copy on disk is used while no file of this folder changes."""
    made = cast("Any", compiled(function))
    cache = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if cache is not None:
        cache._source_stamp = stamp()  # noqa: SLF001 — Numba's own, a test holds it
    return cast("Function", made)
