"""Names of what is said in lines over TCP: mail, files, chat, calls."""

from __future__ import annotations

import re

from pipeline.engine.names.framing import headers, line
from pipeline.engine.names.look import Look
from pipeline.engine.names.media import sip as sip_of

_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\r?\n$")
_TYPE = re.compile(rb"\ncontent-type[ \t]*:[ \t]*([!-~]+)", re.IGNORECASE)
_RTSP = re.compile(rb"RTSP/\d|[A-Z_]{3,16} [^ \r\n]{1,1024} RTSP/\d")
_FIX = re.compile(rb"8=[^\x01]{1,16}\x019=(\d{1,7})\x01")


def pop(data: bytes, look: Look) -> str:
    """RFC 1939, section 3: what the server sends and is no status line belongs to a message."""
    if look.srcport != 110 or data[:3] == b"+OK" or data[:4] == b"-ERR" or data[:2] == b"+ ":
        return "POP"
    return "POP/IMF"


def imap_length(data: bytes, at: int) -> int:
    """RFC 3501, section 4.3: a line, with the literals that it counts."""
    end = at
    for _ in range(64):
        size = line(data, end)
        if size <= 0:
            return size
        end += size
        literal = _LITERAL.search(data, max(at, end - 24), end)
        if not literal:
            return end - at
        end += int(literal.group(1))
        if end > len(data):
            # The line goes on behind the literal, so one byte more is to come at least.
            return end + 1 - at
    return end - at


def imap(data: bytes, at: int, look: Look) -> str:
    """A message's header or body in a literal that was fetched."""
    end = data.find(b"\n", at)
    first = data[at : end + 1 if end >= 0 else len(data)]
    if look.srcport == 143 and _LITERAL.search(first) and b"FETCH" in first.upper():
        return "IMAP/IMF"
    return "IMAP"


def rtsp_length(data: bytes, at: int) -> int:
    """RFC 2326: a message, or (section 10.12) a frame of media between messages."""
    if data[at : at + 1] == b"$":
        return 0 if len(data) - at < 4 else 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    return headers(data, at) if _RTSP.match(data, at) else -1


def rtsp(data: bytes, at: int, look: Look) -> str:
    """With a session's description, that too."""
    if data[at : at + 1] == b"$":
        return "RTP" if data[at + 1] & 1 == 0 else "RTCP"
    end = data.find(b"\r\n\r\n", at)
    told = _TYPE.search(data, at, end) if end > 0 else None
    return "RTSP/SDP" if told and told.group(1).lower() == b"application/sdp" else "RTSP"


def sip_length(data: bytes, at: int) -> int:
    """RFC 3261, section 18.3: a stream's messages tell their length."""
    if not re.match(rb"[A-Za-z]", data[at : at + 1]):
        return 1 if data[at : at + 1] in (b"\r", b"\n") else -1
    return headers(data, at)


def sip(data: bytes, at: int, look: Look) -> str:
    """As over UDP."""
    return sip_of(data[at:], look) or "SIP"


def sip_heard(data: bytes, look: Look) -> str:
    """A start line."""
    return sip_of(data, look)


def fix_length(data: bytes, at: int) -> int:
    """FIX: the fields 8 and 9 come first, the latter tells the length up to the checksum's field of 7 bytes."""
    if not b"8=FIX".startswith(data[at : at + 5]):
        return -1
    found = _FIX.match(data, at)
    if not found:
        return 0 if len(data) - at < 40 else -1
    return found.end() - at + int(found.group(1)) + 7


def fix_heard(data: bytes, look: Look) -> str:
    """The first field is the version."""
    return "FIX" if data[:5] == b"8=FIX" else ""


def resp(data: bytes, look: Look) -> str:
    """RESP: a segment in which a line ends."""
    return "RESP" if b"\r\n" in data else "TCP"


def xmpp(data: bytes, look: Look) -> str:
    """RFC 6120: what ends with a tag; what begins with one, or goes on in letters, is taken together with the rest."""
    if data.rstrip().endswith(b">"):
        return "XMPP/XML"
    return "TCP" if data[:16].isascii() and 0 not in data[:16] else ""


def whois(data: bytes, look: Look) -> str:
    """RFC 3912: a question of a line; the answer ends only with the conversation."""
    return "WHOIS" if look.dstport == 43 and data.endswith(b"\n") else "TCP"


def finger(data: bytes, look: Look) -> str:
    """RFC 1288, likewise."""
    return "FINGER" if look.dstport == 79 and data.endswith(b"\n") else "TCP"


def kismet(data: bytes, look: Look) -> str:
    """The server's lines begin with an asterisk, the client's with an exclamation mark."""
    return "kismet" if data[:1] in (b"*", b"!") or all(c < 0x80 for c in data[:64]) else ""


def git_length(data: bytes, at: int) -> int:
    """pkt-line: four hex digits tell the length; those below 4 stand alone."""
    if len(data) - at < 4:
        return 0
    try:
        found = int(data[at : at + 4], 16)
    except ValueError:
        return -1
    return max(4, found)


def smpp_heard(data: bytes, look: Look) -> str:
    """A header of a known command, the length of which is what came."""
    if len(data) < 16:
        return ""
    size, command = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big") & 0x7FFFFFFF
    known = 1 <= command <= 21 or command in (0x21, 0x102, 0x103, 0x111, 0x112, 0x113)
    return "SMPP" if size == look.size and known else ""
