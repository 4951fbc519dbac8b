"""Names of networks' own services, of machines and of games over UDP, where their first bytes fit."""

from __future__ import annotations

from pipeline.engine.names.look import Look


def _u16(data: bytes, at: int = 0) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _u32(data: bytes, at: int = 0) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def dhcp(data: bytes, look: Look) -> str:
    """RFC 2131, section 3: BOOTP with a cookie before the options, and the option that tells the message."""
    return "DHCP" if data[236:240] == b"\x63\x82\x53\x63" else "BOOTP"


def snmp(data: bytes, look: Look) -> str:
    """RFC 1157: a sequence, then the version as an INTEGER."""
    if len(data) < 5 or data[0] != 0x30:
        return ""
    at = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    return "SNMP" if data[at : at + 1] == b"\2" else ""


def xdmcp(data: bytes, look: Look) -> str:
    """Version 1 and a known opcode."""
    return "XDMCP" if _u16(data) == 1 and 1 <= _u16(data, 2) <= 14 else ""


def packetbb(data: bytes, look: Look) -> str:
    """RFC 5444: version 0."""
    return "packetbb" if data and data[0] >> 4 == 0 else ""


def ptp(data: bytes, look: Look) -> str:
    """IEEE 1588: the version is in the second byte."""
    if len(data) < 2:
        return ""
    version = data[1] & 0x0F
    return "PTPv2" if version == 2 else "PTPv1" if version == 1 or _u16(data) == 1 else ""


def rip(data: bytes, look: Look) -> str:
    """RFC 2453, section 4: the version is in the second byte."""
    return {1: "RIPv1", 2: "RIPv2"}.get(data[1] if len(data) > 1 else 0, "RIP")


def ldp(data: bytes, look: Look) -> str:
    """RFC 5036, section 3.1: version 1."""
    return "LDP" if _u16(data) == 1 and len(data) > 9 else ""


def olsr(data: bytes, look: Look) -> str:
    """RFC 3626, section 3.3: a packet as long as it says, at least."""
    return "OLSR v1" if len(data) >= 4 and _u16(data) <= look.size else ""


def uftp(data: bytes, look: Look) -> str:
    """Versions 3, 4 and 5."""
    return "UFTP" if data and data[0] in (0x30, 0x40, 0x50) and len(data) >= 4 else ""


def cnip(data: bytes, look: Look) -> str:
    """EIA-852: what is of packet type data is LON."""
    return "LON" if len(data) > 20 and data[3] == 1 else "CN/IP"


def l2tp(data: bytes, look: Look) -> str:
    """RFC 2661, section 3.1, and RFC 3931: version 2 or 3."""
    return "L2TP" if len(data) > 1 and data[1] & 0x0F in (2, 3) else ""


def hsrp(data: bytes, look: Look) -> str:
    """RFC 2281; version 2 begins with a group state of 40 bytes."""
    if len(data) < 2:
        return ""
    if data[0] == 0 and data[1] <= 3:
        return "HSRP"
    return "HSRPv2" if data[0] in (1, 2, 3, 4) else ""


def wccp(data: bytes, look: Look) -> str:
    """The kind of a message of version 1 or 2."""
    return "WCCP" if _u32(data) in (7, 8, 9, 10, 11, 12, 13, 14, 15, 18) else ""


def cflow(data: bytes, look: Look) -> str:
    """RFC 3954 and RFC 7011: a known version."""
    return "CFLOW" if _u16(data) in (1, 5, 7, 8, 9, 10) and len(data) >= 16 else ""


def gtp(data: bytes, look: Look) -> str:
    """3GPP TS 29.060 and 29.274: the version is in the first three bits; 2 has a port of its own."""
    version = data[0] >> 5 if data else 7
    if version == 2:
        return "GTPv2" if 2123 in (look.srcport, look.dstport) else "GTP"
    return "GTP" if version < 2 else ""


def dis(data: bytes, look: Look) -> str:
    """IEEE 1278: long enough for a header."""
    return "DIS" if len(data) >= 12 else ""


def glbp(data: bytes, look: Look) -> str:
    """Version 1."""
    return "GLBP" if data[:1] == b"\1" else ""


def rdpudp(data: bytes, look: Look) -> str:
    """MS-RDPEUDP: a SYN of version 3 makes what follows version 2's own; before that, an acknowledged number, or a
    secured record (MS-RDPEUDP, 5.1)."""
    if len(data) >= 13 and 20 <= data[0] <= 25 and data[1] == 0xFE:
        return "DTLS"
    return "RDPUDP"


def mpls_echo(data: bytes, look: Look) -> str:
    """RFC 8029, section 3: version 1, or its small relatives."""
    return "MPLS ECHO" if (len(data) >= 4 and _u16(data) in (1, 0x1100)) or (len(data) >= 32 and data[0] == 0) else ""


def knx(data: bytes, look: Look) -> str:
    """A header of 6 bytes of version 1.0."""
    return "KNXnet/IP" if data[:2] == b"\x06\x10" else "? KNXnet/IP" if len(data) > 5 else ""


def sbus(data: bytes, look: Look) -> str:
    """The length comes first."""
    return "S-Bus" if len(data) >= 11 and _u32(data) == look.size else ""


def portcontrol(data: bytes, look: Look) -> str:
    """RFC 6886 and RFC 6887: the version is in the first byte."""
    return {0: "NAT-PMP", 1: "PCP v1", 2: "PCP v2"}.get(data[0] if data else 255, "")


def esio(data: bytes, look: Look) -> str:
    """The name comes first."""
    return "ESIO" if data[:4] == b"ESIO" else ""


def sflow(data: bytes, look: Look) -> str:
    """A known version."""
    return "sFlow" if _u32(data) in (2, 4, 5) and len(data) >= 4 else ""


def babel(data: bytes, look: Look) -> str:
    """RFC 8966, section 4.2: magic and version."""
    return "Babel" if data[:2] == b"\x2a\x02" else ""


def rx(data: bytes, look: Look) -> str:
    """A header with a known kind; data and abort packets of a known service are AFS."""
    if len(data) < 28 or not 1 <= data[20] <= 13:
        return ""
    return "AFS (RX)" if data[20] == 1 and (7000 <= look.srcport <= 7009 or 7000 <= look.dstport <= 7009) else "RX"


def cpha(data: bytes, look: Look) -> str:
    """The magic number."""
    return "CPHA" if data[:2] == b"\x1a\x90" else ""


def bjnp(data: bytes, look: Look) -> str:
    """A name of four letters, as far as is asked."""
    return "BJNP" if len(data) >= 4 and all(0x20 <= c < 0x7F for c in data[:4]) else ""


def omron(data: bytes, look: Look) -> str:
    """A header whose third byte is 0, with known bits in the first."""
    return "OMRON" if len(data) >= 12 and data[0] in (0x80, 0xC0, 0xC1, 0x81, 0) and data[1] == 0 else ""


def tplink(data: bytes, look: Look) -> str:
    """JSON behind a key of which each byte is the byte before."""
    return "TPLINK-SMARTHOME/JSON" if len(data) > 1 and data[0] ^ 0xAB == 0x7B else ""


def egd(data: bytes, look: Look) -> str:
    """Type and version."""
    return "EGD" if data[:2] == b"\x0d\x01" else ""


def dnp3(data: bytes, look: Look) -> str:
    """IEEE 1815: the start bytes."""
    return "DNP 3.0" if data[:2] == b"\x05\x64" else ""


def steam(data: bytes, look: Look) -> str:
    """The signature."""
    return "STEAMDISCOVER" if data[:8] == b"\xff\xff\xff\xff\x21\x4c\x5f\xa0" else ""


def enip(data: bytes, look: Look) -> str:
    """A known command, and a length that is there."""
    return "ENIP" if len(data) >= 24 else ""


def bacnet(data: bytes, look: Look) -> str:
    """ASHRAE 135, annex J: the control bits tell whether a network's or an application's message is in it."""
    if len(data) < 4 or data[0] not in (0x81, 0x82):
        return ""
    at = 10 if data[1] == 4 else 4
    if data[1] not in (4, 9, 10, 11) or len(data) < at + 2 or data[at] != 1:
        return "BVLC"
    return "BACnet-NPDU" if data[at + 1] & 0x80 else "BACnet-APDU"


def raknet(data: bytes, look: Look) -> str:
    """An offline message has a magic number."""
    magic = b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"
    return "RakNet" if data[1:17] == magic or data[9:25] == magic or data[17:33] == magic else ""


def rtps(data: bytes, look: Look) -> str:
    """The name comes first."""
    return "RTPS" if data[:4] in (b"RTPS", b"RTPX") else ""


def thrift(data: bytes, look: Look) -> str:
    """A strict call of version 1 with a name of letters."""
    if data[:2] != b"\x80\x01" or len(data) < 13 or not 1 <= data[3] <= 4:
        return ""
    size = _u32(data, 4)
    return "THRIFT" if 0 < size < 256 and data[8 : 8 + min(size, 16)].isascii() else ""


def can_eth(data: bytes, look: Look) -> str:
    """The magic."""
    return "CAN-ETH" if data[:8] == b"ISO11898" else ""


def miop(data: bytes, look: Look) -> str:
    """The name comes first; what it brings is GIOP."""
    return "GIOP" if data[:4] == b"MIOP" else ""
