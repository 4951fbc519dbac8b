"""Bodies that are compressed, piece by piece.

Libraries: lz4 and backports.zstd (the standard library's zstd of Python 3.14), which clickhouse-connect brings, zlib of
the standard library, and brotli where it is installed.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from pipeline.serve.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD
from pipeline.store.errors import StoreError


class Decompressor(Protocol):
    """One compressed stream. `eof` tells that it has ended."""

    @property
    def eof(self) -> bool:
        """Whether it is at its end."""

    def decompress(self, data: bytes, /) -> bytes:
        """What `data` is, as far as it can be told."""


class Decoder:
    """The body of a request of `Content-Encoding: method`. Raises StoreError where the method is not known."""

    def __init__(self, method: str) -> None:
        self.method = method
        self._stream = _decompressor(method)

    def decode(self, data: bytes) -> bytes:
        """The bytes that `data` stands for. Raises StoreError where it is no such stream."""
        out = []
        while data:
            if self._stream.eof:
                # One stream after the other is one body, as gzip has it.
                data, self._stream = self._unused + data, _decompressor(self.method)
            try:
                out.append(self._stream.decompress(data))
            except Exception as error:
                raise StoreError(
                    f"The body is no {self.method}: {error} (CANNOT_DECOMPRESS)", code=CANNOT_DECOMPRESS
                ) from error
            data = self._unused if self._stream.eof else b""
        return b"".join(out)

    def end(self) -> None:
        """Raises StoreError where the stream was cut."""
        if not self._stream.eof:
            raise StoreError(f"The body's {self.method} is cut. (CANNOT_DECOMPRESS)", code=CANNOT_DECOMPRESS)

    @property
    def _unused(self) -> bytes:
        return bytes(getattr(self._stream, "unused_data", b"") or b"")


class _Brotli:
    """brotli's decompressor under the names that the others have."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.eof = False

    def decompress(self, data: bytes) -> bytes:
        out = bytes(self._stream.process(data))
        self.eof = bool(self._stream.is_finished())
        return out


def _decompressor(method: str) -> Decompressor:
    if method in ("gzip", "deflate"):
        return zlib.decompressobj(31 if method == "gzip" else 15)
    try:
        if method == "lz4":
            import lz4.frame

            stream: Decompressor = lz4.frame.LZ4FrameDecompressor()
            return stream
        if method == "zstd":
            from backports.zstd import ZstdDecompressor

            return ZstdDecompressor()
        if method == "br":
            import brotli

            return _Brotli(brotli.Decompressor())
    except ImportError as error:
        raise _unknown(f"{method} needs a package that is not installed ({error.name})") from error
    raise _unknown(f"Unknown HTTP content encoding {method}")


def _unknown(said: str) -> StoreError:
    return StoreError(f"{said}. (UNKNOWN_COMPRESSION_METHOD)", code=UNKNOWN_COMPRESSION_METHOD)
