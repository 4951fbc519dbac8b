"""pcapng: sections and interfaces, and the scan of packet blocks (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from collectors.sources.batch import Batch, cells
from collectors.sources.frames import CaptureError
from collectors.sources.linktypes import linktype, longest_frame
from collectors.sources.scan import pcapng_blocks
from collectors.sources.stop import DAMAGE, Stop
from collectors.sources.stream import Window

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION = 0x0A0D0D0A
_BYTE_ORDER = {b"\x4d\x3c\x2b\x1a": False, b"\x1a\x2b\x3c\x4d": True}
_BIGGEST_BLOCK = 32 + (128 << 20) + (128 << 10)
_INTERFACES = 65_536
"""Interfaces of a section that are kept; a packet of a later one counts as damage."""
_TABLES = ("_linktype", "_snaplen", "_limit", "_units", "_divisor", "_shift", "_tsoffset")
_TSRESOL = 9
_TSOFFSET = 14


class _Damage(Exception):
    """A block that can't be read: the reason and what belongs to it."""

    def __init__(self, reason: Stop, detail: object = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Pcapng:
    """A pcapng file: the state of the section that is being read."""

    def __init__(self) -> None:
        self.big = False
        self._interfaces = 0
        self._linktype = np.zeros(16, np.uint16)
        self._snaplen = np.zeros(16, np.int64)
        self._limit = np.zeros(16, np.int64)
        self._units = np.zeros(16, np.uint64)
        self._divisor = np.zeros(16, np.uint64)
        self._shift = np.zeros(16, np.int32)
        self._tsoffset = np.zeros(16, np.int64)

    def _grow(self) -> None:
        """Double the interfaces' tables."""
        for name in _TABLES:
            table = getattr(self, name)
            setattr(self, name, np.concatenate([table, np.zeros_like(table)]))

    def scan(self, window: Window, batch: Batch) -> tuple[Stop, object]:
        """Take frames of `window` into `batch`, and move its `start` behind them."""
        state = np.zeros(4, np.int64)
        data = window.view()
        while True:
            batch.rows = pcapng_blocks(
                data, window.start, window.end, self.big, batch.rows, self._interfaces, cells(self._linktype),
                cells(self._snaplen), cells(self._limit), cells(self._units), cells(self._divisor), cells(self._shift),
                cells(self._tsoffset), cells(batch.offset), cells(batch.cap_len), cells(batch.length),
                cells(batch.time), cells(batch.interface), cells(batch.linktype), cells(batch.flags), cells(state),
            )  # fmt: skip
            batch.flagged = batch.flagged or bool(state[3])
            window.start = int(state[0])
            reason = Stop(int(state[1]))
            if reason != Stop.BLOCK:
                return reason, int(state[2])
            try:
                taken = self.block(data[window.start :])
            except _Damage as e:
                return e.reason, e.detail
            if taken == 0:
                return Stop.MORE, 0
            window.start += taken

    def block(self, data: memoryview) -> int:
        """Take the section header or interface description that `data` begins with.

        Returns its length, 0 when it is not all there; raises _Damage.
        """
        section = data[:4] == MAGIC
        big = self.big
        if section:
            if len(data) < 28:
                return 0
            order = _BYTE_ORDER.get(bytes(data[8:12]))
            if order is None:
                raise _Damage(Stop.SECTION, int.from_bytes(data[8:12], "little"))
            big = order
        prefix = ">" if big else "<"
        total = -(-int(struct.unpack_from(prefix + "I", data, 4)[0]) // 4) * 4
        if total < (28 if section else 20):
            raise _Damage(Stop.BLOCK_TOO_SHORT, total)
        if total > _BIGGEST_BLOCK:
            raise _Damage(Stop.BLOCK_TOO_BIG, total)
        if section:
            major, minor = struct.unpack_from(prefix + "HH", data, 12)
            if major != 1 or minor not in (0, 2):
                raise _Damage(Stop.VERSION, f"{major}.{minor}")
        if len(data) < total:
            return 0
        options = dict(_options(data[24 if section else 16 : total - 4], prefix))
        second = -(-int(struct.unpack_from(prefix + "I", data, total - 4)[0]) // 4) * 4
        if section:
            if second != total:
                raise _Damage(Stop.TRAILER, second)
            self.big = big
            self._interfaces = 0
        else:
            kind, snaplen = struct.unpack_from(prefix + "HxxI", data, 8)
            units = self._resolution(options)
            if second != total:
                raise _Damage(Stop.TRAILER, second)
            tsoffset = options.get(_TSOFFSET, b"")
            seconds = int.from_bytes(tsoffset, "big" if big else "little", signed=True) if len(tsoffset) == 8 else 0
            self._describe(linktype(kind), snaplen, *units, seconds)
        return total

    @staticmethod
    def _resolution(options: dict[int, bytes]) -> tuple[int, int, int]:
        """Ticks a second, and the `divisor` and `shift` of `scan.epoch`."""
        value = options.get(_TSRESOL, b"")
        if len(value) != 1:
            return 1_000_000, 0, 0
        exponent = value[0] & 0x7F
        if value[0] & 0x80:
            if exponent > 63:
                raise _Damage(Stop.RESOLUTION, f"2^-{exponent} s")
            return 1 << exponent, 0, exponent if exponent > 34 else 0
        if exponent > 19:
            raise _Damage(Stop.RESOLUTION, f"10^-{exponent} s")
        return int(10**exponent), int(10 ** (exponent - 9)) if exponent > 9 else 0, 0

    def _describe(self, kind: int, snaplen: int, units: int, divisor: int, shift: int, tsoffset: int) -> None:
        i = self._interfaces
        if i == _INTERFACES:
            return
        if i == len(self._linktype):
            self._grow()
        self._linktype[i] = kind
        self._snaplen[i] = snaplen
        self._limit[i] = longest_frame(kind)
        self._units[i], self._divisor[i], self._shift[i] = units, divisor, shift
        # Kept so that adding the seconds of a time stamp can't overflow.
        self._tsoffset[i] = max(-(1 << 61), min(1 << 61, tsoffset))
        self._interfaces += 1

    def cut(self, head: bytes, have: int) -> str:
        """What the `have` last bytes of a cut file are, which begin with `head`."""
        if have < 8:
            return f"inside a block header ({have} of 8 bytes)"
        big = self.big
        if head[:4] == MAGIC:
            if have < 12:
                return f"inside a section header ({have} bytes)"
            big = _BYTE_ORDER.get(head[8:12], big)
        total = struct.unpack_from(">I" if big else "<I", head, 4)[0]
        return f"inside a block ({have} of {-(-total // 4) * 4} bytes)"


def _options(data: memoryview, prefix: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option, the last of equal ones first; raises _Damage where one runs past the end."""
    at = 0
    found: list[tuple[int, bytes]] = []
    while at < len(data):
        if len(data) - at < 4:
            raise _Damage(Stop.OPTIONS)
        code, size = struct.unpack_from(prefix + "HH", data, at)
        at += 4
        if -(-size // 4) * 4 > len(data) - at:
            raise _Damage(Stop.OPTIONS)
        if code == 0:
            break
        found.append((code, bytes(data[at : at + size])))
        at += -(-size // 4) * 4
    # Wireshark keeps the first of an option that may stand only once; a dict keeps the last.
    return reversed(found)


def open_pcapng(path: str, window: Window) -> Pcapng:
    """Read the first section header; raises CaptureError."""
    form = Pcapng()
    window.need(28)
    while True:
        have = window.end - window.start
        try:
            taken = form.block(window.left())
        except _Damage as e:
            what = DAMAGE[e.reason].format(detail=e.detail)
            raise CaptureError(f"{path}: no readable pcapng file, it begins with {what}; capture it again") from e
        if taken:
            window.start += taken
            return form
        if not window.need(have + 1):
            raise CaptureError(f"{path}: a pcapng file cut inside its header, at byte {have}; copy or capture it again")
