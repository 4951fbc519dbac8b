"""Frames to records of a capture file, many at a time (compiled; the same source runs plain).

Both functions take the frames from row `first` to row `end` - 1 of a `Frames`' arrays, write their records into `out`
from its beginning, and stop early where `out` has no room for another one, or, with a `limit`, where the file, which
has `size` bytes already, is longer than that. They return how many rows they took, and leave in `state[0]` the bytes
written. Numbers are little-endian, times nanoseconds.
"""

from __future__ import annotations

import cython

ENHANCED_PACKET = cython.declare(cython.longlong, 6)
EPB_FLAGS = cython.declare(cython.longlong, 2 | 4 << 16)
UNKNOWN = cython.declare(cython.int, 255)
SECOND = cython.declare(cython.longlong, 1_000_000_000)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def copy(
    out: cython.uchar[::1],
    at: cython.longlong,
    data: cython.const[cython.uchar][::1],
    start: cython.longlong,
    count: cython.longlong,
) -> cython.int:
    """Copy `count` bytes from `start` of `data` to `at` of `out`; where either is too short, those that are there."""
    if at < 0 or start < 0 or at >= out.shape[0] or start >= data.shape[0]:
        return 0
    count = min(count, out.shape[0] - at, data.shape[0] - start)
    if count > 0:
        if cython.compiled:
            memcpy(cython.address(out[at]), cython.address(data[start]), count)  # type: ignore[name-defined]  # noqa: F821
        else:
            out[at : at + count] = data[start : start + count]
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def put32(out: cython.uchar[::1], at: cython.longlong, value: cython.longlong) -> cython.int:
    """Four bytes of a number."""
    out[at] = value & 0xFF
    out[at + 1] = value >> 8 & 0xFF
    out[at + 2] = value >> 16 & 0xFF
    out[at + 3] = value >> 24 & 0xFF
    return 0


def pcapng_packets(
    data: cython.const[cython.uchar][::1],
    offset: cython.const[cython.longlong][::1],
    cap_len: cython.const[cython.uint][::1],
    length: cython.const[cython.uint][::1],
    time: cython.const[cython.longlong][::1],
    interface: cython.const[cython.ushort][::1],
    flags: cython.const[cython.uchar][::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    size: cython.longlong,
    limit: cython.longlong,
    out: cython.uchar[::1],
    state: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Enhanced packet blocks (pcapng draft, 4.3); `flags` of 255 mean none, others are the low byte of epb_flags."""
    at: cython.longlong = 0
    captured: cython.longlong
    padded: cython.longlong
    total: cython.longlong
    i: cython.Py_ssize_t = first
    room: cython.longlong = out.shape[0]
    with cython.nogil:
        while i < end:
            captured = cap_len[i]
            padded = (captured + 3) // 4 * 4
            total = 32 + padded if flags[i] == UNKNOWN else 44 + padded
            if at + total > room or (limit and size + at > limit):
                break
            put32(out, at, ENHANCED_PACKET)
            put32(out, at + 4, total)
            put32(out, at + 8, interface[i])
            put32(out, at + 12, time[i] >> 32)
            put32(out, at + 16, time[i])
            put32(out, at + 20, captured)
            put32(out, at + 24, length[i])
            # Padding must be zero; what the frame covers of it is copied over.
            if padded:
                put32(out, at + 28 + padded - 4, 0)
            copy(out, at + 28, data, offset[i], captured)
            if flags[i] != UNKNOWN:
                put32(out, at + 28 + padded, EPB_FLAGS)
                put32(out, at + 32 + padded, flags[i])
                put32(out, at + 36 + padded, 0)
            put32(out, at + total - 4, total)
            at += total
            i += 1
    state[0] = at
    return i - first


def pcap_records(
    data: cython.const[cython.uchar][::1],
    offset: cython.const[cython.longlong][::1],
    cap_len: cython.const[cython.uint][::1],
    length: cython.const[cython.uint][::1],
    time: cython.const[cython.longlong][::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    size: cython.longlong,
    limit: cython.longlong,
    out: cython.uchar[::1],
    state: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Records of a pcap file with nanoseconds."""
    at: cython.longlong = 0
    captured: cython.longlong
    seconds: cython.longlong
    i: cython.Py_ssize_t = first
    room: cython.longlong = out.shape[0]
    with cython.nogil:
        while i < end:
            captured = cap_len[i]
            if at + 16 + captured > room or (limit and size + at > limit):
                break
            seconds = time[i] // SECOND
            put32(out, at, seconds)
            put32(out, at + 4, time[i] - seconds * SECOND)
            put32(out, at + 8, captured)
            put32(out, at + 12, length[i])
            copy(out, at + 16, data, offset[i], captured)
            at += 16 + captured
            i += 1
    state[0] = at
    return i - first
