"""`Content-Encoding` of requests and answers, piece by piece.

Libraries: lz4 and backports.zstd (the standard library's zstd of Python 3.14), which clickhouse-connect brings, zlib of
the standard library, and brotli where it is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from typing import Any, Protocol

from pipeline.serve.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, refused
from pipeline.store.errors import StoreError

_GZIP, _ZLIB = 31, 15
"""zlib's window bits of either wrapping."""
_FAST = 1
# What is offered, the cheapest for its saving first.
_OFFERED = ("lz4", "zstd", "gzip", "deflate", "br")


class Encoder(Protocol):
    """Turns an answer's pieces into what is sent."""

    def encode(self, data: bytes) -> bytes:
        """What is to be sent of `data` so far."""

    def end(self) -> bytes:
        """What is still to be sent at the end."""


class Decompressor(Protocol):
    """One compressed stream."""

    @property
    def eof(self) -> bool:
        """Whether it is at its end."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def decompress(self, data: bytes, /) -> bytes:
        """What `data` is, as far as it can be told."""


class Decoder:
    """The body of a request of `Content-Encoding: method`."""

    def __init__(self, method: str) -> None:
        """Raises StoreError where the method is not known."""
        self._method = method
        self._stream = _decompressor(method)

    def decode(self, data: bytes) -> bytes:
        """The bytes that `data` stands for. Raises StoreError where it is no such stream."""
        out = []
        try:
            while data:
                if self._stream.eof:
                    # One stream after the other is one body, as gzip has it.
                    self._stream = _decompressor(self._method)
                out.append(self._stream.decompress(data))
                data = bytes(self._stream.unused_data or b"") if self._stream.eof else b""
        except Exception as error:
            raise self._damaged(str(error)) from error
        return b"".join(out)

    def end(self) -> None:
        """Raises StoreError where the stream was cut."""
        if not self._stream.eof:
            raise self._damaged("it is cut")

    def _damaged(self, said: str) -> StoreError:
        return refused("CANNOT_DECOMPRESS", CANNOT_DECOMPRESS, f"The body is no {self._method}: {said}.")


class _BrotliDecompressor:
    """brotli's under the names that the others have."""

    unused_data = b""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def decompress(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data))


def _decompressor(method: str) -> Decompressor:
    if method in ("gzip", "deflate"):
        return zlib.decompressobj(_GZIP if method == "gzip" else _ZLIB)
    stream: Decompressor
    if method == "lz4":
        stream = library("lz4.frame", method).LZ4FrameDecompressor()
    elif method == "zstd":
        stream = library("backports.zstd", method).ZstdDecompressor()
    elif method == "br":
        stream = _BrotliDecompressor(library("brotli", method).Decompressor())
    else:
        raise _unknown(f"Unknown HTTP content encoding {method!r}.")
    return stream


class _Flushed:
    """A compressor that gives away what it has after each piece, so that no row waits for the next."""

    def __init__(self, compress: Any, flush: Any, end: Any, head: bytes = b"") -> None:
        self._compress = compress
        self._flush = flush
        self._end = end
        self._head = head

    def encode(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._compress(data)) + bytes(self._flush())

    def end(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._end())


def encoder(method: str) -> Encoder:
    """The compressor of an answer; `method` is one of those that `accepted` gives."""
    if method in ("gzip", "deflate"):
        z = zlib.compressobj(_FAST, wbits=_GZIP if method == "gzip" else _ZLIB)
        return _Flushed(z.compress, lambda: z.flush(zlib.Z_SYNC_FLUSH), z.flush)
    if method == "lz4":
        frame = library("lz4.frame", method).LZ4FrameCompressor(auto_flush=True)
        return _Flushed(frame.compress, bytes, frame.flush, frame.begin())
    if method == "zstd":
        one = library("backports.zstd", method).ZstdCompressor(_FAST)
        return _Flushed(one.compress, lambda: one.flush(one.FLUSH_BLOCK), one.flush)
    br = library("brotli", method).Compressor(quality=_FAST)
    return _Flushed(br.process, br.flush, br.finish)


def accepted(header: str) -> str:
    """What of an `Accept-Encoding` header an answer is compressed with; "" for nothing."""
    named = set()
    for part in header.lower().split(","):
        method, _, options = part.partition(";")
        if options.replace(" ", "") not in ("q=0", "q=0.0"):
            named.add(method.strip())
    for method in _OFFERED:
        if method in named and (method != "br" or importlib.util.find_spec("brotli") is not None):
            return method
    return ""


def library(name: str, method: str) -> Any:
    """A module that compression needs. Raises StoreError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _unknown(f"{method} needs the package {name.partition('.')[0]}, which is not installed.") from error


def _unknown(said: str) -> StoreError:
    return refused("UNKNOWN_COMPRESSION_METHOD", UNKNOWN_COMPRESSION_METHOD, said)
