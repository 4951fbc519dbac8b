"""Which of the checks that are made at any port a payload may pass, by its first bytes: the others are not asked.

Each hint is what the check of that name demands at least, so that no check that would tell something is left out.
"""

from __future__ import annotations

import cython

from pipeline.engine.names import machines, media, network, offices, rpc, secure, speech, windows
from pipeline.engine.names.declare import Check

ALWAYS = 63
"""The bit of checks without a hint."""
_ALWAYS = cython.declare(cython.ulonglong, 1 << 63)
_LONGEST = cython.declare(cython.int, 34)

DATAGRAM_BITS: dict[Check, int] = {check: bit for bit, check in enumerate((
    media.stun_heard, media.classic_stun, secure.dtls_heard, secure.quic, secure.gquic, secure.wireguard, media.sip,
    rpc.rpc_heard, rpc.dcerpc_datagram, media.rtcp, offices.bt_dht, network.raknet, network.rtps, network.thrift,
    media.mpeg_ts, network.can_eth, network.miop,
))}  # fmt: skip
"""The bits of `datagram_hints`."""
SEGMENT_BITS: dict[Check, int] = {check: bit for bit, check in enumerate((
    machines.stun_heard, speech.fix_heard, machines.vnc_heard, speech.sip_heard, windows.call_heard,
    machines.rpc_stream_heard, machines.bittorrent, machines.thrift_heard, machines.drda_heard, machines.tds_heard,
    machines.giop_heard, machines.ceph_heard, machines.openwire_heard, machines.ymsg_heard, speech.smpp_heard,
    machines.openflow_heard, machines.omron_heard,
))}  # fmt: skip
"""The bits of `segment_hints`."""


def _starts_a_line(a: cython.int, b: cython.int) -> cython.bint:
    """Whether these bytes may begin SIP's start line: a letter, then anything that can be seen, or a blank."""
    return (65 <= a <= 90 or 97 <= a <= 122) and 0x20 <= b <= 0x7E


def _bit(told: cython.bint, bit: cython.int) -> cython.ulonglong:
    found: cython.ulonglong = 1 if told else 0
    return found << bit


def datagram_hints(data: bytes, wire: cython.Py_ssize_t) -> cython.ulonglong:
    """The checks of DATAGRAM_BITS that a payload may pass, of which `wire` bytes were sent."""
    n: cython.Py_ssize_t = len(data)
    found: cython.ulonglong = _ALWAYS
    if n < _LONGEST:
        data = data + bytes(_LONGEST)
    a: cython.int = data[0]
    b: cython.int = data[1]
    c: cython.int = data[2]
    d: cython.int = data[3]
    cookie: cython.bint = data[4] == 0x21 and data[5] == 0x12 and data[6] == 0xA4 and data[7] == 0x42
    found |= _bit(n >= 20 and a < 0x40 and cookie, 0)
    found |= _bit(n >= 20 and a <= 1 and b <= 0x12, 1)
    found |= _bit(n >= 13 and 20 <= a <= 26, 2)
    found |= _bit(n >= 13 and a >= 0xC0 and data[5] <= 20, 3)
    found |= _bit(n >= 13 and ((a >= 0xC0 and b == 81) or (a < 0x40 and a & 9 == 9 and data[9] == 81)), 4)
    found |= _bit(n >= 32 and b == 0 and c == 0 and d == 0, 5)
    found |= _bit(a >= 0xF8 or _starts_a_line(a, b), 6)
    found |= _bit(n >= 24 and data[4] == 0 and data[5] == 0 and data[6] == 0 and data[7] <= 1, 7)
    found |= _bit(n >= 80 and a == 4 and b <= 10, 8)
    found |= _bit(n >= 8 and a & 0xE0 == 0x80 and 200 <= b <= 206, 9)
    found |= _bit(a == 100, 10)
    found |= _bit(
        (b == 0 and c == 0xFF) or (data[9] == 0 and data[10] == 0xFF) or (data[17] == 0 and data[18] == 0xFF), 11
    )
    found |= _bit(a == 82 and b == 84, 12)
    found |= _bit(a == 0x80 and b == 1, 13)
    found |= _bit(wire >= 188 and wire % 188 == 0 and (n == 0 or a == 0x47), 14)
    found |= _bit(a == 73 and b == 83, 15)
    found |= _bit(a == 77 and b == 73, 16)
    return found


def segment_hints(data: bytes, wire: cython.Py_ssize_t) -> cython.ulonglong:
    """The checks of SEGMENT_BITS that a payload may pass, of which `wire` bytes were sent."""
    n: cython.Py_ssize_t = len(data)
    found: cython.ulonglong = _ALWAYS
    if n < _LONGEST:
        data = data + bytes(_LONGEST)
    a: cython.int = data[0]
    b: cython.int = data[1]
    c: cython.int = data[2]
    size: cython.Py_ssize_t = a
    size = size << 24 | b << 16 | c << 8 | data[3]
    found |= _bit(n >= 20 and ((data[4] == 0x21 and data[5] == 0x12) or (data[6] == 0x21 and data[7] == 0x12)), 0)
    found |= _bit(a == 56 and b == 61, 1)
    found |= _bit(a == 82 and b == 70, 2)
    found |= _bit(a >= 0xF8 or _starts_a_line(a, b), 3)
    found |= _bit(n >= 16 and a == 5 and b == 0, 4)
    found |= _bit(n >= 28 and data[8] == 0 and data[9] == 0 and data[10] == 0 and data[11] == 0, 5)
    found |= _bit(a == 0x13 and b == 66, 6)
    found |= _bit((a == 0x80 and b == 1) or (data[4] == 0x80 and data[5] == 1), 7)
    found |= _bit(n >= 10 and c == 0xD0, 8)
    found |= _bit(n >= 8 and a <= 18 and b <= 0x1F and data[7] == 0, 9)
    found |= _bit((a == 71 or a == 90) and b == 73, 10)
    found |= _bit(a == 99 and b == 101, 11)
    found |= _bit(data[4] == 1 and data[5] == 65, 12)
    found |= _bit(a == 89 and b == 77, 13)
    found |= _bit(n >= 16 and size == wire, 14)
    found |= _bit(n >= 8 and 1 <= a <= 6 and b == 0, 15)
    found |= _bit(a == 70 and b == 73, 16)
    return found
