"""`open_capture`: the frames of a capture file or pipe, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from collectors.sources.batch import Batch
from collectors.sources.frames import CaptureError, Frames
from collectors.sources.pcap import byte_order, open_pcap
from collectors.sources.pcapng import MAGIC, open_pcapng
from collectors.sources.stop import DAMAGE, Stop
from collectors.sources.stream import GZIP, Gunzip, Input, Window, open_input

BATCH_ROWS = 65_536
BATCH_BYTES = 16 << 20
FRAME_BYTES = 256
"""Bytes a frame that a batch of fewer rows is given, so that it stays in the processor's cache."""

_CUT_HEAD = 64
_LEAST_BYTES = 1 << 18

_OTHERS = {
    b"\x28\xb5\x2f\xfd": "zstd-compressed data; decompress it first",
    b"\x04\x22\x4d\x18": "LZ4-compressed data; decompress it first",
    b"\xfd7zXZ": "xz-compressed data; decompress it first",
    b"BZh": "bzip2-compressed data; decompress it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"snoop\0\0\0": "a snoop capture; convert it by editcap -F pcapng",
    b"btsnoop\0": "a btsnoop capture; convert it by editcap -F pcapng",
    b"GMBU": "a Network Monitor capture; convert it by editcap -F pcapng",
    b"RTSS": "a Network Monitor capture; convert it by editcap -F pcapng",
    b"TRSNIFF data": "a Sniffer capture; convert it by editcap -F pcapng",
    b"XCP\0": "a NetXray capture; convert it by editcap -F pcapng",
}


class Form(Protocol):
    """A capture format, once its file header is read."""

    def scan(self, window: Window, batch: Batch) -> tuple[Stop, object]:
        """Take frames of `window` into `batch`, move its `start` behind them; why it stopped, and a number for it."""

    def cut(self, head: bytes, have: int) -> str:
        """What the `have` last bytes of a cut file are, which begin with `head`."""


class CaptureReader:
    """Iterate it once for the `Frames` of a capture, in order; made by `open_capture`.

    `warning` is None, or after the last batch one line that tells where and why reading stopped early.
    `bytes_read` counts bytes of the input, of which there are `size` (None for a pipe).
    """

    def __init__(self, path: str, source: Input, window: Window, form: Form, batch_rows: int) -> None:
        self.path = path
        self.warning: str | None = None
        self._source = source
        self._window = window
        self._form = form
        self._batch_rows = batch_rows

    @property
    def bytes_read(self) -> int:
        """Bytes of the input that were read so far (compressed ones of a gzip file)."""
        return self._source.taken

    @property
    def size(self) -> int | None:
        """Bytes of the input; None for a pipe."""
        return self._source.size

    def __iter__(self) -> Iterator[Frames]:
        window, number = self._window, 1
        try:
            while True:
                batch = Batch(self._batch_rows)
                reason, detail = self._form.scan(window, batch)
                if batch.rows:
                    frames = batch.frames(window.view(), number)
                    number += batch.rows
                    # Not held here while the consumer works, so that its buffer is free when it lets go.
                    del batch
                    yield frames
                    del frames
                if reason == Stop.MORE:
                    if window.ended:
                        self._end(number - 1)
                        return
                    window.fill()
                elif reason != Stop.FULL:
                    what = DAMAGE[reason].format(detail=detail)
                    self._warn(f"damaged at byte {window.base + window.start}: {what}", number - 1)
                    return
        finally:
            self.close()

    def _end(self, frames: int) -> None:
        window = self._window
        left = window.left()
        if window.problem is not None:
            self._warn(window.problem, frames)
        elif left:
            at = window.base + window.start
            inside = self._form.cut(bytes(left[:_CUT_HEAD]), len(left))
            self._warn(f"cut at byte {at + len(left)}, {inside} that begins at byte {at}", frames)

    def _warn(self, what: str, frames: int) -> None:
        self.warning = f"{self.path}: {what}; read up to there: {frames} frame{'' if frames == 1 else 's'}"

    def close(self) -> None:
        """Close the input; done by itself when the last batch was taken."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_capture(
    path: str | os.PathLike[str], *, batch_rows: int = BATCH_ROWS, batch_bytes: int | None = None
) -> CaptureReader:
    """Open a pcap or pcapng file, also a gzip-compressed one, or a pipe of either ("-" is standard input).

    A batch has up to `batch_rows` frames of about `batch_bytes` bytes (by default 256 a frame, 16 MiB at the most);
    memory stays at a few times that, however long the file. Raises CaptureError for what can't be opened or is no
    capture. Offsets in warnings count bytes of the capture, after decompression.
    """
    name = os.fspath(path)
    source = open_input(name)
    if batch_bytes is None:
        batch_bytes = min(BATCH_BYTES, max(_LEAST_BYTES, FRAME_BYTES * batch_rows))
    try:
        window = Window(source, max(batch_bytes, 1 << 12))
        window.need(4)
        if bytes(window.left()[:3]) == GZIP:
            window.become(Gunzip(source, bytes(window.left())))
            window.need(4)
        return CaptureReader(name, source, window, _form(name, window, source.size is None), batch_rows)
    except BaseException:
        source.close()
        raise


def _form(path: str, window: Window, piped: bool) -> Form:
    head = bytes(window.left()[:4])
    if head == MAGIC:
        return open_pcapng(path, window)
    if byte_order(head) is not None:
        return open_pcap(path, window, piped)
    window.need(16)
    head = bytes(window.left()[:16])
    if window.problem is not None and len(head) < 16:
        raise CaptureError(f"{path}: no capture can be read, {window.problem}; copy or capture it again")
    if not head:
        raise CaptureError(f"{path}: empty, not even a capture's header; capture it again")
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise CaptureError(f"{path}: no pcap or pcapng file but {what}")
    raise CaptureError(
        f"{path}: no pcap or pcapng file, it begins with the bytes {head.hex(' ')}; convert it by editcap -F pcapng"
    )
