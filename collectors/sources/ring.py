"""`Ring`: frames of a network interface, out of memory that is shared with the kernel (AF_PACKET, TPACKET_V3)."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collectors.filters.live import LiveFilter, after_the_kernel, live_filter, take_none
from collectors.filters.program import FilterError
from collectors.sources import packet_socket as kernel
from collectors.sources.batch import Batch, cells
from collectors.sources.frames import FLAGS_OF_PKTTYPE, CaptureError, Frames
from collectors.sources.ring_scan import give_back, walk

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from collectors.filters.compile import LiveCompiler
    from collectors.filters.program import Program

SNAPLEN = 262_144
"""Bytes of a frame that are kept by default, as tcpdump's and dumpcap's."""
BUFFER_BYTES = 64 << 20
_BLOCKS = 64
"""Into so many blocks a ring is divided, within `_BLOCK_BYTES`: while some are worked on, there are others."""
_BLOCK_BYTES = (1 << 15, 1 << 20)
"""Bytes of a block at the least and at the most."""
_LONGEST = 96 << 10
"""Bytes of the longest frame that has to find room: segments put together, 64 KiB and headers. (The kernel cuts longer
ones, which says the length on the wire; libpcap lets them be of 128 KiB.)"""
TIMEOUT_MS = 100
BATCH_ROWS = 65_536

_BATCH_SHARE = 8
_BATCH_BYTES = 1 << 20
"""A batch takes an eighth of the ring at most, so that the kernel gets blocks back while there is much to do; of a
small ring a MiB, within half of it, because each batch has a price of its own."""
_STATUS = 8 if sys.byteorder == "little" else 11
"""Byte of a block whose lowest bit says that it is ours (block_status of struct tpacket_hdr_v1)."""
_BLOCK, _HELD, _IGNORED, _DAMAGED = 0, 3, 4, 5
"""Cells of the walk's state."""
_COUNT_SECONDS = 60
"""The kernel's counters are of 32 bits, and read at least so often."""


class InterfaceGone(CaptureError):
    """The interface was removed while it was captured; there will be no other frame."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class RingStatistics:
    """Counts since `open`. `received` frames passed the filter in the kernel, `dropped` ones included, for which the
    ring had no room (it was full `freezes` times). `taken` were handed out, `ignored` are the outgoing copies on a
    loopback interface and those that a filter outside the kernel refused, `damaged` stood in a block without sense.

    `received = taken + ignored + damaged + dropped + what still waits in the ring`.
    """

    received: int
    dropped: int
    freezes: int
    taken: int
    ignored: int
    damaged: int

    @property
    def waiting(self) -> int:
        """Frames in the ring that were not handed out yet."""
        return self.received - self.dropped - self.taken - self.ignored - self.damaged


def block_size(buffer_bytes: int, snaplen: int, least: int = 0) -> int:
    """Bytes of a ring's blocks: a power of two, of which the ring has many and each has room for a frame."""
    smallest, largest = _BLOCK_BYTES
    size = least or 1 << min(max(buffer_bytes // _BLOCKS, smallest), largest).bit_length() - 1
    while size < min(snaplen, _LONGEST) + 4096:
        size *= 2
    return size


class Ring:
    """Frames of `interface`, or of all for `any`. Nothing happens before `open`; `close` ends it.

    `filter` is a pcap-filter(7) expression, which the kernel runs; `snaplen` bytes of a frame are kept. The ring is of
    `buffer_bytes` in blocks of at least `block_bytes` (a power of two of pages; 0: as fits); the kernel hands a block
    over when it is full or after `timeout_ms`. `fanout` is a group and one of `packet_socket.FANOUT_MODES`: the
    rings of a group share the frames. `time_stamps` is "software" or "hardware". Frames bear `number` as interface.

    VLAN tags, which the kernel takes off, are put back. Frames of `any`, and of interfaces whose own header none knows,
    bear a LINKTYPE_LINUX_SLL2 header. One thread uses it; `statistics` may be asked by others.
    """

    def __init__(
        self, interface: str, *, snaplen: int = SNAPLEN, filter: str = "", buffer_bytes: int = BUFFER_BYTES,
        block_bytes: int = 0, timeout_ms: int = TIMEOUT_MS, promiscuous: bool = True,
        fanout: tuple[int, str] | None = None, time_stamps: str = "software", batch_rows: int = BATCH_ROWS,
        number: int = 0,
    ) -> None:  # fmt: skip
        self.interface = interface
        self.snaplen = snaplen or SNAPLEN
        self.filter = filter
        self.number = number
        self.linktype = -1
        self._fanout = fanout
        self._promiscuous = promiscuous
        self._hardware = time_stamps == "hardware"
        self._timeout_ms = timeout_ms
        self._batch_rows = batch_rows
        self._block_bytes = block_size(buffer_bytes, self.snaplen, block_bytes)
        self._blocks = max(2, buffer_bytes // self._block_bytes)
        self._socket: socket.socket | None = None
        self._device = kernel.Device(interface, 0, -1, False, False)
        self._map: mmap.mmap | None = None
        self._view = memoryview(b"")
        self._poll = select.poll()
        self._state = np.zeros(6, np.int64)
        self._compiler: LiveCompiler | None = None
        self._after: Program | None = None
        self._received = self._dropped = self._freezes = self._taken = self._refused = 0
        self._counted = 0.0
        self._counting = threading.Lock()
        self._first = 1
        self._loopback = 0
        self._down = self._gone = False

    @property
    def buffer_bytes(self) -> int:
        """Bytes of the ring."""
        return self._blocks * self._block_bytes

    @property
    def down(self) -> bool:
        """Whether the interface was found to be down; capturing goes on by itself when it is up again."""
        return self._down

    def fileno(self) -> int:
        """The socket's descriptor, for poll: readable when a batch is there, in error when the interface goes down."""
        return self._open().fileno()

    def open(self, *, keep_compiler: bool = False) -> None:
        """Open the socket and begin; needs CAP_NET_RAW, and nothing later does.

        With `keep_compiler`, filters set later run in the kernel also on Ethernet when the privilege is gone by then.
        Raises CaptureError when it can't, FilterError for the filter.
        """
        self._device = of = kernel.device(self.interface)
        if not of.up:
            raise CaptureError(f"{of.name}: the interface is down; ip link set {of.name} up")
        self._socket = sock = kernel.open_socket(of)
        self.linktype = of.linktype
        try:
            if keep_compiler or self.filter:
                self._open_compiler()
            # Compiled before anything else, so that a filter that is none leaves nothing behind.
            wanted = live_filter(self.filter, of.linktype, self.snaplen, self._compiler)
            if not keep_compiler:
                self._close_compiler()
            self._map_ring(sock, of)
            self._begin(sock, of)
            self._attach(wanted, self.filter)
        except OSError as e:
            self.close()
            raise CaptureError(f"{of.name}: can't be captured: {e.strerror}") from e
        except BaseException:
            self.close()
            raise
        self._loopback = kernel.loopback_index() if of.index == 0 else of.index if of.loopback else 0
        self._poll.register(sock, select.POLLIN | select.POLLERR)

    def _map_ring(self, sock: socket.socket, of: kernel.Device) -> None:
        try:
            self._map = kernel.map_ring(sock, self._block_bytes, self._blocks, self._timeout_ms)
        except OSError as e:
            if e.errno != errno.ENOMEM:
                raise
            size = self.buffer_bytes >> 20
            raise CaptureError(f"{of.name}: no memory for a ring of {size} MiB; take a smaller buffer") from e
        self._view = memoryview(self._map)

    def _begin(self, sock: socket.socket, of: kernel.Device) -> None:
        """Let frames come, all of which are refused until the filter is there."""
        if self._hardware:
            try:
                kernel.stamp_in_hardware(sock, of)
            except OSError as e:
                raise CaptureError(
                    f"{of.name}: no hardware time stamps ({e.strerror}); capture with software ones"
                ) from e
        if of.loopback:
            # Each packet is seen twice there. An old kernel gives both, and the walk ignores one.
            with contextlib.suppress(OSError):
                kernel.ignore_outgoing(sock)
        kernel.attach(sock, take_none())
        kernel.bind(sock, of)
        if self._promiscuous and of.index:
            kernel.set_promiscuous(sock, of)
        if self._fanout is not None:
            kernel.join_fanout(sock, *self._fanout)

    def _open_compiler(self) -> None:
        from collectors.filters.compile import LiveCompiler

        if self._compiler is None and self.linktype == 1:
            compiler = LiveCompiler(self.interface, self.linktype)
            compiler.open()
            self._compiler = compiler

    def _close_compiler(self) -> None:
        if self._compiler is not None:
            self._compiler.close()
            self._compiler = None

    def set_filter(self, expression: str) -> None:
        """Run another pcap-filter(7) expression from now on; frames in the ring passed the old one. No frame that both
        take is lost. Raises FilterError, and the old one stays."""
        self._attach(live_filter(expression, self.linktype, self.snaplen, self._compiler), expression)
        self.filter = expression

    def compile_apart(self, expression: str, snaplen: int) -> LiveFilter:
        """The expression for `attach`, compiled in a process of its own and in bounded time: for what others send.

        Any one thread may call it while another captures. Raises FilterError.
        """
        from collectors.filters.apart import compile_apart

        def work() -> LiveFilter:
            wanted = live_filter(expression, self.linktype, snaplen, self._compiler)
            return wanted if kernel.takes(wanted.kernel) else after_the_kernel(expression, self.linktype)

        return compile_apart(work)

    def attach(self, expression: str, snaplen: int, compiled: LiveFilter) -> None:
        """Run a filter that `compile_apart` made, and keep `snaplen` bytes of a frame from now on.

        Raises FilterError where the kernel has no room for it beside the present one, which stays.
        """
        try:
            kernel.attach(self._open(), compiled.kernel)
        except OSError as e:
            raise FilterError(
                f"the kernel has no room for this filter beside the present one ({e.strerror}); set an empty one first"
            ) from e
        self._after, self.snaplen, self.filter = compiled.after, snaplen, expression

    def _attach(self, wanted: LiveFilter, expression: str) -> None:
        sock = self._open()
        try:
            kernel.attach(sock, wanted.kernel)
        except OSError:
            # Too long for the kernel, or for its memory for options.
            wanted = after_the_kernel(expression, self.linktype)
            kernel.attach(sock, wanted.kernel)
        self._after = wanted.after

    def pause(self) -> None:
        """Let no other frame in; those in the ring can still be taken. `set_filter` goes on."""
        kernel.attach(self._open(), take_none())

    def batch(self, timeout_seconds: float = 0.0) -> Frames | None:
        """The next frames, up to `batch_rows` of them; None when none came within the time.

        What `batch` gave before is given back to the kernel first: a `Frames` and all views of it must not be used then
        any more. Raises InterfaceGone once the interface has been removed and no frame is left.
        """
        self._open()
        self.release()
        frames = self._walk()
        if frames is None:
            self._wait(timeout_seconds)
            frames = self._walk()
        if frames is None and self._gone and self.statistics().waiting <= 0:
            raise InterfaceGone(f"{self.interface}: the interface was removed while it was captured")
        return frames

    def _walk(self) -> Frames | None:
        state = self._state
        rows = Batch(self._batch_rows)
        direction = np.empty(self._batch_rows, np.uint8)
        small = min(self._blocks // 2, _BATCH_BYTES // self._block_bytes)
        most = max(1, self._blocks // _BATCH_SHARE, small)
        while True:
            n = walk(
                self._view, self._block_bytes, self._blocks, most, self.linktype == 1, self._device.cooked,
                self.snaplen if self._after is None else SNAPLEN, self._loopback, cells(rows.offset),
                cells(rows.cap_len), cells(rows.length), cells(rows.time), cells(direction), cells(state),
            )  # fmt: skip
            if n or not state[_HELD]:
                break
            # Blocks without a frame for us: let the kernel have them, and look on.
            self.release()
        if not n:
            return None
        rows.rows = n
        rows.interface[:n] = self.number
        rows.linktype[:n] = self.linktype
        frames = rows.frames(self._view, self._first)
        frames.flags = FLAGS_OF_PKTTYPE[direction[:n]]
        if self._after is not None:
            frames = self._matching(frames, self._after)
        self._first += len(frames)
        self._taken += len(frames)
        return frames if len(frames) else None

    def _matching(self, frames: Frames, program: Program) -> Frames:
        from collectors.filters.bpf import run

        keep = np.flatnonzero(run(program, frames))
        self._refused += len(frames) - len(keep)
        frames = frames.take(keep)
        np.minimum(frames.cap_len, self.snaplen, out=frames.cap_len)
        return frames

    def _wait(self, seconds: float) -> None:
        """Wait until a block is ready, or the time is over."""
        ready = self._poll.poll(seconds * 1000)
        if ready and ready[0][1] & ~select.POLLIN:
            self._failed(kernel.take_error(self._open()))
        if self._down:
            up = kernel.is_up(self._open(), self._device)
            self._gone, self._down = up is None, not up
        if time.monotonic() - self._counted > _COUNT_SECONDS:
            self.statistics()

    def _failed(self, error: int) -> None:
        """What poll told by an error: the interface is down, or gone."""
        if error not in (0, errno.ENETDOWN, errno.ENODEV, errno.ENXIO):
            raise CaptureError(f"{self.interface}: capturing failed: {os.strerror(error)}")
        self._down = True

    @property
    def timeout_seconds(self) -> float:
        """After this time the kernel hands over a block that is not full."""
        return self._timeout_ms / 1000

    def ready(self) -> float:
        """Which part of the ring the kernel has handed over and `batch` has not given yet, up to an eighth; 0 to 1."""
        most = max(1, self._blocks // _BATCH_SHARE)
        return self._count_ready(most) / self._blocks

    def fill(self) -> float:
        """Which part of the ring holds frames: those of the last batch, and those that wait; 0 to 1."""
        return (int(self._state[_HELD]) + self._count_ready(self._blocks)) / self._blocks

    def _count_ready(self, most: int) -> int:
        if self._map is None:
            return 0
        first = int(self._state[_BLOCK])
        for k in range(most):
            at = (first + k) % self._blocks * self._block_bytes + _STATUS
            if not self._view[at] & 1:
                return k
        return most

    def release(self) -> None:
        """Give the blocks of the last batch back to the kernel; its `Frames` must not be used any more."""
        held = int(self._state[_HELD])
        if held:
            give_back(self._view, int(self._state[_BLOCK]) - held + self._blocks, held, self._block_bytes, self._blocks)
            self._state[_HELD] = 0

    def statistics(self) -> RingStatistics:
        """The counts since `open`."""
        with self._counting:
            if self._socket is not None:
                received, dropped, freezes = kernel.take_statistics(self._socket)
                self._received += received
                self._dropped += dropped
                self._freezes += freezes
                self._counted = time.monotonic()
        return RingStatistics(
            self._received, self._dropped, self._freezes, self._taken, int(self._state[_IGNORED]) + self._refused,
            int(self._state[_DAMAGED]),
        )  # fmt: skip

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise CaptureError(f"{self.interface}: the ring is not open")
        return self._socket

    def close(self) -> None:
        """End capturing. Views of the ring that are still held keep its memory, not the capture."""
        self._close_compiler()
        if self._socket is not None:
            if self._map is not None:
                self.statistics()
            self._socket.close()
            self._socket = None
        self._view = memoryview(b"")
        if self._map is not None:
            with contextlib.suppress(BufferError):
                self._map.close()
            self._map = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
