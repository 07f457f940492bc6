"""The versions that table formats and object stores give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from headwater.producer.versions.said import NoVersion, Said, quiet, stored_as

#: Names of an object's version, in the order in which they are believed: S3 (boto3, s3fs, HTTP), Azure, Google Cloud
#: Storage, obstore. Letters alone count: VersionId, version_id and x-amz-version-id differ only in the store's style.
_VERSIONS: Final = ("versionid", "xamzversionid", "xmsversionid", "generation", "xgooggeneration", "version")
_TAGS: Final = ("etag",)
_SIZES: Final = ("contentlength", "size", "filesize")
#: Of S3 while versions are not kept: not a version.
_NO_VERSIONS: Final = {"", "null", "None"}


@quiet
def iceberg(table: Any, /, *, snapshot_id: int | None = None) -> Said:
    """The snapshot of a PyIceberg Table, as it was loaded or last written by it, or of a scan, as it reads.

    `snapshot_id`: the one that was read, where it is another.
    """
    if snapshot_id is not None:
        return stored_as(snapshot_id)
    snapshot: Any = table.snapshot() if hasattr(table, "snapshot") else table.current_snapshot()
    if snapshot is None:
        raise NoVersion("the table has no snapshot yet")
    return stored_as(snapshot.snapshot_id)


@quiet
def delta(table: Any, /) -> Said:
    """The version of a deltalake DeltaTable, as it was loaded or last written by it."""
    return stored_as(table.version())


@quiet
def lance(dataset: Any, /) -> Said:
    """The version of a Lance dataset or a LanceDB table."""
    return stored_as(int(dataset.version))


@quiet
def stored(answer: Any, /) -> Said:
    """The version of an object in an object store, out of what the store answered when it was read or written.

    `answer`: a response of boto3 (get_object, put_object, head_object), its headers, what fsspec's `info` gives, or an
    object with such attributes (Azure's properties, Google's Blob, boto3's Object). Where the store keeps no versions
    it is the ETag, as `etag:<its text>`.
    """
    fields = _fields(answer)
    said: Said | None = None
    for name in _VERSIONS:
        if fields.get(name, "") not in _NO_VERSIONS:
            said = stored_as(fields[name])
            break
    else:
        for name in _TAGS:
            tag = fields.get(name, "").removeprefix("W/").strip('"')
            if tag not in _NO_VERSIONS:
                said = stored_as(f"etag:{tag}")
    if said is None:
        raise NoVersion("the answer has neither a version nor an ETag")
    size = next((fields[name] for name in _SIZES if fields.get(name, "").isdecimal()), None)
    if size is not None:
        said["bytes"] = int(size)
    return said


_ATTRIBUTES: Final = ("version_id", "generation", "e_tag", "etag", "content_length", "size")


def _fields(answer: Any) -> dict[str, str]:
    """Names in letters alone, values as texts; of what is nested, HTTP headers stand below what is beside them."""
    if not isinstance(answer, Mapping):
        attributes: dict[str, Any] = {name: getattr(answer, name, None) for name in _ATTRIBUTES}
        return {_letters(name): str(v) for name, v in attributes.items() if isinstance(v, str | int)}
    given = cast("Mapping[object, Any]", answer)
    found: dict[str, str] = {}
    metadata: Any = given.get("ResponseMetadata")
    if metadata is not None:
        found = _fields(metadata.get("HTTPHeaders", {}))
    return found | {_letters(str(name)): str(value) for name, value in given.items() if value is not None}


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
