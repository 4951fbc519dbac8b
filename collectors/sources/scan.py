"""The record scan: where the frames of a run of capture bytes stand (compiled; the same source runs plain).

Both scans write one row a frame into the arrays given, and into `state` (int64, 3 cells) where they stopped: the
position of the first record not taken, the reason (`Stop`), and a number that belongs to the reason.
"""

from __future__ import annotations

import cython

from collectors.sources.stop import Stop

MORE = cython.declare(cython.longlong, int(Stop.MORE))
FULL = cython.declare(cython.longlong, int(Stop.FULL))
BLOCK = cython.declare(cython.longlong, int(Stop.BLOCK))
FRAME_TOO_BIG = cython.declare(cython.longlong, int(Stop.FRAME_TOO_BIG))
BLOCK_TOO_SHORT = cython.declare(cython.longlong, int(Stop.BLOCK_TOO_SHORT))
BLOCK_TOO_BIG = cython.declare(cython.longlong, int(Stop.BLOCK_TOO_BIG))
TRAILER = cython.declare(cython.longlong, int(Stop.TRAILER))
INTERFACE = cython.declare(cython.longlong, int(Stop.INTERFACE))
DATA_PAST_BLOCK = cython.declare(cython.longlong, int(Stop.DATA_PAST_BLOCK))
OPTIONS = cython.declare(cython.longlong, int(Stop.OPTIONS))

SECTION_HEADER = cython.declare(cython.longlong, 0x0A0D0D0A)
INTERFACE_DESCRIPTION = cython.declare(cython.longlong, 1)
OLD_PACKET = cython.declare(cython.longlong, 2)
SIMPLE_PACKET = cython.declare(cython.longlong, 3)
ENHANCED_PACKET = cython.declare(cython.longlong, 6)

# As Wireshark's: an enhanced packet block with the largest D-Bus message and 128 KiB of options.
BIGGEST_BLOCK = cython.declare(cython.longlong, 32 + 134_217_728 + 131_072)

LOW_32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
WRAP_32 = cython.declare(cython.longlong, 1 << 32)
FLAGLESS = cython.declare(cython.longlong, (1 << 32) - 1)
HALF_32 = cython.declare(cython.longlong, 1 << 31)
SECOND = cython.declare(cython.ulonglong, 1_000_000_000)
LAST_SECOND = cython.declare(cython.longlong, 9_223_372_035)
FIRST_SECOND = cython.declare(cython.longlong, -9_223_372_036)
MOST_TICKS = cython.declare(cython.ulonglong, 1 << 62)
LAST_TIME = cython.declare(cython.longlong, (1 << 63) - 1)
FIRST_TIME = cython.declare(cython.longlong, -(1 << 63))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, big: cython.bint) -> cython.longlong:
    """Two bytes of `data` as a number."""
    if big:
        return data[at] << 8 | data[at + 1]
    return data[at] | data[at + 1] << 8


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(-1, check=False)
def u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, big: cython.bint) -> cython.longlong:
    """Four bytes of `data` as a number."""
    if cython.compiled and at >= 0 and at + 4 <= data.shape[0]:
        return read_u32(cython.address(data[at]), big)  # type: ignore[name-defined]  # noqa: F821
    if big:
        return cython.cast(cython.longlong, data[at]) << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.longlong, data[at + 3]) << 24


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def options_hold(
    data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t, big: cython.bint
) -> cython.longlong:
    """0 where the options of a packet block don't keep to their lengths and to `end` (pcapng draft, 3.5 and 4.3), else
    its flags (NO_FLAGS without any) plus 1."""
    flags: cython.longlong = FLAGLESS
    code: cython.longlong
    size: cython.longlong
    while at < end:
        if end - at < 4:
            return 0
        code = u16(data, at, big)
        size = u16(data, at + 2, big)
        at += 4
        if (size + 3) // 4 * 4 > end - at:
            return 0
        if code == 0:
            break
        if code in (2, 6) and size != 4:
            return 0
        if code == 2 and flags == FLAGLESS:
            flags = u32(data, at, big)
        if code in (4, 5) and size != 8:
            return 0
        if code in (3, 7) and size < 1:
            return 0
        if code == 7 and data[at] in (1, 2) and size != 9:
            return 0
        if code in (2988, 2989, 19372, 19373) and size < 4:
            return 0
        at += (size + 3) // 4 * 4
    return flags + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def epoch(
    ticks: cython.ulonglong,
    units: cython.ulonglong,
    divisor: cython.ulonglong,
    shift: cython.int,
    offset: cython.longlong,
) -> cython.longlong:
    """Nanoseconds since 1970 of a pcapng time stamp, saturating at the ends of int64.

    `units` ticks are a second. Where the ticks left over times 10**9 could exceed 64 bits, `divisor` (decimal) or
    `shift` (binary resolutions) is not 0 and gives the nanoseconds another way.
    """
    seconds: cython.ulonglong = ticks // units
    rest: cython.ulonglong = ticks % units
    if divisor:
        rest = rest // divisor
    elif shift:
        rest = ((rest >> 32) * SECOND + (((rest & LOW_32) * SECOND) >> 32)) >> (shift - 32)
    else:
        rest = rest * SECOND // units
    if seconds > MOST_TICKS:
        seconds = MOST_TICKS
    total: cython.longlong = cython.cast(cython.longlong, seconds) + offset
    if total > LAST_SECOND:
        return LAST_TIME
    if total < FIRST_SECOND:
        return FIRST_TIME
    return total * cython.cast(cython.longlong, SECOND) + cython.cast(cython.longlong, rest)


def pcap_records(
    data: cython.const[cython.uchar][::1],
    start: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    big: cython.bint,
    header: cython.Py_ssize_t,
    nanos: cython.bint,
    swapped: cython.int,
    limit: cython.longlong,
    offset: cython.longlong[::1],
    cap_len: cython.uint[::1],
    length: cython.uint[::1],
    time: cython.longlong[::1],
    state: cython.longlong[::1],
) -> int:
    """Find the pcap records in `data[start:end]`; returns how many rows were written.

    `header` is the size of a record header (bytes), `nanos` says that fractions are nanoseconds, `limit` is the
    largest captured length believed. `swapped`: 0 captured length first, 1 original length first (before version
    2.3), 2 whichever makes sense (version 2.3). Rows go to `offset` int64, `cap_len` and `length` uint32, `time` int64.
    """
    row: cython.Py_ssize_t = 0
    rows: cython.Py_ssize_t = offset.shape[0]
    at: cython.Py_ssize_t = start
    captured: cython.longlong
    original: cython.longlong
    seconds: cython.longlong
    fraction: cython.longlong
    if start < 0 or end > data.shape[0]:
        raise IndexError("records outside of their buffer")
    with cython.nogil:
        state[1] = FULL
        state[2] = 0
        while row < rows:
            if end - at < header:
                state[1] = MORE
                break
            if cython.compiled:
                # Without a call for each: a view of memory is much to hand over.
                seconds = read_u32(cython.address(data[at]), big)  # type: ignore[name-defined]  # noqa: F821
                fraction = read_u32(cython.address(data[at + 4]), big)  # type: ignore[name-defined]  # noqa: F821
                captured = read_u32(cython.address(data[at + 8]), big)  # type: ignore[name-defined]  # noqa: F821
                original = read_u32(cython.address(data[at + 12]), big)  # type: ignore[name-defined]  # noqa: F821
            else:
                seconds = u32(data, at, big)
                fraction = u32(data, at + 4, big)
                captured = u32(data, at + 8, big)
                original = u32(data, at + 12, big)
            if swapped == 1 or (swapped == 2 and captured > original):
                captured, original = original, captured
            if captured > limit:
                state[1] = FRAME_TOO_BIG
                state[2] = captured
                break
            if end - at - header < captured:
                state[1] = MORE
                break
            if not nanos:
                fraction = fraction * 1000 % WRAP_32
            # Wireshark keeps the fraction in a signed 32-bit number, so one out of range goes back in time.
            if fraction >= HALF_32:
                fraction -= WRAP_32
            time[row] = seconds * cython.cast(cython.longlong, SECOND) + fraction
            offset[row] = at + header
            cap_len[row] = cython.cast(cython.uint, captured)
            length[row] = cython.cast(cython.uint, original)
            at += header + captured
            row += 1
        state[0] = at
    return row


def pcapng_blocks(
    data: cython.const[cython.uchar][::1],
    start: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    big: cython.bint,
    row: cython.Py_ssize_t,
    interfaces: cython.Py_ssize_t,
    if_linktype: cython.ushort[::1],
    if_snaplen: cython.longlong[::1],
    if_limit: cython.longlong[::1],
    if_units: cython.ulonglong[::1],
    if_divisor: cython.ulonglong[::1],
    if_shift: cython.int[::1],
    if_tsoffset: cython.longlong[::1],
    offset: cython.longlong[::1],
    cap_len: cython.uint[::1],
    length: cython.uint[::1],
    time: cython.longlong[::1],
    interface: cython.ushort[::1],
    linktype: cython.ushort[::1],
    flags: cython.uint[::1],
    state: cython.longlong[::1],
) -> int:
    """Find the packets of one pcapng section in `data[start:end]`, from `row` on; returns the row after the last.

    Takes enhanced, simple and obsolete packet blocks and passes over others, but stops with BLOCK at a section header
    or an interface description. `if_*` describe the section's `interfaces`: link type, snap length (0: none), largest
    captured length believed, and what `epoch` takes. `state[3]` is whether any of them has flags.
    """
    rows: cython.Py_ssize_t = offset.shape[0]
    at: cython.Py_ssize_t = start
    kind: cython.longlong
    total: cython.longlong
    second: cython.longlong
    fixed: cython.longlong
    captured: cython.longlong
    original: cython.longlong
    number: cython.longlong
    padded: cython.longlong
    stamp: cython.ulonglong
    reason: cython.longlong
    held: cython.longlong
    flagged: cython.longlong = 0
    detail: cython.longlong = 0
    with cython.nogil:
        while True:
            if row >= rows:
                reason = FULL
                break
            if end - at < 8:
                reason = MORE
                break
            kind = u32(data, at, big)
            if kind in (SECTION_HEADER, INTERFACE_DESCRIPTION):
                reason = BLOCK
                break
            total = detail = (u32(data, at + 4, big) + 3) // 4 * 4
            if total < 12:
                reason = BLOCK_TOO_SHORT
                break
            if total > BIGGEST_BLOCK:
                reason = BLOCK_TOO_BIG
                break
            fixed = 0
            if kind in (ENHANCED_PACKET, OLD_PACKET):
                fixed = 28
            elif kind == SIMPLE_PACKET:
                fixed = 12
            if fixed and total < fixed + 4:
                reason = BLOCK_TOO_SHORT
                break
            if end - at < total:
                reason = MORE
                break
            second = (u32(data, at + total - 4, big) + 3) // 4 * 4
            if fixed:
                stamp = 0
                if kind == SIMPLE_PACKET:
                    number = 0
                    original = captured = u32(data, at + 8, big)
                else:
                    if kind == ENHANCED_PACKET:
                        number = u32(data, at + 8, big)
                    else:
                        number = u16(data, at + 8, big)
                    stamp = cython.cast(cython.ulonglong, u32(data, at + 12, big)) << 32 | cython.cast(
                        cython.ulonglong, u32(data, at + 16, big)
                    )
                    captured = u32(data, at + 20, big)
                    original = u32(data, at + 24, big)
                if number >= interfaces:
                    reason = INTERFACE
                    detail = number
                    break
                if kind == SIMPLE_PACKET and if_snaplen[number] and captured > if_snaplen[number]:
                    captured = if_snaplen[number]
                padded = (captured + 3) // 4 * 4
                if fixed + padded + 4 > total:
                    reason = DATA_PAST_BLOCK
                    detail = captured
                    break
                if captured > if_limit[number]:
                    reason = FRAME_TOO_BIG
                    detail = captured
                    break
                held = FLAGLESS + 1
                if kind != SIMPLE_PACKET:
                    held = options_hold(data, at + fixed + padded, at + total - 4, big)
                    if held == 0:
                        reason = OPTIONS
                        break
                if second != total:
                    reason = TRAILER
                    detail = second
                    break
                offset[row] = at + fixed
                cap_len[row] = cython.cast(cython.uint, captured)
                length[row] = cython.cast(cython.uint, original)
                # A simple packet block bears no time.
                time[row] = 0
                if kind != SIMPLE_PACKET:
                    time[row] = epoch(
                        stamp, if_units[number], if_divisor[number], if_shift[number], if_tsoffset[number]
                    )
                interface[row] = cython.cast(cython.ushort, number)
                linktype[row] = if_linktype[number]
                flags[row] = cython.cast(cython.uint, held - 1)
                if held <= FLAGLESS:
                    flagged = 1
                row += 1
            elif second != total:
                reason = TRAILER
                detail = second
                break
            at += total
        state[0] = at
        state[1] = reason
        state[2] = detail
        state[3] = flagged
    return row
