"""Names of what machines speak over TCP: remote desktops, controllers, databases, brokers, routers."""

from __future__ import annotations

import cython

from pipeline.engine.names.look import Look
from pipeline.engine.names.rpc import rpc_heard


def tpkt_length(data: bytes, at: cython.Py_ssize_t) -> int:
    """RFC 1006, section 6: version 3 and a length."""
    found: cython.int
    if len(data) - at < 4:
        return 0
    found = data[at + 2] << 8 | data[at + 3]
    return found if data[at] == 3 and data[at + 1] == 0 and found >= 4 else -1


def rdp_length(data: bytes, at: cython.Py_ssize_t) -> int:
    """As above; or on the fast path (MS-RDPBCGR, 2.2.9.1.1.2), a length of one or two bytes that fits in."""
    if len(data) - at < 4:
        return 0
    found: cython.int = tpkt_length(data, at)
    if found > 0:
        return found
    size: cython.Py_ssize_t = _fast_path(data, at)
    return size if size and size <= len(data) - at else -1


def _fast_path(data: bytes, at: cython.Py_ssize_t) -> int:
    first: cython.int = data[at + 1]
    size: cython.int
    if data[at] & 3:
        return 0
    size = (first & 0x7F) << 8 | data[at + 2] if first & 0x80 else first
    return size if size > 2 else 0


def tpkt(data: bytes, at: int, look: Look) -> str:
    """ITU-T X.224 in it, and what that carries."""
    if data[at] != 3 or data[at + 1]:
        return "RDP"
    kind = data[at + 5] & 0xF0 if len(data) > at + 5 else 0
    header = at + 5 + (data[at + 4] if len(data) > at + 4 else 0)
    rdp = 3389 in (look.srcport, look.dstport)
    if rdp and (kind == 0xE0 or (kind == 0xD0 and data[at + 4] > 6)):
        return "RDP"
    if kind != 0xF0:
        return "COTP"
    user = data[header : header + 64]
    if user[:1] == b"\x32":
        return "S7COMM"
    if user[:1] == b"\x72":
        return "S7COMM-PLUS"
    if not user:
        return "COTP"
    if user[:2] in (b"\x7f\x65", b"\x7f\x66"):
        look.memo["t125"] = True
        return "RDP"
    if look.memo.get("t125") or rdp:
        return _t125(user, look)
    return _session(data[header : header + 512], look)


def _t125(user: bytes, look: Look) -> str:
    """ITU-T T.125: what is sent on a channel is RDP's, all else the domain's own."""
    choice = user[0] >> 2
    if choice in (25, 26):
        return "RDP"
    return "T.125"


def _session(user: bytes, look: Look) -> str:
    """ISO 8327 and what comes in it: the association's own (ISO 8650), or MMS."""
    if user[:2] == b"\x01\0" and len(user) > 4:
        return "MMS" if 0x61 in user[4:6] else "SES"
    if user and user[0] in (13, 14):
        return "ACSE" if b"\x60" in user or b"\x61" in user else "SES"
    return "COTP"


def iec104_length(data: bytes, at: int) -> int:
    """IEC 60870-5-104, section 5: the start byte and the length."""
    if data[at] != 0x68:
        return -1
    if len(data) - at < 2:
        return 0
    return data[at + 1] + 2 if data[at + 1] >= 4 else -1


def iec104(data: bytes, at: int, look: Look) -> str:
    """Messages with information carry a unit of it."""
    return "IEC 60870-5 ASDU" if len(data) > at + 2 and data[at + 2] & 1 == 0 else "IEC 60870-5-104"


def dnp3_length(data: bytes, at: int) -> int:
    """IEEE 1815, section 9.2: after the header two bytes of checksum to every 16 bytes."""
    if not b"\5\x64".startswith(data[at : at + 2]):
        return -1
    if len(data) - at < 3:
        return 0
    user = data[at + 2] - 5
    return 10 + user + 2 * ((user + 15) // 16) if user >= 0 else -1


def modbus_length(data: bytes, at: int) -> int:
    """Modbus over TCP: the protocol is 0, and a length of two bytes counts from the unit on."""
    if len(data) - at < 8:
        return 0 if data[at + 2 : at + 4] in (b"\0\0", b"\0", b"") else -1
    size = int.from_bytes(data[at + 4 : at + 6], "big")
    return 6 + size if data[at + 2] == data[at + 3] == 0 and size >= 2 else -1


def mqtt_length(data: bytes, at: int) -> int:
    """MQTT 3.1.1, section 2.2: a length of up to four bytes of seven bits."""
    if data[at] >> 4 == 0 and data[at] != 0:
        return -1
    found = 0
    for k in range(4):
        if at + 1 + k >= len(data):
            return 0
        found |= (data[at + 1 + k] & 0x7F) << 7 * k
        if not data[at + 1 + k] & 0x80:
            return found + 2 + k
    return -1


def pgsql_length(data: bytes, at: int) -> int:
    """PostgreSQL's protocol, version 3: a kind and a length; the first message, and one byte's answer, have no kind."""
    if data[at] == 0:
        if len(data) - at < 4:
            return 0
        found = int.from_bytes(data[at : at + 4], "big")
        return found if 4 <= found < 1 << 20 else -1
    if len(data) - at == 1 and data[at : at + 1] in (b"N", b"S"):
        return 1
    if len(data) - at < 5:
        return 0
    found = 1 + int.from_bytes(data[at + 1 : at + 5], "big")
    return found if 5 <= found < 1 << 28 else -1


def ldap_length(data: bytes, at: int) -> int:
    """RFC 4511, section 4.1.1; a secured buffer (RFC 4422) has four bytes of length before it."""
    if len(data) - at < 2:
        return 0
    if data[at] == 0x30:
        size = data[at + 1]
        if size < 0x80:
            return 2 + size
        count = size & 0x7F
        if not 1 <= count <= 4:
            return -1
        if len(data) - at < 2 + count:
            return 0
        return 2 + count + int.from_bytes(data[at + 2 : at + 2 + count], "big")
    if len(data) - at < 4:
        return 0
    found = 4 + int.from_bytes(data[at : at + 4], "big")
    return found if data[at] == 0 and found < 1 << 24 else -1


def rpc_length(data: bytes, at: cython.Py_ssize_t) -> int:
    """RFC 5531, section 11: a record's mark; fragments of a record follow each other."""
    end: cython.Py_ssize_t = at
    mark: cython.longlong
    for _ in range(16):
        if len(data) - end < 4:
            return 0
        mark = data[end]
        mark = mark << 24 | data[end + 1] << 16 | data[end + 2] << 8 | data[end + 3]
        end += 4 + (mark & 0x7FFFFFFF)
        if mark & 0x7FFFFFFF > 1 << 24:
            return -1
        if mark & 0x80000000 or end > len(data):
            return end - at
    return end - at


def rpc(data: bytes, at: int, look: Look) -> str:
    """The program, as over UDP."""
    return rpc_heard(data[at + 4 : at + 64], look) or "RPC"


def rpc_stream_heard(data: bytes, look: Look) -> str:
    """A record's mark that is possible, and a call of a known program."""
    if len(data) < 28 or int.from_bytes(data[:4], "big") & 0x7FFFFFFF > 1 << 22:
        return ""
    return rpc_heard(data[4:64], look) if data[8:12] == b"\0\0\0\0" else ""


def enip(data: bytes, at: int, look: Look) -> str:
    """EtherNet/IP: what carries a message of CIP is named so; what opens and closes connections is the manager's."""
    command = int.from_bytes(data[at : at + 2], "little")
    if command not in (0x6F, 0x70):
        return "ENIP"
    item = at + 32
    for _ in range(int.from_bytes(data[at + 30 : at + 32], "little") & 7):
        kind = int.from_bytes(data[item : item + 2], "little")
        size = int.from_bytes(data[item + 2 : item + 4], "little")
        if kind in (0xB2, 0xB1):
            service = item + 4 + (2 if kind == 0xB1 else 0)
            if len(data) <= service:
                break
            code = data[service]
            if code & 0x80:
                return str(look.memo.get("cip", "CIP")) if kind == 0xB2 else "CIP"
            path = data[service + 2 : service + 4]
            manager = path == b"\x20\x06" and code in (0x52, 0x54, 0x4E, 0x5B)
            look.memo["cip"] = "CIP CM" if manager else "CIP"
            return "CIP CM" if manager and code != 0x52 else "CIP"
        item += 4 + size
    return "ENIP"


def enip_length(data: bytes, at: int) -> int:
    """24 bytes of header, whose third and fourth are the length of the rest."""
    if len(data) - at < 24:
        return 0 if len(data) - at < 4 or data[at + 1] == 0 else -1
    command = int.from_bytes(data[at : at + 2], "little")
    if command not in (0, 4, 0x63, 0x64, 0x65, 0x66, 0x6F, 0x70, 0x72, 0x73, 1):
        return -1
    return 24 + int.from_bytes(data[at + 2 : at + 4], "little")


def skinny(data: bytes, at: int, look: Look) -> str:
    """Messages that ask for a channel, or answer that, are marked in the name."""
    kind = int.from_bytes(data[at + 8 : at + 12], "little")
    return {0x105: "SKINNY/REQ", 0x8A: "SKINNY/REQ", 0x22: "SKINNY/RESP", 0x154: "SKINNY/RESP"}.get(kind, "SKINNY")


def stun_length(data: bytes, at: int) -> int:
    """RFC 5389 over TCP; RFC 4571 has a length before each message."""
    if len(data) - at < 8:
        return 0
    if data[at + 4 : at + 8] == b"\x21\x12\xa4\x42":
        return 20 + int.from_bytes(data[at + 2 : at + 4], "big")
    if len(data) - at >= 10 and data[at + 6 : at + 10] == b"\x21\x12\xa4\x42":
        return 2 + int.from_bytes(data[at : at + 2], "big")
    if 0x40 <= data[at] <= 0x4F:
        return 4 + (int.from_bytes(data[at + 2 : at + 4], "big") + 3 & ~3)
    return -1


def stun_heard(data: bytes, look: Look) -> str:
    """The cookie."""
    return "STUN" if len(data) >= 20 and b"\x21\x12\xa4\x42" in (data[4:8], data[6:10]) else ""


def thrift_length(data: bytes, at: int) -> int:
    """Frames have a length before them; without frames a message is all that came."""
    if len(data) - at < 6:
        return 0
    if data[at : at + 2] == b"\x80\x01":
        return len(data) - at
    if data[at + 4 : at + 6] == b"\x80\x01":
        return 4 + int.from_bytes(data[at : at + 4], "big")
    return -1


def thrift_heard(data: bytes, look: Look) -> str:
    """A strict call of version 1."""
    for at in (0, 4):
        if data[at : at + 3] == b"\x80\x01\0" and len(data) > at + 9 and 1 <= data[at + 3] <= 4:
            size = int.from_bytes(data[at + 4 : at + 8], "big")
            if 0 < size < 256 and data[at + 8 : at + 8 + min(size, 16)].isascii():
                return "THRIFT"
    return ""


def drda_length(data: bytes, at: int) -> int:
    """A length, then the magic D0."""
    if len(data) - at < 10:
        return 0
    return int.from_bytes(data[at : at + 2], "big") if data[at + 2] == 0xD0 and data[at : at + 2] >= b"\0\x0a" else -1


def drda_heard(data: bytes, look: Look) -> str:
    """As long as it says, with the same length again less 6."""
    size = int.from_bytes(data[:2], "big")
    fits = len(data) >= 10 and data[2] == 0xD0 and int.from_bytes(data[6:8], "big") == size - 6
    return "DRDA" if fits else ""


def tds_heard(data: bytes, look: Look) -> str:
    """MS-TDS, 2.2.3.1: kinds, a status and a length that are possible, a window of 0."""
    if len(data) < 8 or data[0] not in (1, 2, 3, 4, 6, 7, 14, 16, 17, 18) or data[1] > 0x1F or data[7]:
        return ""
    size = int.from_bytes(data[2:4], "big")
    return "TDS" if 8 <= size <= 32767 and size == look.size else ""


def openflow_heard(data: bytes, look: Look) -> str:
    """A greeting of a known version, as long as what came."""
    if len(data) < 8 or not 1 <= data[0] <= 6:
        return ""
    return "OpenFlow" if data[1] == 0 and 8 <= int.from_bytes(data[2:4], "big") == look.size else ""


def bittorrent(data: bytes, look: Look) -> str:
    """BEP 3."""
    return "BitTorrent" if data[:20] == b"\x13BitTorrent protocol" else ""


def giop_length(data: bytes, at: int) -> int:
    """CORBA: 12 bytes of header, whose last four are the length of the rest."""
    if not (b"GIOP".startswith(data[at : at + 4]) or b"ZIOP".startswith(data[at : at + 4])):
        return -1
    if len(data) - at < 12:
        return 0
    return 12 + int.from_bytes(data[at + 8 : at + 12], "little" if data[at + 6] & 1 else "big")


def giop(data: bytes, at: int, look: Look) -> str:
    """Compressed, the first letter is another."""
    return "ZIOP" if data[at : at + 1] == b"Z" else "GIOP"


def giop_heard(data: bytes, look: Look) -> str:
    """The magic."""
    return giop(data, 0, look) if data[:4] in (b"GIOP", b"ZIOP") else ""


def bittorrent_length(data: bytes, at: int) -> int:
    """BEP 3: the handshake, then messages with a length of four bytes."""
    if data[at] == 0x13 and data[at + 1 : at + 12] == b"BitTorrent ":
        return 68
    if len(data) - at < 4:
        return 0
    found = 4 + int.from_bytes(data[at : at + 4], "big")
    return found if found <= 1 << 18 else -1


def x11(data: bytes, look: Look) -> str:
    """What the server sends; of the client, its greeting and requests that are whole."""
    if 6000 <= look.srcport <= 6063:
        return "X11"
    if data[:1] in (b"l", b"B") and data[1:2] == b"\0":
        return "X11"
    words = int.from_bytes(data[2:4], "little")
    return "X11" if len(data) >= 4 and words and 4 * words <= look.size else "TCP"


def ceph_heard(data: bytes, look: Look) -> str:
    """The banner."""
    return "Ceph" if data[:8] == b"ceph v02" or data[:7] == b"ceph v2" else ""


def vnc_heard(data: bytes, look: Look) -> str:
    """RFC 6143, section 7.1.1: the version comes first."""
    return "VNC" if len(data) >= 12 and data[:4] == b"RFB " and data[7:8] == b"." else ""


def openwire_heard(data: bytes, look: Look) -> str:
    """The first message tells the format's name."""
    return "OpenWire" if data[4:5] == b"\1" and data[5:13] == b"ActiveMQ" else ""


def ymsg_heard(data: bytes, look: Look) -> str:
    """The magic."""
    return "YMSG" if data[:4] == b"YMSG" else ""


def omron_heard(data: bytes, look: Look) -> str:
    """FINS over TCP has a magic."""
    return "OMRON" if data[:4] == b"FINS" else ""
