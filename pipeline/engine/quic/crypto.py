"""The stream of CRYPTO frames of one direction: put in order, and cut into handshake messages."""

from __future__ import annotations

import cython

from pipeline.engine.snapshot import Tree

MOST_BYTES = 1 << 16
"""Bytes of a direction's stream that are looked at."""
MOST_PIECES = 256
"""Pieces that wait behind a hole; those that are over it are forgotten."""


class CryptoStream:
    """`_bytes` are those up to the first hole, of which `_done` were cut off already; `_pieces` wait behind it."""

    __slots__ = ("_bytes", "_done", "_pieces")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._done = 0
        self._pieces: list[tuple[int, bytes]] = []

    def add(self, offset: cython.longlong, data: bytes) -> None:
        """Take the bytes at `offset`; those that are there already stay."""
        have: cython.Py_ssize_t = len(self._bytes)
        if offset + len(data) > MOST_BYTES:
            return
        if offset > have:
            if len(self._pieces) < MOST_PIECES:
                self._pieces.append((offset, data))
            return
        self._bytes += data[have - offset :]
        if self._pieces:
            self._fill()

    def _fill(self) -> None:
        self._pieces.sort(key=_offset)
        kept = []
        have: cython.Py_ssize_t
        offset: cython.longlong
        data: bytes
        for offset, data in self._pieces:
            have = len(self._bytes)
            if offset > have:
                kept.append((offset, data))
            else:
                self._bytes += data[have - offset :]
        self._pieces = kept

    def messages(self) -> list[bytes]:
        """The handshake messages that are whole since the last call, each with its header of four bytes."""
        found: list[bytes] = []
        have: bytearray = self._bytes
        at: cython.Py_ssize_t = self._done
        end: cython.Py_ssize_t
        while len(have) - at >= 4:
            end = at + 4 + (have[at + 1] << 16 | have[at + 2] << 8 | have[at + 3])
            if end > len(have):
                break
            found.append(bytes(have[at:end]))
            at = end
        self._done = at
        return found

    def state(self) -> Tree:
        """All that is known."""
        return {"bytes": bytes(self._bytes), "done": self._done, "pieces": [list(p) for p in self._pieces]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._bytes, self._done = bytearray(state["bytes"]), state["done"]
        self._pieces = [(offset, data) for offset, data in state["pieces"]]


def _offset(piece: tuple[int, bytes]) -> int:
    return piece[0]
