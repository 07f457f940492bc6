"""Which kind of version a thing has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from headwater.producer.versions.files import content, file, folder
from headwater.producer.versions.said import NoVersion, Said, quiet
from headwater.producer.versions.stores import delta, iceberg, lance, stored

_BYTES: Final = (bytes, bytearray, memoryview)
_PATHS: Final = (str, os.PathLike)


@quiet
def of(thing: Any, /) -> Said:
    """The version of a table, an object or a path, by what it is: see the function of each kind.

    A PyIceberg Table or scan, a DeltaTable, a Lance dataset; what an object store answered; a path of a file or
    folder (its digest, also where git keeps it); bytes. Raises nothing, says nothing of what it does not know.
    """
    if isinstance(thing, _BYTES):
        return content(cast("bytes", thing))
    if isinstance(thing, _PATHS):
        path = Path(cast("str", thing))
        return folder(path) if path.is_dir() else file(path)
    if isinstance(thing, Mapping):
        return stored(cast("Any", thing))
    module = type(thing).__module__.partition(".")[0]
    if module == "pyiceberg" or callable(getattr(thing, "current_snapshot", None)):
        return iceberg(thing)
    if module == "deltalake" or callable(getattr(thing, "version", None)):
        return delta(thing)
    if module in {"lance", "lancedb"}:
        return lance(thing)
    if any(hasattr(thing, name) for name in ("version_id", "generation", "e_tag", "etag")):
        return stored(thing)
    raise NoVersion("no store that is known here made it")
