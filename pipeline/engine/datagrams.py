"""What a reassembled datagram tells goes to the row of the frame that completed it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources.frames import Frames
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_RAW_IPV6 = 229
_O_LEN = _s.item("outer", "u16", "shoal.outer.len")
_O_HDR_LEN = _s.item("outer", "u8", "shoal.outer.hdr_len")
_O_CHECKSUM = _s.item("outer", "u16", "shoal.outer.checksum")
_O_FLOW = _s.item("outer", "u32", "shoal.outer.flow")
_O_FLAGS = _s.item("outer", "u8", "shoal.outer.flags")
_O_FRAG = _s.item("outer", "u16", "shoal.outer.frag_offset")
_OWN_PLACE = ("eth", "inner.eth", "llc", "snap", "sll", "ppp", "arp", "tcp.stream", "udp.stream")
_NETWORK = ("ip", "ipv6", "ip.version", "ipv6.fraghdr")
# By lane, what a whole datagram can tell of a row: slab and slot of each of its columns. The rest the fragment told.
_TOLD = {
    _s.lane(name): [(c.of.slab, getattr(_s, c.of.slab)(c.name)) for c in cells]
    for name, cells in PACKETS.lanes.items()
    if not name.startswith(_OWN_PLACE)
}
_NETWORK_LANES = {_s.lane(name) for name in _NETWORK}
_FLOW_ID = _s.u64("shoal.flow_id")


def merge(columns: Columns, rows: NDArray[np.int64], frames: Frames, whole: Columns) -> None:
    """Decode the datagrams `frames` in `whole`, and copy to `rows` of `columns` what their fragments could not tell.

    `rows` has shape (datagrams,), ascending.
    """
    decode(frames, whole)
    n = len(rows)
    outer = whole.lists["outer"].offsets[: n + 1]
    tunnelled = outer[1:] > outer[:-1]
    if outer[n]:
        _own_header(columns, rows[tunnelled], whole, outer[:-1][tunnelled], frames.linktype[tunnelled])
    lane = whole.lane[:, :n]
    for at in np.flatnonzero(lane.any(axis=1)).tolist():
        cells = _TOLD.get(at)
        if cells is None:
            continue
        there = lane[at] != 0
        if at in _NETWORK_LANES:
            there &= tunnelled
        which = np.flatnonzero(there)
        to = rows[which]
        columns.lane[at, to] = lane[at, which]
        for slab, slot in cells:
            getattr(columns, slab)[slot, to] = getattr(whole, slab)[slot, which]
    columns.u64[_FLOW_ID, rows] = whole.u64[_FLOW_ID, :n]
    for name, lists in whole.lists.items():
        if lists.offsets[n]:
            columns.lists[name].splice(rows, columns.rows, lists)
    starts = whole.raw_offset[:n] + whole.values("shoal.payload.offset")[:n].astype(np.int64)
    sizes = whole.values("shoal.payload.len")[:n].tolist()
    for row, start, size in zip(rows.tolist(), starts.tolist(), sizes, strict=True):
        columns.datagrams[row] = bytes(whole.raw_buffer[start : start + size])


def _own_header(columns: Columns, rows: NDArray[np.int64], whole: Columns, items: NDArray[np.int32],
                linktype: NDArray[np.uint16]) -> None:
    """The header outside is the fragment's own, not the one made for the whole datagram."""
    outer = whole.lists["outer"]
    six = linktype == _RAW_IPV6
    at, of = items[six], rows[six]
    outer.u16[_O_LEN, at] = columns.values("ipv6.plen")[of]
    outer.u32[_O_FLOW, at] = columns.values("ipv6.flow")[of]
    at, of = items[~six], rows[~six]
    outer.u16[_O_LEN, at] = columns.values("ip.len")[of]
    outer.u8[_O_HDR_LEN, at] = columns.values("ip.hdr_len")[of]
    outer.u16[_O_CHECKSUM, at] = columns.values("ip.checksum")[of]
    outer.u8[_O_FLAGS, at] = columns.values("ip.flags")[of]
    outer.u16[_O_FRAG, at] = columns.values("ip.frag_offset")[of]
