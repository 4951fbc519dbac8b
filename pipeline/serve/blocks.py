"""ClickHouse's compressed blocks, as `compress=1` and `decompress=1` have them.

A block is a checksum (CityHash128 of version 1.0.2, of what follows), a byte for the method, two 32-bit sizes (the
compressed with these nine bytes, the plain), and the data. https://clickhouse.com/docs/interfaces/http
"""

from __future__ import annotations

from pipeline.serve.compression import library
from pipeline.serve.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, refused
from pipeline.store.errors import StoreError

_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_CHECKSUM = 16
_HEAD = 9
_BLOCK = 1 << 20
# ClickHouse's own bound of a block (DBMS_MAX_COMPRESSED_SIZE).
_LARGEST = 1 << 30


def _checksum(data: bytes) -> bytes:
    both = int(library("clickhouse_cityhash.cityhash", "compress=1").CityHash128(data))
    return (both >> 64).to_bytes(8, "little") + (both & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little")


class BlockWriter:
    """Bytes into compressed blocks of up to 1 MiB of plain data; `method` is LZ4 or ZSTD."""

    def __init__(self, method: str = "LZ4") -> None:
        """Raises StoreError where the method is another."""
        if method not in ("LZ4", "ZSTD", "NONE"):
            raise refused(
                "UNKNOWN_COMPRESSION_METHOD", UNKNOWN_COMPRESSION_METHOD, f"Unknown compression method {method!r}."
            )
        self._method = method

    def encode(self, data: bytes) -> bytes:
        """`data` as blocks."""
        return b"".join(self._block(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK))

    def end(self) -> bytes:
        """Nothing: a stream of blocks has no end of its own."""
        return b""

    def _block(self, plain: bytes) -> bytes:
        if self._method == "LZ4":
            import lz4.block

            kind, packed = _LZ4, bytes(lz4.block.compress(plain, store_size=False))
        elif self._method == "ZSTD":
            from backports import zstd

            kind, packed = _ZSTD, zstd.compress(plain, 1)
        else:
            kind, packed = _NONE, plain
        sizes = (len(packed) + _HEAD).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
        body = bytes((kind,)) + sizes + packed
        return _checksum(body) + body


class BlockReader:
    """Compressed blocks, piece by piece, into the bytes that they hold."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def decode(self, data: bytes) -> bytes:
        """The plain data of the blocks that `data` completes. Raises StoreError where they are damaged."""
        self._waiting += data
        out = []
        at = 0
        while len(self._waiting) - at >= _CHECKSUM + _HEAD:
            head = at + _CHECKSUM
            packed = int.from_bytes(self._waiting[head + 1 : head + 5], "little")
            plain = int.from_bytes(self._waiting[head + 5 : head + 9], "little")
            if not _HEAD <= packed <= _LARGEST or plain > _LARGEST:
                raise _damaged("a block of this size there is none")
            if len(self._waiting) < head + packed:
                break
            body = bytes(self._waiting[head : head + packed])
            if _checksum(body) != self._waiting[at:head]:
                raise _damaged("checksum doesn't match")
            out.append(_unpacked(body, plain))
            at = head + packed
        del self._waiting[:at]
        return b"".join(out)

    def end(self) -> None:
        """Raises StoreError where a block was cut."""
        if self._waiting:
            raise _damaged("the last block is cut")


def _unpacked(body: bytes, plain: int) -> bytes:
    kind, data = body[0], body[_HEAD:]
    try:
        if kind == _LZ4:
            import lz4.block

            return bytes(lz4.block.decompress(data, uncompressed_size=plain))
        if kind == _ZSTD:
            from backports import zstd

            # The frame's bound first: a block may not grow beyond what its head says.
            out = zstd.ZstdDecompressor().decompress(data, plain + 1)
            if len(out) != plain:
                raise ValueError(f"{len(out)} bytes instead of {plain}")
            return out
    except Exception as error:
        raise _damaged(str(error)) from error
    if kind == _NONE and len(data) == plain:
        return data
    raise refused("UNKNOWN_COMPRESSION_METHOD", UNKNOWN_COMPRESSION_METHOD, f"Unknown compression method {kind:#x}.")


def _damaged(said: str) -> StoreError:
    return refused("CANNOT_DECOMPRESS", CANNOT_DECOMPRESS, f"The body's compressed blocks are damaged: {said}.")
