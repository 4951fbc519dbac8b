"""The walk over a TPACKET_V3 ring: one row a frame out of the blocks that the kernel has filled (compiled; the same
source runs plain).

The ring is memory that the kernel writes: each offset in it is held against its block before it is followed. Layout:
`struct tpacket_block_desc`, `struct tpacket3_hdr` and `struct sockaddr_ll` (linux/if_packet.h), in the byte order of
the machine but for the protocol of `sockaddr_ll`.
"""

from __future__ import annotations

import struct
import sys

import cython

if not cython.compiled:
    from collectors.sources.scan import u16, u32

BIG = cython.declare(cython.bint, sys.byteorder == "big")
SECOND = cython.declare(cython.longlong, 1_000_000_000)

# struct tpacket_block_desc
BLOCK_STATUS = cython.declare(cython.Py_ssize_t, 8)
NUM_PKTS = cython.declare(cython.Py_ssize_t, 12)
FIRST_PKT = cython.declare(cython.Py_ssize_t, 16)
BLOCK_HEADER = cython.declare(cython.longlong, 48)
# struct tpacket3_hdr, behind which struct sockaddr_ll stands
HEADER = cython.declare(cython.longlong, 68)
SOCKADDR = cython.declare(cython.Py_ssize_t, 48)
USER = cython.declare(cython.longlong, 1)
VLAN_VALID = cython.declare(cython.longlong, 1 << 4)
TPID_VALID = cython.declare(cython.longlong, 1 << 6)
VLAN_TAG = cython.declare(cython.longlong, 4)
ADDRESSES = cython.declare(cython.longlong, 12)
SLL2 = cython.declare(cython.longlong, 20)
OUTGOING = cython.declare(cython.int, 4)

# Cells of `state`.
BLOCK = cython.declare(cython.Py_ssize_t, 0)
AT = cython.declare(cython.Py_ssize_t, 1)
LEFT = cython.declare(cython.Py_ssize_t, 2)
HELD = cython.declare(cython.Py_ssize_t, 3)
IGNORED = cython.declare(cython.Py_ssize_t, 4)
DAMAGED = cython.declare(cython.Py_ssize_t, 5)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def status(data: cython.uchar[::1], at: cython.Py_ssize_t) -> cython.longlong:
    """The status of the block that begins at `at`, read before anything else of the block is."""
    if cython.compiled and at >= 0 and at + BLOCK_HEADER <= data.shape[0]:
        return load_acquire(cython.address(data[at + BLOCK_STATUS]))  # type: ignore[name-defined]  # noqa: F821
    return u32(data, at + BLOCK_STATUS, BIG)


def give_back(data: cython.uchar[::1], first: cython.longlong, count: cython.longlong, block_bytes: cython.longlong,
              blocks: cython.longlong) -> None:
    """Give `count` blocks from block `first` on, round the ring, to the kernel."""
    i: cython.longlong
    at: cython.Py_ssize_t
    for i in range(count):
        at = (first + i) % blocks * block_bytes + BLOCK_STATUS
        if cython.compiled and at >= 0 and at + 4 <= data.shape[0]:
            store_release(cython.address(data[at]), 0)  # type: ignore[name-defined]  # noqa: F821
        else:
            struct.pack_into("=I", data, at, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def tag(
    data: cython.uchar[::1], start: cython.Py_ssize_t, tpid: cython.longlong, tci: cython.longlong
) -> cython.longlong:
    """Set the VLAN tag that the kernel took off behind the addresses of the Ethernet frame at `start`, by moving them
    4 bytes back; where the frame begins now."""
    i: cython.Py_ssize_t
    start -= VLAN_TAG
    for i in range(ADDRESSES):
        data[start + i] = data[start + VLAN_TAG + i]
    data[start + 12] = tpid >> 8 & 0xFF
    data[start + 13] = tpid & 0xFF
    data[start + 14] = tci >> 8 & 0xFF
    data[start + 15] = tci & 0xFF
    return start


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def cook(
    data: cython.uchar[::1],
    hdr: cython.Py_ssize_t,
    start: cython.Py_ssize_t,
    tpid: cython.longlong,
    tci: cython.longlong,
) -> cython.longlong:
    """Set a LINKTYPE_LINUX_SLL2 header before the packet at `start`, with the VLAN tag if `tpid` is not 0; where it
    begins. `hdr` is where its `tpacket3_hdr` is; the caller has seen that there is room."""
    i: cython.Py_ssize_t
    sll: cython.Py_ssize_t = hdr + SOCKADDR
    protocol: cython.longlong = u16(data, sll + 2, True)
    ifindex: cython.longlong = u32(data, sll + 4, BIG)
    hatype: cython.longlong = u16(data, sll + 8, BIG)
    kind: cython.uchar = data[sll + 10]
    halen: cython.uchar = data[sll + 11]
    if tpid:
        start -= VLAN_TAG
        data[start] = tci >> 8 & 0xFF
        data[start + 1] = tci & 0xFF
        data[start + 2] = protocol >> 8 & 0xFF
        data[start + 3] = protocol & 0xFF
        protocol = tpid
    start -= SLL2
    for i in range(8):
        data[start + 12 + i] = data[sll + 12 + i]
    data[start] = protocol >> 8 & 0xFF
    data[start + 1] = protocol & 0xFF
    data[start + 2] = 0
    data[start + 3] = 0
    for i in range(4):
        data[start + 4 + i] = ifindex >> (24 - 8 * i) & 0xFF
    data[start + 8] = hatype >> 8 & 0xFF
    data[start + 9] = hatype & 0xFF
    data[start + 10] = kind
    data[start + 11] = halen
    return start


def walk(
    data: cython.uchar[::1],
    block_bytes: cython.longlong,
    blocks: cython.longlong,
    most_blocks: cython.longlong,
    ethernet: cython.bint,
    cooked: cython.bint,
    snaplen: cython.longlong,
    loopback: cython.longlong,
    offset: cython.longlong[::1],
    cap_len: cython.uint[::1],
    length: cython.uint[::1],
    time: cython.longlong[::1],
    direction: cython.uchar[::1],
    state: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Take frames of the ring `data` (`blocks` of `block_bytes`) into the arrays; returns how many.

    It stops when the arrays are full, `most_blocks` are done with, or the kernel has no other block ready. `state`
    (int64, 6 cells) is where it goes on: the block, where in it the next frame stands (0: not begun) and how many are
    left, the blocks done with, frames ignored (the outgoing copies on interface number `loopback`, as libpcap does),
    frames lost to a block that makes no sense. `cooked` frames get a header of LINKTYPE_LINUX_SLL2; `snaplen` (bytes)
    counts it, as it does the VLAN tag.
    """
    rows: cython.Py_ssize_t = 0
    room: cython.Py_ssize_t = offset.shape[0]
    base: cython.longlong
    at: cython.longlong
    hdr: cython.longlong
    mac: cython.longlong
    captured: cython.longlong
    wire: cython.longlong
    flags: cython.longlong
    tpid: cython.longlong
    tci: cython.longlong
    following: cython.longlong
    need: cython.longlong
    start: cython.Py_ssize_t
    with cython.nogil:
        while rows < room and state[HELD] < most_blocks:
            base = state[BLOCK] * block_bytes
            if state[AT] == 0:
                if not status(data, base) & USER:
                    break
                state[LEFT] = u32(data, base + NUM_PKTS, BIG)
                state[AT] = u32(data, base + FIRST_PKT, BIG)
                if state[AT] < BLOCK_HEADER:
                    state[DAMAGED] += state[LEFT]
                    state[LEFT] = 0
            while state[LEFT] > 0 and rows < room:
                at = state[AT]
                if at + HEADER > block_bytes:
                    state[DAMAGED] += state[LEFT]
                    state[LEFT] = 0
                    break
                hdr = base + at
                following = u32(data, hdr, BIG)
                captured = u32(data, hdr + 12, BIG)
                wire = u32(data, hdr + 16, BIG)
                flags = u32(data, hdr + 20, BIG)
                mac = u16(data, hdr + 24, BIG)
                if (
                    mac < HEADER
                    or at + mac + captured > block_bytes
                    or (following < HEADER and state[LEFT] > 1)
                ):
                    state[DAMAGED] += state[LEFT]
                    state[LEFT] = 0
                    break
                state[AT] = at + following
                state[LEFT] -= 1
                direction[rows] = data[hdr + SOCKADDR + 10]
                if loopback and direction[rows] == OUTGOING and u32(data, hdr + SOCKADDR + 4, BIG) == loopback:
                    state[IGNORED] += 1
                    continue
                time[rows] = u32(data, hdr + 4, BIG) * SECOND + u32(data, hdr + 8, BIG)
                tci = u32(data, hdr + 32, BIG)
                tpid = 0
                if tci or flags & VLAN_VALID:
                    tpid = u16(data, hdr + 36, BIG)
                    if tpid == 0 and not flags & TPID_VALID:
                        tpid = 0x8100
                start = hdr + mac
                if cooked:
                    need = SLL2 + VLAN_TAG if tpid else SLL2
                    if mac - need < HEADER:
                        state[DAMAGED] += 1
                        continue
                    start = cook(data, hdr, start, tpid, tci)
                    captured += need
                    wire += need
                elif ethernet and tpid and captured >= ADDRESSES and mac - VLAN_TAG >= HEADER:
                    start = tag(data, start, tpid, tci)
                    captured += VLAN_TAG
                    wire += VLAN_TAG
                offset[rows] = start
                cap_len[rows] = captured if captured < snaplen else snaplen
                length[rows] = wire
                rows += 1
            if state[LEFT] == 0:
                state[AT] = 0
                state[HELD] += 1
                state[BLOCK] = state[BLOCK] + 1 if state[BLOCK] + 1 < blocks else 0
    return rows
