"""Names of frequent payloads without a look at them as objects: what the checks of `media`, `network`, `offices`,
`speech`, `machines` and `windows` say of them, in compiled code.

Where these here are not sure, those are asked: nothing is told here that they would tell otherwise.
"""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.exchanges.names import PROTOCOL_ID
from pipeline.engine.names import machines, media, network, offices, speech, windows
from pipeline.engine.names.declare import Over, Spoken
from pipeline.engine.names.framing import Counted, asn1

# Rules of datagrams, and of segments.
_STUN = cython.declare(cython.int, 1)
_RTP = cython.declare(cython.int, 2)
_DB_LSP = cython.declare(cython.int, 3)
_RADIUS = cython.declare(cython.int, 4)
_UFTP = cython.declare(cython.int, 5)
_TPLINK = cython.declare(cython.int, 6)
_OMRON = cython.declare(cython.int, 7)
_KERBEROS = cython.declare(cython.int, 8)
_DHCP = cython.declare(cython.int, 9)
_SNMP = cython.declare(cython.int, 10)
_FIX = cython.declare(cython.int, 1)
_MODBUS = cython.declare(cython.int, 2)
_ASN1 = cython.declare(cython.int, 3)
_LDAP = cython.declare(cython.int, 4)
_DNP3 = cython.declare(cython.int, 5)
_COUNTED = cython.declare(cython.int, 6)
_NBSS = cython.declare(cython.int, 7)
_RESP = cython.declare(cython.int, 8)

_RULES_UDP = {
    media.stun: _STUN, media.rtp: _RTP, offices.db_lsp_disc: _DB_LSP, offices.radius: _RADIUS, network.uftp: _UFTP,
    network.tplink: _TPLINK, network.omron: _OMRON, offices.kerberos: _KERBEROS, network.dhcp: _DHCP,
    network.snmp: _SNMP,
}  # fmt: skip
_RULES_TCP = {
    speech.fix_length: _FIX, machines.modbus_length: _MODBUS, asn1: _ASN1, machines.ldap_length: _LDAP,
    machines.dnp3_length: _DNP3, windows.session_length: _NBSS, speech.resp: _RESP,
}  # fmt: skip
NBSS, RESP = 7, 8
"""Rules of which the walk over the rows knows."""
_SMB = cython.declare(cython.int, PROTOCOL_ID["SMB"])
_SMB2 = cython.declare(cython.int, PROTOCOL_ID["SMB2"])


def datagram_rule(over: Over) -> int:
    """The rule of what is declared, 0 where it has none."""
    return _RULES_UDP.get(over.check, 0) if over.check is not None else 0


def segment_rule(spoken: Spoken) -> list[int]:
    """The rule of what is declared (0 where it has none), then what `counted` was given: offset, size, add, whether
    little-endian, the least and most that a length may be, and how many bytes must be there."""
    if isinstance(spoken.length, Counted) and spoken.called is None and not spoken.length.starts:
        c = spoken.length
        return [_COUNTED, c.at, c.size, c.add, int(c.order == "little"), c.least, c.most, c.need]
    of = spoken.length or spoken.check
    rule = _RULES_TCP.get(of, 0) if of is not None else 0
    return [rule if spoken.called is None or rule == _NBSS else 0, 0, 0, 0, 0, 0, 0, 0]


def segment_rules(declared: tuple[Spoken, ...]) -> NDArray[np.int64]:
    """By place, of which the first two are nobody's, shape (places, 8)."""
    return np.array([[0] * 8, [0] * 8, *(segment_rule(spoken) for spoken in declared)], np.int64)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_one_of(a: cython.int, b: cython.int, c: cython.int, d: cython.int, e: cython.int, f: cython.int) -> cython.bint:
    return a == b or a == c or a == d or a == e or a == f


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def datagram_is(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, size: cython.Py_ssize_t,
                wire: cython.Py_ssize_t, rule: cython.int) -> cython.int:  # fmt: skip
    """Whether a payload of `size` bytes at `at`, `wire` of which were sent, is what `rule` is of: 1, 0, and -1 where
    the check must be asked."""
    a: cython.int
    b: cython.int
    told: cython.int
    if rule == 0 or size < 4 or at < 0 or at + size > raw.shape[0]:
        return -1
    a = raw[at]
    b = raw[at + 1]
    told = raw[at + 2] << 8 | raw[at + 3]
    if rule == _STUN:
        if (
            size >= 20 and a < 4 and raw[at + 4] == 0x21 and raw[at + 5] == 0x12 and raw[at + 6] == 0xA4
            and raw[at + 7] == 0x42
        ):  # fmt: skip
            return 1
        return 0x40 <= a <= 0x4F and told + 4 <= wire
    if rule == _RTP:
        return 1 if size >= 12 and a >> 6 == 2 and not 192 <= b <= 223 else -1
    if rule == _DB_LSP:
        return 1 if a != 0x7B else -1
    if rule == _RADIUS:
        return 1 if (1 <= a <= 5 or a == 11) and 20 <= told <= 4096 else -1
    if rule == _UFTP:
        return a == 0x30 or a == 0x40 or a == 0x50
    if rule == _TPLINK:
        return a == 0xD0
    if rule == _OMRON:
        return size >= 12 and b == 0 and _is_one_of(a, 0x80, 0xC0, 0xC1, 0x81, 0)
    if rule == _KERBEROS:
        return 1 if 0x6A <= a <= 0x6F else -1
    if rule == _DHCP:
        if size < 240:
            return -1
        told = raw[at + 236] << 24 | raw[at + 237] << 16 | raw[at + 238] << 8 | raw[at + 239]
        return 1 if told == 0x63825363 else -1
    if rule == _SNMP:
        return 1 if size >= 5 and a == 0x30 and b < 0x80 and raw[at + 2] == 2 else -1
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _counted(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t,
             rule: cython.longlong[:, ::1], place: cython.int) -> cython.longlong:  # fmt: skip
    found: cython.longlong = 0
    k: cython.Py_ssize_t
    size: cython.Py_ssize_t = rule[place, 2]
    first: cython.Py_ssize_t = at + rule[place, 1]
    if end - at < rule[place, 7] or first + size > end or size > 4:
        return 0
    for k in range(size):
        found = found << 8 | raw[first + size - 1 - k if rule[place, 4] else first + k]
    found += rule[place, 3]
    return found if rule[place, 5] <= found <= rule[place, 6] else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fix(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    k: cython.Py_ssize_t = at + 5
    found: cython.longlong = 0
    digits: cython.int = 0
    if end - at < 40 or raw[at] != 56 or raw[at + 1] != 61 or raw[at + 2] != 70:
        return 0
    if raw[at + 3] != 73 or raw[at + 4] != 88:
        return 0
    while k < at + 18 and raw[k] != 1:
        k += 1
    if raw[k] != 1 or raw[k + 1] != 57 or raw[k + 2] != 61:
        return 0
    k += 3
    while digits <= 7 and k < end and 48 <= raw[k] <= 57:
        found = 10 * found + raw[k] - 48
        digits += 1
        k += 1
    if digits < 1 or digits > 7 or k >= end or raw[k] != 1:
        return 0
    return k + 1 - at + found + 7


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def message_length(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t,
                   rule: cython.longlong[:, ::1], place: cython.int) -> cython.longlong:  # fmt: skip
    """How long the message is that begins at `at`, of what is at `place`; 0 where the bytes up to `end` do not tell."""
    how: cython.longlong = rule[place, 0]
    size: cython.longlong
    count: cython.int
    k: cython.int
    if how == _COUNTED:
        return _counted(raw, at, end, rule, place)
    if end - at < 8:
        return 0
    if how == _FIX:
        return _fix(raw, at, end)
    if how == _MODBUS:
        size = raw[at + 4] << 8 | raw[at + 5]
        return 6 + size if raw[at + 2] == 0 and raw[at + 3] == 0 and size >= 2 else 0
    if how == _NBSS:
        return 4 + (raw[at + 1] << 16 | raw[at + 2] << 8 | raw[at + 3]) if raw[at] == 0 else 0
    if how == _DNP3:
        size = raw[at + 2] - 5
        if raw[at] != 5 or raw[at + 1] != 0x64 or size < 0:
            return 0
        return 10 + size + 2 * ((size + 15) // 16)
    if how == _ASN1 or how == _LDAP:
        if raw[at] != 0x30:
            return 0
        size = raw[at + 1]
        if size < 0x80:
            return 2 + size
        count = raw[at + 1] & 0x7F
        if count < 1 or count > 3:
            return 0
        size = 0
        for k in range(count):
            size = size << 8 | raw[at + 2 + k]
        return 2 + count + size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def session_name(raw: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The place of the name of a NetBIOS session's message that is whole from `at` to `end`; 0 where it is not sure."""
    command: cython.int
    answer: cython.int
    if end - at < 4 + 68 or raw[at + 5] != 83 or raw[at + 6] != 77 or raw[at + 7] != 66:
        return 0
    if raw[at + 4] == 0xFF:
        command = raw[at + 8]
        return 0 if command == 0x25 or command == 0x2E or command == 0x2F else _SMB
    if raw[at + 4] != 0xFE or raw[at + 24] | raw[at + 25] | raw[at + 26] | raw[at + 27] != 0:
        return 0
    command = raw[at + 16]
    answer = raw[at + 20] & 1
    if command == 11 or (command == 9 and not answer) or (command == 8 and answer):
        return 0
    return _SMB2


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ends_a_line(raw: cython.const[cython.uchar][::1], end: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.bint:
    """Whether the `size` bytes before `end` end with CR LF."""
    return size >= 2 and raw[end - 2] == 13 and raw[end - 1] == 10
