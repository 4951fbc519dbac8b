"""A request's body, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from pipeline.serve.blocks import BlockReader
from pipeline.serve.compression import Decoder
from pipeline.serve.errors import SYNTAX_ERROR, refused

_PIECE = 1 << 20


class Body:
    """The bytes of a body, in order; `head` looks at the first of them, `pieces` or `rest` are what comes after."""

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

    async def _read(self) -> bytes:
        """What has come, b"" at the end. Raises StoreError where a compressed body is damaged or cut."""
        while data := await self._content.readany():
            for decoder in self._decoders:
                data = decoder.decode(data)
            # A piece of a compressed stream may hold no whole block yet.
            if data:
                return data
        if not self._ended and self._content.total_bytes:
            for decoder in self._decoders:
                decoder.end()
        self._ended = True
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
        """All that is left, in pieces of 1 MiB or a little more; the last may be shorter."""
        parts: list[bytes] = []
        have = 0
        while part := await self._read():
            parts.append(part)
            have += len(part)
            if have >= _PIECE:
                yield b"".join(parts)
                parts, have = [], 0
        if parts:
            yield b"".join(parts)
