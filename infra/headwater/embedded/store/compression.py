"""Compressed bodies, both ways: gzip, deflate, zstd, lz4 (frames), as clickhouse-connect and curl speak them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from headwater.embedded.store.engine import Refused
from headwater.embedded.store.faults import NOT_IMPLEMENTED

#: In the order in which the server prefers them.
ENCODINGS = ("lz4", "zstd", "gzip", "deflate")


def chosen(accepted: str) -> str | None:
    """The encoding of a response, None for none, from an Accept-Encoding header."""
    offered: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            offered[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            offered[name.strip()] = 0.0
    return next((name for name in ENCODINGS if offered.get(name, 0.0) > 0), None)


def decompressed(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A request's body as it was before the client compressed it. Raises Refused: unknown encoding, damaged data."""
    if encoding in ("", "identity"):
        yield from pieces
        return
    step = _decompressor(encoding)
    try:
        for piece in pieces:
            if plain := step(piece):
                yield plain
    except (zlib.error, RuntimeError, ValueError, EOFError) as error:
        raise Refused(
            354, f"Code: 354. DB::Exception: The body is not {encoding}: {error}. (ZLIB_INFLATE_FAILED)"
        ) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its module differs from version to version of Python
            raise
        raise Refused(561, f"Code: 561. DB::Exception: The body is not zstd: {error}. (ZSTD_DECODER_FAILED)") from error


def compressed(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A response's body in one of ENCODINGS."""
    step, finish = _compressor(encoding)
    for piece in pieces:
        if packed := step(piece):
            yield packed
    yield finish()


def _decompressor(encoding: str) -> Callable[[bytes], bytes]:
    if encoding in ("gzip", "deflate", "x-gzip"):
        return zlib.decompressobj(wbits=47).decompress
    if encoding == "zstd":
        return cast("Callable[[bytes], bytes]", _zstd().ZstdDecompressor().decompress)
    if encoding == "lz4":
        from lz4 import frame  # type: ignore[import-untyped] # noqa: PLC0415 — only for those who ask for it

        unpacker: Any = frame.LZ4FrameDecompressor()
        return cast("Callable[[bytes], bytes]", unpacker.decompress)
    raise Refused(
        NOT_IMPLEMENTED,
        f"Code: {NOT_IMPLEMENTED}. DB::Exception: Content-Encoding {encoding} is not read here, only "
        f"{', '.join(ENCODINGS)}. (NOT_IMPLEMENTED)",
    )


def _compressor(encoding: str) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if encoding == "lz4":
        from lz4 import frame  # noqa: PLC0415 — only for those who ask for it

        packer: Any = frame.LZ4FrameCompressor()
        head: list[bytes] = [packer.begin()]
        return (
            lambda piece: (head.pop() if head else b"") + packer.compress(piece),
            lambda: (head.pop() if head else b"") + packer.flush(),
        )
    if encoding == "zstd":
        zstd: Any = _zstd().ZstdCompressor(level=1)
        return zstd.compress, zstd.flush
    plain = zlib.compressobj(level=1, wbits=31 if encoding == "gzip" else 15)
    return plain.compress, plain.flush


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 — Python 3.14 has it
    except ImportError:
        from backports import zstd  # noqa: PLC0415 — comes with clickhouse-connect
    return cast("Any", zstd)
