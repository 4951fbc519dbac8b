"""A request's body, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from pipeline.serve.compression import Decoder
from pipeline.serve.errors import SYNTAX_ERROR
from pipeline.store.errors import StoreError

_PIECE = 1 << 20


class Body:
    """The bytes of a body, in order; `head` looks at the first of them, `pieces` or `rest` are what comes after."""

    def __init__(self, request: web.Request) -> None:
        """Raises StoreError where it is compressed in a way that is not known."""
        self._content = request.content
        method = request.headers.get("Content-Encoding", "").strip().lower()
        self._decoder = Decoder(method) if method not in ("", "identity") else None
        self._ended = False

    async def _read(self) -> bytes:
        """What has come, b"" at the end. Raises StoreError where a compressed body is damaged or cut."""
        while data := await self._content.readany():
            if self._decoder is None:
                return data
            # A piece of a compressed stream may hold no whole block yet.
            if plain := self._decoder.decode(data):
                return plain
        if self._decoder is not None and not self._ended and self._content.total_bytes:
            self._decoder.end()
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
                raise StoreError(
                    f"Max query size exceeded: a statement may have {limit} bytes. (SYNTAX_ERROR)", code=SYNTAX_ERROR
                )
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
