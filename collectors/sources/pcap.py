"""pcap: the file header with its variants, and the scan of its records (draft-ietf-opsawg-pcap, Wireshark)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from collectors.sources.batch import Batch, cells
from collectors.sources.frames import CaptureError
from collectors.sources.linktypes import aix_linktype, linktype, longest_frame
from collectors.sources.scan import pcap_records
from collectors.sources.stop import Stop
from collectors.sources.stream import Window

STANDARD = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34
IXIA_HARDWARE = 0x1C0001AC
IXIA_SOFTWARE = 0x1C0001AB
_MAGICS = (STANDARD, NANOSECONDS, MODIFIED, IXIA_HARDWARE, IXIA_SOFTWARE)

PLAIN_HEADER = 16
MODIFIED_HEADER = 24
MODIFIED_LONG_HEADER = 28
NOKIA_HEADER = 20
"""Bytes of a record header in the variants: Alexey Kuznetsov's patches of 1999 (24, and 28 of SuSE 6.3), Nokia's."""

_TRIED_RECORDS = 3
_LOOK_AHEAD = 1 << 20
_LONGEST_WIRE = 128 << 20


@dataclass(slots=True)
class Pcap:
    """One pcap file: what its header says. `swapped` as in `scan.pcap_records`."""

    big: bool
    nanos: bool
    header: int
    swapped: int
    snaplen: int
    linktype: int

    def scan(self, window: Window, batch: Batch) -> tuple[Stop, object]:
        """Take frames of `window` into `batch`, and move its `start` behind them."""
        state = np.zeros(3, np.int64)
        rows = pcap_records(
            window.view(), window.start, window.end, self.big, self.header, self.nanos, self.swapped,
            longest_frame(self.linktype), cells(batch.offset), cells(batch.cap_len), cells(batch.length),
            cells(batch.time), cells(state),
        )  # fmt: skip
        batch.linktype[:rows] = self.linktype
        batch.rows = rows
        window.start = int(state[0])
        return Stop(int(state[1])), int(state[2])

    def lengths(self, first: int, second: int) -> tuple[int, int]:
        """Captured and original length, as `first` and `second` of a record header."""
        swapped = self.swapped == 1 or (self.swapped == 2 and first > second)
        return (second, first) if swapped else (first, second)

    def cut(self, head: bytes, have: int) -> str:
        """What the `have` last bytes of a cut file are, which begin with `head`."""
        if have < self.header:
            return f"inside a record header ({have} of {self.header} bytes)"
        captured, _ = self.lengths(*struct.unpack_from(">II" if self.big else "<II", head, 8))
        return f"inside a record ({have} of {self.header + captured} bytes)"


def byte_order(head: bytes) -> bool | None:
    """Whether a pcap file that begins with `head` is big-endian; None for what is no pcap file."""
    if len(head) < 4:
        return None
    if int.from_bytes(head[:4], "little") in _MAGICS:
        return False
    return True if int.from_bytes(head[:4], "big") in _MAGICS else None


def open_pcap(path: str, window: Window, piped: bool) -> Pcap:
    """Read the file header and stand at the first record; raises CaptureError.

    Some variants share a magic number. As Wireshark does, each is tried on the first records, and the one with the
    fewest oddities taken; but a pipe with the standard magic is standard, since its records may not have come yet.
    """
    window.need(24)
    head = bytes(window.left()[:24])
    big = bool(byte_order(head))
    order = ">" if big else "<"
    magic = struct.unpack_from(order + "I", head)[0]
    ixia = magic in (IXIA_HARDWARE, IXIA_SOFTWARE)
    size = 28 if ixia else 24
    if not window.need(size):
        raise CaptureError(f"{path}: a pcap file cut inside its header, at byte {len(window.left())} of {size}; "
                           "copy or capture it again")  # fmt: skip
    major, minor, snaplen, network = struct.unpack_from(order + "4xHH8xII", head)
    if major < 2:
        raise CaptureError(f"{path}: a pcap file of version {major}.{minor}; only 2.0 and later can be read")
    # The upper half tells the length of the frame check sequence.
    kind = linktype(network & 0xFFFF)
    nanos = magic in (NANOSECONDS, IXIA_HARDWARE)
    swapped = {2: (1, 1, 1, 2)[minor] if minor < 4 else 0, 543: 1}.get(major, 0)
    aix = aix_linktype(network) if magic == STANDARD and (major, minor) == (2, 2) else None
    if aix is not None:
        nanos, kind = True, aix
    window.start += size
    form = Pcap(big, nanos, PLAIN_HEADER, swapped, snaplen, kind)
    if magic == MODIFIED:
        form.header = _likeliest(window, (MODIFIED_HEADER, MODIFIED_LONG_HEADER), form)
    elif magic == STANDARD and aix is None and not piped:
        form.header = _likeliest(window, (PLAIN_HEADER, MODIFIED_HEADER, NOKIA_HEADER), form)
    return form


def _likeliest(window: Window, headers: tuple[int, ...], form: Pcap) -> int:
    window.need(_LOOK_AHEAD)
    data = window.left()[:_LOOK_AHEAD]
    # What lies behind the look-ahead is taken to be whole.
    end = len(data) if window.ended and len(window.left()) <= _LOOK_AHEAD else 1 << 40
    # Other than Wireshark, that a file seems cut is not held against its usual form: else the first frame of one that
    # is cut 8 bytes behind it would be taken for a modified record, and its bytes be shifted.
    return min(headers, key=lambda header: _oddities(data, header, form, end, cut=int(header != headers[0])))


def _oddities(data: memoryview, header: int, form: Pcap, end: int, cut: int) -> int:
    """How much makes no sense in the first odd record, with record headers of `header` bytes (as Wireshark 4.0 counts).

    `end` is where the capture ends, and `cut` what counts for a record that is not all there.
    """
    at = 0
    for _ in range(_TRIED_RECORDS):
        if at == end:
            break
        if at + header > end:
            return cut
        if at + header > len(data):
            break
        fraction, *lengths = struct.unpack_from(">III" if form.big else "<III", data, at + 4)
        captured, original = form.lengths(*lengths)
        odd: int = (
            (fraction >= 1_000_000)
            + (captured > longest_frame(form.linktype))
            + (original > _LONGEST_WIRE)
            + (captured > form.snaplen)
            + (captured > original)
        )
        if odd:
            return odd
        at += header + captured
        if at > end:
            return cut
    return 0
