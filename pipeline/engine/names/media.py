"""Names of calls and their media over UDP: STUN, RTP, RTCP, SIP, MGCP, SSDP and their like."""

from __future__ import annotations

import re

from pipeline.engine.names.look import Look

_COOKIE = b"\x21\x12\xa4\x42"
_CLASSIC = {0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112}
_SIP_WORD = re.compile(rb"SIP/2\.0 \d{3}[ \r\n]|[A-Za-z][!-~]* [^ \r\n]+ SIP/2\.0\r?(?:\n|$)")
_CONTENT = re.compile(rb"\n(?:content-type|c)[ \t]*:[ \t]*([!-~]+)", re.IGNORECASE)
_BLANK = re.compile(rb"\n\r?\n(?=.)", re.DOTALL)
_MGCP = re.compile(rb"(?:[A-Za-z]{4} \d{1,9} |\d{3} \d{1,9}[ \r\n])")


def stun_heard(data: bytes, look: Look) -> str:
    """RFC 5389, section 6: two zero bits, the cookie, and a length that is all there is."""
    if len(data) < 20 or data[0] & 0xC0 or data[4:8] != _COOKIE or not _method(data):
        return ""
    return "STUN" if int.from_bytes(data[2:4], "big") + 20 == look.size and not data[3] & 3 else ""


def _method(data: bytes) -> bool:
    """Whether the method is one of eight bits."""
    kind = int.from_bytes(data[:2], "big")
    return not kind & 0x3C00


def stun(data: bytes, look: Look) -> str:
    """What else is sent where STUN was: TURN's channels (RFC 5766, section 11.4)."""
    if len(data) >= 20 and data[0] < 4 and data[4:8] == _COOKIE and _method(data):
        return "STUN"
    if len(data) >= 4 and 0x40 <= data[0] <= 0x4F and int.from_bytes(data[2:4], "big") + 4 <= look.size:
        return "STUN"
    return ""


def classic_stun(data: bytes, look: Look) -> str:
    """RFC 3489, section 11.1: a known message, as long as it says."""
    if len(data) < 20 or int.from_bytes(data[:2], "big") not in _CLASSIC or data[4:8] == _COOKIE:
        return ""
    return "CLASSIC-STUN" if int.from_bytes(data[2:4], "big") + 20 == look.size else ""


def rtp(data: bytes, look: Look) -> str:
    """RFC 3550, section 5.1, at a port that was announced; and what else is sent there."""
    if len(data) > 1 and data[0] >> 6 == 2:
        if 192 <= data[1] <= 223:
            return "RTCP"
        return "RTP" if len(data) >= 12 else ""
    if len(data) >= 20 and data[4:8] == _COOKIE:
        return "STUN"
    if len(data) >= 4 and data[0] == 0 and 1 <= data[1] <= 6:
        return "TFTP"
    return ""


def rtcp(data: bytes, look: Look) -> str:
    """RFC 3550, section 6.4: a packet of a known kind, without padding, whose length is possible."""
    if len(data) < 8 or data[0] & 0xE0 != 0x80 or not 200 <= data[1] <= 206 or look.size & 3:
        return ""
    words = int.from_bytes(data[2:4], "big")
    return "RTCP" if 4 * (words + 1) <= look.size else ""


def sip(data: bytes, look: Look) -> str:
    """RFC 3261, section 7: a start line; with a body of a session's description or of XML, that too."""
    if not _SIP_WORD.match(data[:1024]):
        return "SIGCOMP" if data[:1] >= b"\xf8" and 5060 in (look.srcport, look.dstport) else ""
    blank = _BLANK.search(data)
    if blank:
        content = _CONTENT.search(data, 0, blank.start() + 1)
        kind = content.group(1).lower() if content else b""
        if kind.startswith(b"multipart/") and b"application/sdp" in data[blank.end() :].lower():
            kind = b"application/sdp"
        if b"application/sdp" in kind:
            return "SIP/SDP"
        if b"xml" in kind:
            return "SIP/XML"
    return "SIP"


def mgcp(data: bytes, look: Look) -> str:
    """RFC 3435, section 3.2: a verb or a code, and a transaction."""
    if not _MGCP.match(data):
        return ""
    return "MGCP/SDP" if b"\nv=0" in data else "MGCP"


def megaco(data: bytes, look: Look) -> str:
    """RFC 3525, annex B."""
    return "MEGACO" if data[:1] in (b"!", b"M") or data[:2] == b"AU" else ""


def ssdp(data: bytes, look: Look) -> str:
    """HTTP's words over UDP."""
    return "SSDP" if re.match(rb"HTTP/1\.|M-SEARCH |NOTIFY |SUBSCRIBE |UNSUBSCRIBE ", data) else ""


def sap(data: bytes, look: Look) -> str:
    """RFC 2974: what is announced is a session's description, unless it is told otherwise."""
    if len(data) < 8:
        return "SAP"
    at = (20 if data[0] & 0x10 else 8) + 4 * data[1]
    return "SAP/SDP" if not data[0] & 3 and len(data) > at else "SAP"


def mpeg_ts(data: bytes, look: Look) -> str:
    """ISO/IEC 13818-1: whole packets of 188 bytes, each with its sync byte."""
    if look.size < 188 or look.size % 188 or any(data[at] != 0x47 for at in range(0, len(data), 188)):
        return ""
    return "MPEG TS"
