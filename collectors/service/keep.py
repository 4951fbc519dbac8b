"""What bytes of a frame travel: all, those that some tracker can use, or the headers through the transport layer.

A frame that is cut is as a smaller snap length would have captured it: `frame.cap_len` and `shoal.payload.len` tell.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.registry import UDP_GUESSES
from pipeline.schema.columns import Columns

Keep = Literal["headers", "smart", "full"]
KEEP: tuple[Keep, ...] = ("headers", "smart", "full")

FIRST_BYTES = 16_384
"""Payload bytes at the beginning of each TCP direction that `smart` keeps, by sequence number."""

CONTROL_PORTS = np.array([
    53, 67, 68, 69, 88, 111, 123, 137, 138, 161, 162, 319, 320, 389, 464, 500, 514, 520, 521, 546, 547, 623, 1645, 1646,
    1812, 1813, 1900, 1985, 2123, 2427, 2727, 3222, 3478, 3702, 3784, 4011, 4500, 5060, 5061, 5353, 5355, 5683, 8000,
], np.uint16)  # fmt: skip
"""UDP ports (IANA) of protocols whose datagrams are exchanges, not bulk: names, addresses, time, keys, calls."""

_QUIC_LONG = 0xC0
_ESP = 50


def kept(columns: Columns, keep: Keep, first_bytes: int = FIRST_BYTES) -> None:
    """Cut the bytes of the rows to what `keep` says, in place."""
    if keep == "full" or not columns.rows:
        return
    wanted = None if keep == "headers" else _wanted(columns, first_bytes)
    cut = _bulk(columns) if wanted is None else _bulk(columns) & ~wanted
    for row in list(columns.datagrams):
        if wanted is None or not wanted[row]:
            del columns.datagrams[row]
    offset = columns.values("shoal.payload.offset").astype(np.uint32)
    payload, cap_len = columns.values("shoal.payload.len"), columns.values("frame.cap_len")
    cut &= (payload != 0) & (offset < cap_len.astype(np.uint32, copy=False))
    lengths = np.where(cut, offset, columns.raw_length[: columns.rows]).astype(np.uint32)
    columns.raw_length = lengths
    cap_len[...] = np.where(cut, offset, cap_len)
    payload[...] = np.where(cut, 0, payload)


def _there(columns: Columns, name: str) -> NDArray[np.bool_]:
    there = columns.present(name)
    assert there is not None
    return there


def _bulk(columns: Columns) -> NDArray[np.bool_]:
    """Rows whose payload behind the headers is user data: of TCP, UDP and ESP.

    A fragment is left whole: what is in it is known only of the datagram.
    """
    bulk = _there(columns, "tcp.hdr_len") | _there(columns, "udp.length")
    bulk |= _there(columns, "ip.proto") & (columns.values("ip.proto") == _ESP)
    bulk |= _there(columns, "ipv6.nxt") & (columns.values("ipv6.nxt") == _ESP)
    whole: NDArray[np.bool_] = columns.values("ip.frag_offset") != 0
    whole |= columns.values("ip.flags").astype(np.uint8) & 1 != 0
    whole |= _there(columns, "ipv6.fraghdr.nxt") | (columns.values("shoal.malformed") != 0)
    return bulk & ~whole


def _wanted(columns: Columns, first_bytes: int) -> NDArray[np.bool_]:
    """Of bulk, the rows that some tracker can use."""
    begins = _there(columns, "tcp.seq") & (columns.values("tcp.seq").astype(np.uint32) < first_bytes)
    udp = _there(columns, "udp.length")
    control = np.isin(columns.values("udp.srcport"), CONTROL_PORTS)
    control |= np.isin(columns.values("udp.dstport"), CONTROL_PORTS)
    return begins | (udp & (control | _long_headers(columns, udp) | _guessed(columns, udp)))


def _guessed(columns: Columns, udp: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Datagrams at other ports that look like an exchange's."""
    found = np.zeros(columns.rows, np.bool_)
    rows = np.flatnonzero(udp)
    for guess in UDP_GUESSES.values():
        found[rows] |= guess(columns, rows)
    return found


def _long_headers(columns: Columns, udp: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Datagrams that begin as a QUIC packet with a long header does (RFC 9000, section 17.2): the handshake."""
    found = np.zeros(columns.rows, np.bool_)
    rows = np.flatnonzero(udp & (columns.values("shoal.payload.len").astype(np.uint32) > 0))
    at = columns.raw_offset[rows] + columns.values("shoal.payload.offset")[rows].astype(np.int64)
    buffer = np.frombuffer(columns.raw_buffer, np.uint8)
    found[rows] = buffer[at] >= _QUIC_LONG
    return found
