"""Bytes of a capture from a file or a pipe, gzip undone, held in buffers that are never overwritten while in use."""

from __future__ import annotations

import os
import select
import stat
import time
import zlib
from typing import Protocol

from collectors.sources.frames import CaptureError

GZIP = b"\x1f\x8b\x08"
LINGER = 1.0
"""Seconds that frames of a pipe wait for more to fill their batch."""
_GZIP_BITS = 31
_CHUNK = 1 << 16
_POOL = 4


class Input:
    """An open descriptor: `size` in bytes (None for a pipe), and `taken`, the bytes read so far."""

    def __init__(self, descriptor: int, size: int | None, owned: bool) -> None:
        self._descriptor = descriptor
        self._owned = owned
        self.size = size
        self.taken = 0
        self.problem: str | None = None

    def readinto(self, view: memoryview) -> int:
        """Fill the front of `view`; returns the bytes read, 0 at the end. A failed read ends the input too."""
        try:
            n = os.readv(self._descriptor, [view])
        except OSError as e:
            self.problem = f"reading fails at byte {self.taken}: {e.strerror}"
            return 0
        self.taken += n
        return n

    def ready(self, seconds: float) -> bool:
        """Whether a read would not block, waiting so long for it; always true of a file."""
        if self.size is not None:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def close(self) -> None:
        """Close what `open_input` opened."""
        if self._owned:
            os.close(self._descriptor)
            self._owned = False


class Reads(Protocol):
    """What a `Window` is filled from."""

    problem: str | None

    def readinto(self, view: memoryview) -> int:
        """Fill the front of `view`; returns the bytes read, 0 at the end."""

    def ready(self, seconds: float) -> bool:
        """Whether a read would not block."""


def open_input(path: str) -> Input:
    """Open a file or FIFO, or standard input for "-"; raises CaptureError for what can't be opened."""
    try:
        descriptor = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = os.fstat(descriptor)
    except OSError as e:
        raise CaptureError(f"{path}: {e.strerror}; give the path of a pcap or pcapng file, or - for a pipe") from e
    if stat.S_ISDIR(found.st_mode):
        os.close(descriptor)
        raise CaptureError(f"{path}: is a directory; give the path of a pcap or pcapng file, or - for a pipe")
    size = None
    if stat.S_ISREG(found.st_mode):
        # Standard input may be a file that others have read from.
        size = max(0, found.st_size - os.lseek(descriptor, 0, os.SEEK_CUR))
    return Input(descriptor, size, owned=path != "-")


class Gunzip:
    """The data of a gzip stream (RFC 1952, also of several members); `head` is what was read of it already."""

    def __init__(self, source: Input, head: bytes) -> None:
        self._source = source
        self._head = memoryview(head)
        self._pending = b""
        self._given = 0
        self._inflate = zlib.decompressobj(wbits=_GZIP_BITS)
        self._rest = b""
        self._over = False
        self.problem: str | None = None

    def ready(self, seconds: float) -> bool:
        """Whether a read would not block, as far as the compressed bytes tell."""
        return bool(self._rest or self._pending or self._head or self._over) or self._source.ready(seconds)

    def readinto(self, view: memoryview) -> int:
        """Fill the front of `view`; returns the bytes inflated, 0 at the end, also where the data is damaged."""
        while not self._rest:
            if self._over:
                return 0
            if self._inflate.eof:
                self._next_member()
            elif self._pending or self._more():
                self._step(len(view))
            else:
                early = f"its gzip data ends early, at byte {self._source.taken} of the file"
                self._stop(self._source.problem or early)
        n = min(len(view), len(self._rest))
        view[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def _stop(self, problem: str | None) -> None:
        self._over = True
        self.problem = problem

    def _more(self) -> bool:
        """Add to the pending bytes; False at the end of the input."""
        chunk = bytes(self._head[:_CHUNK])
        self._head = self._head[_CHUNK:]
        if not chunk:
            buffer = bytearray(_CHUNK)
            with memoryview(buffer) as view:
                chunk = bytes(view[: self._source.readinto(view)])
        self._pending += chunk
        return bool(chunk)

    def _next_member(self) -> None:
        """Begin the member that follows; zeros may follow the last one, as with gzip."""
        found = self._pending.lstrip(b"\0")
        self._given += len(self._pending) - len(found)
        self._pending = found
        if len(found) < len(GZIP) and self._more():
            return
        if not found:
            self._stop(self._source.problem)
        elif found.startswith(GZIP):
            self._inflate = zlib.decompressobj(wbits=_GZIP_BITS)
        else:
            self._stop(f"other data follows its gzip data, at byte {self._given} of the file")

    def _step(self, most: int) -> None:
        """Inflate up to `most` bytes of what is pending."""
        before = self._inflate.copy()
        try:
            self._rest = self._inflate.decompress(self._pending, most)
        except zlib.error as e:
            self._rest, good = _up_to_damage(before, self._pending)
            self._stop(f"its gzip data is damaged at byte {self._given + good} of the file ({e})")
            return
        left = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self._given += len(self._pending) - len(left)
        self._pending = left


def _up_to_damage(inflate: zlib._Decompress, data: bytes) -> tuple[bytes, int]:
    """What `data` gives before the byte that fails, and where that is: zlib keeps back the output of a failed call."""
    out = bytearray()
    for i in range(len(data)):
        try:
            out += inflate.decompress(data[i : i + 1])
        except zlib.error:
            return bytes(out), i
    return bytes(out), len(data)


class Window:
    """The run of the stream in memory: bytes `start` to `end` of `buffer`, whose byte 0 is byte `base` of the stream.

    What was handed out by `view` stays as it is: a buffer is filled again only when no view of it is left.
    """

    def __init__(self, source: Reads, capacity: int) -> None:
        self._source = source
        self._capacity = capacity
        self._pool: list[bytearray] = []
        self._buffer = bytearray()
        self.base = 0
        self.start = 0
        self.end = 0
        self.ended = False

    @property
    def problem(self) -> str | None:
        """Why the stream ended, when not because it was over."""
        return self._source.problem

    def become(self, source: Reads) -> None:
        """Read from `source` instead, which begins where the stream began."""
        self._source = source
        self.base = self.start = self.end = 0
        self.ended = False

    def view(self) -> memoryview:
        """The buffer up to `end`, read-only."""
        return memoryview(self._buffer)[: self.end].toreadonly()

    def left(self) -> memoryview:
        """The bytes from `start` to `end`, read-only."""
        return self.view()[self.start :]

    def need(self, count: int) -> bool:
        """Have `count` bytes from `start` on, if the stream has them."""
        while self.end - self.start < count and not self.ended:
            self._room()
            self._read()
        return self.end - self.start >= count

    def fill(self) -> None:
        """Read on behind `end`: a file until the buffer is full, a pipe no longer than `LINGER` from its first byte."""
        self._room()
        deadline = None
        while not self.ended and self.end < len(self._buffer):
            if deadline is not None and not self._source.ready(deadline - time.monotonic()):
                return
            self._read()
            if deadline is None:
                deadline = time.monotonic() + LINGER

    def _read(self) -> None:
        with memoryview(self._buffer) as whole, whole[self.end :] as free:
            n = self._source.readinto(free)
        self.end += n
        self.ended = n == 0

    def _room(self) -> None:
        """Let the buffer have room behind `end`: move what is left to the front of another where there is little."""
        held = self.end - self.start
        free = len(self._buffer) - self.end
        if free >= _CHUNK or (free and not held):
            return
        # Doubled, not made as long as a length field says: that may be a damaged one.
        buffer = self._fresh(self._capacity if held < self._capacity else 2 * held)
        with memoryview(self._buffer) as old:
            buffer[:held] = old[self.start : self.end]
        self._buffer = buffer
        self.base += self.start
        self.start, self.end = 0, held

    def _fresh(self, size: int) -> bytearray:
        if size != self._capacity:
            return bytearray(size)
        for buffer in self._pool:
            if buffer is not self._buffer and _unused(buffer):
                return buffer
        buffer = bytearray(size)
        if len(self._pool) < _POOL:
            self._pool.append(buffer)
        return buffer


def _unused(buffer: bytearray) -> bool:
    """Whether no view of `buffer` is left; Python refuses to resize one that is viewed."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True
