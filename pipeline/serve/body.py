"""A request's body, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from pipeline.serve.blocks import BlockReader
from pipeline.serve.compression import Decoder
from pipeline.serve.errors import SYNTAX_ERROR, refused

_PIECE = 1 << 20
# Of a compressed body, whose pieces grow when they are decoded.
_SMALL_PIECE = 256 << 10


class Body:
    """The bytes of a body, in order; `head` looks at the first of them, `pieces` or `rest` are what comes after.

    Pieces come as they were sent: `decode` each in its turn, in whatever thread, and call `end` behind the last.
    """

    def __init__(self, request: web.Request, *, blocks: bool = False) -> None:
        """`blocks`: it is in ClickHouse's compressed blocks. Raises StoreError: compressed in no known way."""
        self._content = request.content
        method = request.headers.get("Content-Encoding", "").strip().lower()
        # The first in the list is what was done last.
        self._decoders: list[Decoder | BlockReader] = []
        if method not in ("", "identity"):
            self._decoders.append(Decoder(method))
        if blocks:
            self._decoders.append(BlockReader())
        self._ended = False

    def decode(self, data: bytes) -> bytes:
        """What a piece stands for; maybe nothing yet. Raises StoreError where a compressed body is damaged."""
        for decoder in self._decoders:
            data = decoder.decode(data)
        return data

    def end(self) -> None:
        """Behind the last piece. Raises StoreError where a compressed body is cut."""
        if not self._ended and self._content.total_bytes:
            for decoder in self._decoders:
                decoder.end()
        self._ended = True

    async def _read(self) -> bytes:
        """What has come, decoded; b"" at the end. Raises StoreError where a compressed body is damaged or cut."""
        while data := await self._content.readany():
            # A piece of a compressed stream may hold no whole block yet.
            if data := self.decode(data):
                return data
        self.end()
        return b""

    async def head(self, size: int) -> bytes:
        """The first `size` bytes or some more, or all of a shorter body."""
        parts: list[bytes] = []
        have = 0
        while have < size and (part := await self._read()):
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    async def rest(self, limit: int) -> bytes:
        """All that is left. Raises StoreError where it is more than `limit` bytes."""
        parts: list[bytes] = []
        have = 0
        while part := await self._read():
            parts.append(part)
            have += len(part)
            if have > limit:
                raise refused("SYNTAX_ERROR", SYNTAX_ERROR, f"Max query size exceeded: a statement has {limit} bytes.")
        return b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All that is left, not decoded, in pieces of 1 MiB (256 KiB where compressed) or a little more; the last may
        be shorter."""
        most = _SMALL_PIECE if self._decoders else _PIECE
        parts: list[bytes] = []
        have = 0
        while part := await self._content.readany():
            parts.append(part)
            have += len(part)
            if have >= most:
                yield b"".join(parts)
                parts, have = [], 0
        if parts:
            yield b"".join(parts)
